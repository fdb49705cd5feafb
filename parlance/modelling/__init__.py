"""Models: pretraining, fine-tuning and generation, on CUDA where it is present and the CPU otherwise.

Importing this package loads no torch; the functions that need it load it when they are first named.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from parlance.modelling.fingerprints import fingerprint
from parlance.modelling.reports import Generated, OnProgress, Progress, TrainingReport
from parlance.modelling.settings import FinetuningSettings, GenerationSettings, PretrainingSettings

if TYPE_CHECKING:
    from parlance.modelling.chats import chat_texts
    from parlance.modelling.finetuning import finetune
    from parlance.modelling.generation import generate
    from parlance.modelling.pretraining import pretrain

__all__ = [
    "FinetuningSettings",
    "Generated",
    "GenerationSettings",
    "OnProgress",
    "PretrainingSettings",
    "Progress",
    "TrainingReport",
    "chat_texts",
    "finetune",
    "fingerprint",
    "generate",
    "pretrain",
]

HEAVY = {
    "chat_texts": "chats",
    "finetune": "finetuning",
    "generate": "generation",
    "pretrain": "pretraining",
}


def __getattr__(name: str) -> Any:
    if name not in HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Threads that wait for each other by spinning take the cores from whatever else runs there: on a busy machine of
    # two cores training was ten times slower. Read once, when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return getattr(import_module(f"{__name__}.{HEAVY[name]}"), name)
