"""Speech acts: texts cut into utterances, each with the form it has and the function it serves.

`train` makes a classifier of labelled utterances, `annotate` applies it to texts, `utterances` only cuts.
"""

from parlance.speech_acts.classifier import annotate, train
from parlance.speech_acts.labels import LABELS, SpeechAct
from parlance.speech_acts.report import Report
from parlance.speech_acts.segmentation import utterances

__all__ = ["LABELS", "Report", "SpeechAct", "annotate", "train", "utterances"]
