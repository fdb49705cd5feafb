"""When training stops early, and the weights that were best by then.

Both follow from the validation losses in a checkpoint's state, so a resumed run decides as one that was not killed.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from parlance.modelling.checkpoints import BEST, STATE, complete_checkpoints
from parlance.modelling.loading import LanguageModel

Losses = Sequence[tuple[int, float]]


def validation_losses(history: Iterable[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """(step, nats per token) of each validation in the history that the Trainer keeps."""
    return [(int(entry["step"]), entry["eval_loss"]) for entry in history if "eval_loss" in entry]


def best_step(losses: Losses) -> int | None:
    """The step of the least loss, the first of equal ones; null where nothing was measured.

    >>> best_step([(10, 2.0), (20, 1.5), (30, 1.5)])
    20
    """
    return min(losses, key=lambda pair: pair[1])[0] if losses else None


def is_over(losses: Losses, *, patience: int | None) -> bool:
    """Whether `patience` validations in a row brought nothing better than what was before them.

    >>> is_over([(10, 2.0), (20, 2.1), (30, 2.2)], patience=2)
    True
    """
    best = best_step(losses)
    return patience is not None and best is not None and sum(step > best for step, _ in losses) >= patience


class KeepBest(TrainerCallback):
    """Stops after `patience` validations without a better one; keeps the weights of the best in `folder`.

    A file for each best step, as the run may go on from a checkpoint that is older than the best.
    """

    def __init__(self, folder: Path, model: LanguageModel, *, patience: int) -> None:
        self.folder, self.model, self.patience = folder, model, patience

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        losses = validation_losses(state.log_history)
        if best_step(losses) == state.global_step:
            _write(self.model, self.folder / BEST.format(state.global_step))
        if is_over(losses, patience=self.patience):  # never the other way: it may be the last step
            control.should_training_stop = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        histories = [_history(checkpoint) for checkpoint in complete_checkpoints(self.folder)]
        needed = {best_step(validation_losses(history)) for history in [*histories, state.log_history]}
        for file in self.folder.glob(BEST.format("*")):
            if file.name not in {BEST.format(step) for step in needed}:
                file.unlink()


def restore(model: LanguageModel, folder: Path, *, step: int) -> None:
    """Gives `model` the weights that were kept at `step`."""
    kept = load_file(folder / BEST.format(step))
    with torch.no_grad():
        for name, parameter in _trained(model).items():
            parameter.copy_(kept[name])


def losses_of(checkpoint: Path) -> list[tuple[int, float]]:
    """The validation losses that the run had seen when it wrote `checkpoint`."""
    return validation_losses(_history(checkpoint))


def _history(checkpoint: Path) -> list[dict[str, Any]]:
    state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return list(state.get("log_history", []))


def _trained(model: LanguageModel) -> dict[str, torch.Tensor]:
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def _write(model: LanguageModel, path: Path) -> None:
    """Whole or not at all: the process may die at any byte."""
    scratch = path.with_suffix(".part")
    save_file({name: weights.detach().contiguous() for name, weights in _trained(model).items()}, scratch)
    os.replace(scratch, path)
