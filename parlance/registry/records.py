"""What a model was made from, as its folder says it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parlance.errors import SchemaError

RECORD, REPORT = "parlance.json", "report.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a model was made from; empty where its folder does not say.

    `metrics` are the figures of its training, `curves` losses by name as (step, nats per token).
    """

    fingerprint: str = ""
    base: str = ""
    base_version: str = ""
    dataset: str = "instruct/examples"
    dataset_version: str = ""
    tokenizer_version: str = ""
    code_version: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)


def record_of(folder: Path) -> Record:
    """The record of the model in `folder`. Raises SchemaError where a file of it is no JSON object."""
    made, report = _object(folder / RECORD), _object(folder / REPORT)
    curves = {
        "train_loss": [(int(step), float(loss)) for step, loss in report.get("train_losses", [])],
        "validation_loss": [(int(step), float(loss)) for step, loss in report.get("validation_losses", [])],
    }
    last = {name: points[-1][1] for name, points in curves.items() if points}
    # A key that is there may be null: not known.
    known = {name: value for name, value in made.items() if value is not None}
    libraries = known.get("libraries", {}).items()
    return Record(
        fingerprint=known.get("fingerprint", report.get("fingerprint", "")),
        base=known.get("base", ""),
        base_version=known.get("base_version", ""),
        dataset=known.get("dataset", "instruct/examples"),
        dataset_version=known.get("dataset_version", known.get("data", "")),
        tokenizer_version=known.get("tokenizer_version", ""),
        code_version=known.get("code_version", ""),
        settings=known.get("settings", {}),
        metrics=_numbers(report) | last | _numbers(known.get("metrics", {})),
        libraries={name: number for name, number in libraries if number is not None},
        curves={name: points for name, points in curves.items() if points},
    )


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in values.items() if type(value) in (int, float)}


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; empty where there is no such file."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SchemaError(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise SchemaError(f"{path} holds {type(found).__name__}, needs an object")
    return found
