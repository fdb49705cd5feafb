"""What a model was made from, in its own folder, for whoever keeps a register of models. Nothing here loads torch."""

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from parlance.errors import ConfigError
from parlance.modelling.reports import TrainingReport

RECORD: Final = "parlance.json"
REFERENCE: Final = "base.json"  # in place of weights: the name of a model that lies elsewhere
KEYS: Final = (
    "fingerprint",
    "base",
    "base_version",
    "dataset",
    "dataset_version",
    "tokenizer_version",
    "code_version",
    "settings",
    "metrics",
    "libraries",
)
LIBRARIES: Final = ("accelerate", "numpy", "peft", "safetensors", "tokenizers", "torch", "transformers")


def write_record(folder: Path, **values: Any) -> None:
    """Writes `values` into the record of the model in `folder`, over those of the same name. Other keys stay."""
    path = folder / RECORD
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else dict.fromkeys(KEYS)
    path.write_text(json.dumps(known | values, indent=1), encoding="utf-8")


def read_record(folder: Path) -> dict[str, Any]:
    """The record of the model in `folder`: `KEYS`, null where something is not known, and whatever else it holds.

    Raises ConfigError where there is none: then the model was not made here.
    """
    path = folder / RECORD
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{str(folder)!r} holds no {RECORD}: the model there was not made by Parlance") from error
    return dict.fromkeys(KEYS) | dict(found)


def refer(folder: Path, *, model: str, endpoint: str | None) -> None:
    """Writes into `folder` that its model is `model`: a path, a name on a hub, or one that `endpoint` keeps."""
    (folder / REFERENCE).write_text(json.dumps({"model": model, "endpoint": endpoint}), encoding="utf-8")


def reference(folder: Path) -> tuple[str, str | None] | None:
    """The model that `folder` refers to, and the endpoint that keeps it (null: it can be loaded); null for none."""
    path = folder / REFERENCE
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return str(found["model"]), found.get("endpoint")


def metrics_of(report: TrainingReport) -> dict[str, Any]:
    """The numbers of a report: losses are the last (of training) and the lowest and last (of validation)."""
    validation = [loss for _, loss in report.validation_losses]
    return {
        "steps": report.steps,
        "best_step": report.best_step,
        "stopped_early": report.stopped_early,
        "tokens": report.tokens,
        "dataset_tokens": report.dataset_tokens,
        "parameters": report.parameters,
        "trainable_parameters": report.trainable_parameters,
        "training_loss": report.train_losses[-1][1] if report.train_losses else None,
        "validation_loss": min(validation, default=None),
        "last_validation_loss": validation[-1] if validation else None,
        "left_out": len(report.left_out),
    }


def libraries() -> Mapping[str, str | None]:
    """The versions of the libraries that training depends on; null for one that is not installed."""
    return {name: _installed(name) for name in LIBRARIES}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
