"""Labelling functions: small rules that each vote for one speech act, and what their votes say together.

`fired` asks every function about every utterance, `votes` says what they vote, `summary` how good they are, and
`weak_labels` makes of the votes a label with a probability (Ratner et al. 2017, Snorkel).
"""

from parlance.speech_acts.labelling.context import in_conversations
from parlance.speech_acts.labelling.label_model import LabelModel, fit, weak_labels
from parlance.speech_acts.labelling.registry import describe, functions
from parlance.speech_acts.labelling.voting import ABSTAINS, as_votes, fired, summary, votes

__all__ = [
    "ABSTAINS",
    "LabelModel",
    "as_votes",
    "describe",
    "fired",
    "fit",
    "functions",
    "in_conversations",
    "summary",
    "votes",
    "weak_labels",
]
