"""From a trained model to the model in use: registered as the candidate, promoted, rolled back.

What is in use stands in the lake, as a small file that names the model; MLflow's aliases and tags say the same to
people. Each change writes the table `models/promotions`, then the registry, then that file, and each of the three
is written only where it does not say so yet: what a crash left half done is finished by the next call.
"""

import datetime as dt
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from parlance import schemas
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.registry import CANDIDATE, CHAMPION, Record, Registered, Registry, record_of
from parlance.registry.cards import card, facts
from parlance.stages import evaluation as evaluations
from parlance.storage import record_batches

CANDIDATES: Final = "models/candidate"
CHAMPIONS: Final = "models/champion"
HISTORY: Final = "models/promotions"
REFERENCE: Final = "model.json"
README: Final = "README.md"
PREVIOUS: Final = "previous"
PROMOTED: Final = "promoted"
CHOSEN: Final = "chosen"
ROLLED_BACK: Final = "rolled_back"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A model in the lake, by the `name` and the `version` that it was published as, and its number in the registry."""

    name: str
    version: str
    registry_version: str

    def folder(self, lake: Lake) -> Path:
        return lake.files.folder(self.name, self.version)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What makes a model the one in use: who, why, when, by which evaluation (null: a person chose).

    `run` names the request, by its first run: a second attempt of it is the same change.
    """

    action: str
    by: str
    reason: str
    at: dt.datetime
    run: str
    evaluation: str | None = None


def register(lake: Lake, registry: Registry, *, name: str, version: str) -> tuple[Registered, Record]:
    """Registers version `version` of the model `name` as the candidate, and writes its card beside it.

    A model that is registered already stays the version that it is.
    """
    record = record_of(lake.files.folder(name, version))
    registered = registry.register(name=name, version=version, uri=lake.files.uri(name, version), record=record)
    current = registry.named(CANDIDATE)
    if current is None or current.number != registered.number:
        registry.name(CANDIDATE, registered)
    reference = Reference(name=name, version=version, registry_version=registered.number)
    with lake.files.publish(CANDIDATES, version) as folder:
        _write(folder, asdict(reference))
    if not (lake.files.folder(name, version) / README).exists():
        describe(lake, registry, reference)
    return registered, record


def describe(lake: Lake, registry: Registry, reference: Reference, result: Mapping[str, Any] | None = None) -> None:
    """Writes the card of a model beside it, with the `result` of its evaluation where there is one."""
    decided = {} if result is None else {"figures": result["figures"], "decision": pl.DataFrame(result["decision"])}
    said = facts(lake, record_of(reference.folder(lake)), version=reference.version, **decided)
    write_card(lake, reference.name, reference.version, card(said, title=f"{registry.model} {reference.version}"))


def write_card(lake: Lake, name: str, version: str, text: str) -> None:
    """Publishes a model again with `text` as its README.md; nothing is done where that is its card already."""
    folder = lake.files.folder(name, version)
    known = folder / README
    if known.exists() and known.read_text(encoding="utf-8") == text:
        return
    with lake.files.publish(name, version, latest=False) as new:
        shutil.copytree(folder, new, dirs_exist_ok=True, copy_function=_linked, ignore=_readme)
        (new / README).write_text(text, encoding="utf-8")


def candidate(lake: Lake) -> Reference:
    """The model that was registered last. Raises ConfigError where none was."""
    return _reference(lake, CANDIDATES)


def champion(lake: Lake) -> tuple[Path, str]:
    """The folder and the version of the model in use. Raises ConfigError where none was promoted yet."""
    reference = in_use(lake)
    if reference is None:
        raise ConfigError(f"no model is in use: materialise {CHAMPIONS!r}, which promotes the first one")
    return reference.folder(lake), reference.version


def in_use(lake: Lake) -> Reference | None:
    """The model in use; null where none was promoted yet."""
    return _reference(lake, CHAMPIONS) if lake.files.latest(CHAMPIONS) else None


def history(lake: Lake) -> pl.DataFrame:
    """The changes of the model in use (PROMOTIONS), in their order."""
    return lake.table(HISTORY).scan().sort("number").collect()


def taken_out(lake: Lake, version: str) -> dict[str, Any] | None:
    """The row by which somebody took `version` out of use, if that was the last that happened to it; else null."""
    rows = history(lake).filter((pl.col("model") == version) | (pl.col("previous") == version))
    last = rows.tail(1).to_dicts()
    return last[0] if last and last[0]["action"] != PROMOTED and last[0]["previous"] == version else None


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """The model in use after a promotion; `stayed` says why it is not the candidate, empty where it is."""

    reference: Reference
    stayed: str = ""


def promote(lake: Lake, registry: Registry, *, by: str, reason: str, at: dt.datetime, run: str) -> Promoted:
    """Takes the candidate into use, if the last evaluation is of it and allows that.

    A candidate that somebody took out of use does not come back by itself. Raises ConfigError where the evaluation
    is of other models or refuses the candidate: the gate stands here too, for a run without the check.
    """
    chosen, current = candidate(lake), in_use(lake)
    made, result = evaluations.latest(lake)
    if current is not None and (row := taken_out(lake, chosen.version)):
        stayed = f"{chosen.version} was taken out of use by {row['promoted_by']}: {row['reason']}"
        return Promoted(reference=current, stayed=stayed)
    if current is None or current.version != chosen.version:
        evaluations.check_is_of(result, chosen.version, current.version if current else None)
        if not result["passed"]:
            raise ConfigError(f"candidate {chosen.version!r} is refused by its evaluation: {result['reason']}")
    change = Change(action=PROMOTED, by=by, reason=reason or result["reason"], at=at, run=run, evaluation=made)
    registered = registry.find(chosen.version)
    if registered is not None:
        registry.log(
            registered, {f"evaluation.{name}": value for name, value in result["figures"]["candidate"].items()}
        )
    describe(lake, registry, chosen, result)
    return Promoted(reference=put(lake, registry, chosen, change))


def choose(lake: Lake, registry: Registry, version: str, change: Change) -> Reference:
    """Takes the model `version`, or `previous`, into use because a person says so.

    Raises ConfigError without a person and a reason, and for a version that was never registered.
    """
    if not change.by.strip() or not change.reason.strip():
        raise ConfigError(
            f"version {version!r} is chosen by hand, so promoted_by and reason must be said; they are {change.by!r} and"
            f" {change.reason!r}"
        )
    wanted = _before(lake, change.run) if version == PREVIOUS else version
    registered = registry.find(wanted)
    if registered is None:
        raise ConfigError(f"no model {wanted!r} is registered; registered and once in use: {_once_in_use(lake)}")
    reference = Reference(name=registered.tags["name"], version=wanted, registry_version=registered.number)
    return put(lake, registry, reference, change)


def put(lake: Lake, registry: Registry, reference: Reference, change: Change) -> Reference:
    """Takes `reference` into use: the table, the registry, the reference in the lake, each where it lacks that."""
    reference.folder(lake)  # so that nothing is changed where the model is gone
    rows = history(lake)
    previous = str(rows["model"].last()) if rows.height else None
    if previous != reference.version:
        row = _row(reference, change, number=rows.height + 1, previous=previous)
        lake.table(HISTORY).append(record_batches(row, schemas.PROMOTIONS))
        rows = history(lake)
    said = rows.tail(1).to_dicts()[0]
    named = registry.named(CHAMPION)
    if named is None or named.number != reference.registry_version:
        registered = registry.find(reference.version)
        if registered is None:
            raise ConfigError(
                f"model {reference.version!r} is not in the registry at {registry.url}: register it first"
            )
        registry.tag(registered, {key: str(said[key]) for key in ("action", "promoted_by", "reason", "at")})
        registry.name(CHAMPION, registered)
    if in_use(lake) != reference:
        # By number, so that a model which comes back has a folder of its own with its own reasons.
        with lake.files.publish(CHAMPIONS, f"{said['number']}-{reference.version}") as folder:
            _write(folder, asdict(reference) | {**said, "at": said["at"].isoformat()})
    return reference


def disagreement(lake: Lake, registry: Registry) -> str:
    """How the registry and the lake differ about the model in use; empty where they agree."""
    reference, named = in_use(lake), registry.named(CHAMPION)
    last = history(lake).tail(1)["model"].to_list()
    said = {
        "the lake": reference.version if reference else None,
        "the registry": named.version if named else None,
        HISTORY: last[0] if last else None,
    }
    return "" if len(set(said.values())) == 1 else ", ".join(f"{where}: {what}" for where, what in said.items())


def _reference(lake: Lake, name: str) -> Reference:
    said = json.loads((lake.files.folder(name) / REFERENCE).read_text(encoding="utf-8"))
    return Reference(name=said["name"], version=said["version"], registry_version=said["registry_version"])


def _write(folder: Path, said: dict[str, Any]) -> None:
    (folder / REFERENCE).write_text(json.dumps(said, indent=1), encoding="utf-8")


def _row(reference: Reference, change: Change, *, number: int, previous: str | None) -> pl.DataFrame:
    values = {
        "number": number,
        "at": change.at,
        "action": change.action,
        "name": reference.name,
        "model": reference.version,
        "previous": previous,
        "registry_version": reference.registry_version,
        "promoted_by": change.by,
        "run": change.run,
        "reason": change.reason,
        "evaluation": change.evaluation,
    }
    return pl.DataFrame([values], schema_overrides={"previous": pl.String, "evaluation": pl.String})


def _before(lake: Lake, run: str) -> str:
    """The model to go back to; where `run`, or a request that broke off, went back already, the one it went to.

    Raises ConfigError where there is none.
    """
    rows, current = history(lake), in_use(lake)
    last = rows.tail(1).to_dicts()
    if last and (last[0]["run"] == run or (last[0]["action"] == ROLLED_BACK and not _is(current, last[0]["model"]))):
        return str(last[0]["model"])
    left = _left(rows)
    if len(left) < 2:
        raise ConfigError(
            f"there is no previous model that nobody took out of use: name one in `version`; once in use:"
            f" {_once_in_use(lake)}"
        )
    return left[-2]


def _is(reference: Reference | None, version: str) -> bool:
    return reference is not None and reference.version == version


def _left(rows: pl.DataFrame) -> list[str]:
    """The models that one can go back to, in the order of their use; the last is the one in use.

    Whoever goes back, by a rollback or by naming a model that is among them, leaves out all that came after it.
    """
    left: list[str] = []
    for action, model in rows.select("action", "model").iter_rows():
        if model in left and action != PROMOTED:
            del left[left.index(model) + 1 :]
        else:
            left = [*(one for one in left if one != model), model]
    return left


def _once_in_use(lake: Lake) -> list[str]:
    return history(lake)["model"].unique(maintain_order=True).to_list()


def _linked(source: str, target: str) -> str:
    """A second name for a file, or a copy where the file system has none: published files never change."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _readme(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == README]
