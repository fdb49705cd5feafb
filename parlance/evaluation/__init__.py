"""How good a model is, how sound and how fast, and whether it may take the place of the one in use. All of it offline.

Importing this package loads no torch; the functions that need it load it when they are first named.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from parlance.evaluation.bootstrap import Difference, compare
from parlance.evaluation.promotion import Decision, PairedPrompts, PromotionRules, decide
from parlance.evaluation.prompts import Prompt, read_prompts
from parlance.evaluation.reports import Evaluation, Measured

if TYPE_CHECKING:
    from parlance.evaluation.measuring import measure
    from parlance.evaluation.scoring import evaluate

__all__ = [
    "Decision",
    "Difference",
    "Evaluation",
    "Measured",
    "PairedPrompts",
    "PromotionRules",
    "Prompt",
    "compare",
    "decide",
    "evaluate",
    "measure",
    "read_prompts",
]

HEAVY = {"evaluate": "scoring", "measure": "measuring"}


def __getattr__(name: str) -> Any:
    if name not in HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `parlance.modelling` does, and why
    return getattr(import_module(f"{__name__}.{HEAVY[name]}"), name)
