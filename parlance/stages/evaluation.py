"""How good the candidate is beside the model in use and the base. `evaluate` runs in the training process.

Each model is measured once for the same examples, prompts and settings; the comparison is made of what was measured.

    models/measurements/<version>/   measured.json, and the tables of `Measured` as Parquet
    models/evaluation/<version>/     evaluation.json: figures by model, differences, the decision and its reason
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from parlance import evaluation
from parlance.errors import ConfigError
from parlance.evaluation import Decision, Difference, Measured, PromotionRules, Prompt
from parlance.lake import Lake
from parlance.modelling.settings import GenerationSettings
from parlance.stages.models import base_of, examples_of
from parlance.versions import version

EVALUATIONS: Final = "models/evaluation"
MEASUREMENTS: Final = "models/measurements"
RESULT, MEASURED = "evaluation.json", "measured.json"
CANDIDATE, CHAMPION, BASE = "candidate", "champion", "base"
ALREADY = {"rule": "already in use", "passed": True, "found": "the candidate is the champion", "allowed": ""}


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A model in its `role`, the candidate, the champion or the base, as the lake knows it: by `name` and `version`."""

    role: str
    name: str
    version: str

    def model(self, lake: Lake) -> str:
        """The model's folder, or the name on a hub that stands there in its place."""
        return base_of(lake.files.folder(self.name, self.version))


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How models are measured, compared and judged."""

    generation: GenerationSettings
    rules: PromotionRules
    prompts: Sequence[Prompt] = ()
    timed: int = 8
    draws: int = 1000
    confidence: float = 0.95

    def measuring(self) -> str:
        """What a measurement depends on beside model and examples, as a version."""
        return version(self.generation, self.timed, [asdict(prompt) for prompt in self.prompts])


def evaluation_version(models: Sequence[Compared], settings: EvaluationSettings, *parts: str) -> str:
    """The version of an evaluation of `models`; `parts` are whatever else it is made from, examples and code."""
    said = [(one.role, one.version) for one in models]
    return version(said, settings.measuring(), settings.rules, settings.draws, settings.confidence, parts)


def evaluate(
    lake: Lake, *, models: Sequence[Compared], made: str, key: str, settings: EvaluationSettings
) -> dict[str, Any]:
    """Measures the models, holds the candidate against the champion or, where there is none, the base, and decides.

    Publishes the result as version `made`; `key` names examples and code, by which measurements are found again.
    """
    by_role = {one.role: one for one in models}
    measured = {
        role: _measured(lake, one, base=None if role == BASE else by_role[BASE], key=key, settings=settings)
        for role, one in by_role.items()
    }
    result = compared(by_role, measured, settings)
    with lake.files.publish(EVALUATIONS, made) as folder:
        (folder / RESULT).write_text(json.dumps(result, indent=1), encoding="utf-8")
        for role, one in measured.items():
            _write_frames(one, folder / role)
    return result


def compared(
    models: Mapping[str, Compared], measured: Mapping[str, Measured], settings: EvaluationSettings
) -> dict[str, Any]:
    """What separates the candidate from the others, and the decision, as JSON."""
    others = [role for role in (CHAMPION, BASE) if role in models]
    differences = {
        role: evaluation.compare(
            measured[CANDIDATE].examples,
            measured[role].examples,
            draws=settings.draws,
            confidence=settings.confidence,
            seed=settings.generation.seed,
        )
        for role in others
    }
    decision = _decide(models, measured, differences[others[0]], others[0], settings)
    return {
        "models": {role: one.version for role, one in models.items()},
        "compared_with": others[0],
        "figures": {role: one.figures for role, one in measured.items()},
        "differences": {role: [asdict(one) for one in found] for role, found in differences.items()},
        "decision": decision.rows.to_dicts(),
        "passed": decision.passed,
        "reason": decision.reason,
        "left_out": {role: len(one.left_out) for role, one in measured.items()},
    }


def latest(lake: Lake) -> tuple[str, dict[str, Any]]:
    """The version and the result of the last evaluation. Raises ConfigError where there was none."""
    made = lake.files.latest(EVALUATIONS)
    return str(made), result_of(lake, made)


def result_of(lake: Lake, made: str | None) -> dict[str, Any]:
    """What `evaluate` published as version `made` (null: the last)."""
    result: dict[str, Any] = json.loads((lake.files.folder(EVALUATIONS, made) / RESULT).read_text(encoding="utf-8"))
    return result


def frame_of(lake: Lake, made: str, role: str, name: str) -> pl.DataFrame:
    """The table `name` of `Measured` of the model in `role`; empty where it has no rows."""
    return pl.read_parquet(lake.files.folder(EVALUATIONS, made) / role / f"{name}.parquet")


def finite(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Figures as JSON knows them: what is no number is null."""
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def _decide(
    models: Mapping[str, Compared],
    measured: Mapping[str, Measured],
    differences: Sequence[Difference],
    other: str,
    settings: EvaluationSettings,
) -> Decision:
    if models[CANDIDATE].version == models[other].version:
        return Decision.of([ALREADY])
    candidate, beside = measured[CANDIDATE], measured[other]
    prompts = evaluation.PairedPrompts.of(candidate.prompts, beside.prompts)
    return evaluation.decide(
        candidate.figures,
        beside.figures,
        differences,
        prompts,
        rules=settings.rules,
        confidence=settings.confidence,
    )


def _measured(
    lake: Lake, model: Compared, *, base: Compared | None, key: str, settings: EvaluationSettings
) -> Measured:
    """What was measured of a model; measured now where it was not before."""
    made = version(model.version, base.version if base else "", key, settings.measuring())
    if not lake.files.has(MEASUREMENTS, made):
        found = evaluation.measure(
            model.model(lake),
            examples_of(lake),
            base=base.model(lake) if base else None,
            prompts=settings.prompts,
            timed=settings.timed,
            settings=settings.generation,
        )
        with lake.files.publish(MEASUREMENTS, made) as folder:
            (folder / MEASURED).write_text(json.dumps(found.to_dict(), indent=1), encoding="utf-8")
            _write_frames(found, folder)
    return _read(lake.files.folder(MEASUREMENTS, made))


def _write_frames(measured: Measured, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, frame in measured.frames().items():
        frame.write_parquet(folder / f"{name}.parquet")


def _read(folder: Path) -> Measured:
    said = json.loads((folder / MEASURED).read_text(encoding="utf-8"))
    examples, prompts, bias, health = (
        pl.read_parquet(folder / f"{name}.parquet") for name in ("examples", "prompts", "bias", "health")
    )
    return Measured(**said, examples=examples, prompts=prompts, bias=bias, health=health)


def check_is_of(result: Mapping[str, Any], candidate: str, champion: str | None) -> None:
    """Raises ConfigError where an evaluation is not of this candidate beside this champion."""
    models = result["models"]
    if models[CANDIDATE] != candidate or models.get(CHAMPION) != champion:
        raise ConfigError(
            f"the last evaluation is of candidate {models[CANDIDATE]!r} beside champion {models.get(CHAMPION)!r};"
            f" now they are {candidate!r} and {champion!r}: materialise {EVALUATIONS!r} first"
        )
