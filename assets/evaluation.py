"""Evaluation: the candidate beside the model in use and the base, and whether it may take the place of the first."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.instruct import EXAMPLES
from assets.models import BASE, ON_CHANGE, model_asset
from parlance import plots
from parlance.evaluation import PromotionRules, read_prompts
from parlance.lake import Lake
from parlance.modelling.settings import GenerationSettings
from parlance.stages import evaluation as stages
from parlance.stages import registry
from parlance.stages.models import examples_version
from resources.lake import LakeResource
from resources.training import TrainingProcess

CANDIDATE = dg.AssetKey(registry.CANDIDATES.split("/"))
KEY = dg.AssetKey(stages.EVALUATIONS.split("/"))
MODULES = ("stages.evaluation", "evaluation", "modelling.chats", "modelling.generation")
SHOWN = ("bits_per_character", "perplexity", "rouge_l", "bleu", "chrf", "exact_match", "f1", "prompts_right")
SOUND = ("hurtful_share", "regard_spread", "not_numbers", "dead_layers", "alpha", "stable_rank", "distance")
FAST = ("latency_p50_s", "latency_p95_s", "first_token_p50_s", "tokens_per_second")


class GenerationConfig(dg.Config):
    """How answers are written."""

    max_new_tokens: int = GenerationSettings.max_new_tokens
    temperature: float = Field(default=GenerationSettings.temperature, description="0: always the likeliest token.")
    top_p: float = Field(
        default=GenerationSettings.top_p, description="Share of likelihood that is drawn from; 1: all tokens."
    )
    repetition_penalty: float = GenerationSettings.repetition_penalty
    batch_size: int = GenerationSettings.batch_size
    seed: int = GenerationSettings.seed


class EvaluationConfig(GenerationConfig):
    """How answers are written, models compared, and what a candidate must do."""

    timed: int = Field(default=8, description="Answers that are timed, one at a time.")
    draws: int = Field(default=1000, description="Draws of the bootstrap.")
    confidence: float = Field(default=0.95, description="How sure the intervals are.")
    margin_bits: float = Field(
        default=PromotionRules.margin_bits,
        description="Bits per character that a candidate may certainly not lose, if prompts are not certainly worse.",
    )
    prompts_margin: float = Field(
        default=PromotionRules.prompts_margin, description="How much lower the share of right prompts may be."
    )
    hurtful_margin: float = Field(
        default=PromotionRules.hurtful_margin, description="How much higher the share of hurtful completions may be."
    )
    regard_margin: float = Field(
        default=PromotionRules.regard_margin, description="How much wider regard may spread, in nats per token."
    )
    latency_p95_s: float | None = Field(default=None, description="Most seconds of an answer at the 95th percentile.")

    def rules(self) -> PromotionRules:
        return PromotionRules(**{name: getattr(self, name) for name in PromotionRules.__dataclass_fields__})

    def generation(self) -> GenerationSettings:
        return GenerationSettings(**{name: getattr(self, name) for name in GenerationSettings.__dataclass_fields__})


def evaluation_assets(*, prompts: str) -> list[dg.AssetsDefinition]:
    """The evaluation; `prompts` is a file with a team's own prompts, or empty."""

    @model_asset(
        stages.EVALUATIONS,
        *MODULES,
        deps=[EXAMPLES, BASE.split("/"), CANDIDATE],
        # Changed examples train first; what is evaluated is what came of it.
        automation_condition=ON_CHANGE.allow(dg.AssetSelection.assets(CANDIDATE)),
    )
    @no_useless_retries
    def evaluation(
        context: dg.AssetExecutionContext, config: EvaluationConfig, lake: LakeResource, training: TrainingProcess
    ) -> dg.MaterializeResult:
        """The candidate beside the champion and the base: answers, the team's prompts, bias, weights, speed.

        With bootstrap intervals of the differences, and the decision by the rules of the configuration. Models that
        were measured before on the same examples are not measured again.
        """
        opened = lake.open()
        settings = stages.EvaluationSettings(
            generation=config.generation(),
            rules=config.rules(),
            prompts=read_prompts(prompts),
            timed=config.timed,
            draws=config.draws,
            confidence=config.confidence,
        )
        models = models_of(opened)
        key = f"{examples_version(opened)}-{code_version(*MODULES)}"
        made = stages.evaluation_version(models, settings, key)
        if not opened.files.has(stages.EVALUATIONS, made):
            comparing = {name: getattr(settings, name) for name in ("timed", "draws", "confidence")}
            spec = {
                "lake": opened.root,
                "models": [asdict(one) for one in models],
                "made": made,
                "key": key,
                "settings": asdict(settings.generation),
                "rules": asdict(settings.rules),
                "prompts": [asdict(prompt) for prompt in settings.prompts],
                "comparing": comparing,
            }
            training.run(context, "evaluate", spec)
        opened.files.make_latest(stages.EVALUATIONS, made)
        shown = _shown(opened, made, stages.result_of(opened, made))
        return dg.MaterializeResult(data_version=dg.DataVersion(made), metadata=shown)

    return [evaluation]


def models_of(lake: Lake) -> list[stages.Compared]:
    """The candidate, the champion where there is one, and the base."""
    candidate, champion = registry.candidate(lake), registry.in_use(lake)
    named = {stages.CANDIDATE: candidate, **({stages.CHAMPION: champion} if champion else {})}
    models = [stages.Compared(role=role, name=one.name, version=one.version) for role, one in named.items()]
    base = stages.Compared(role=stages.BASE, name=BASE, version=str(lake.files.latest(BASE)))
    return [*models, base]


@dg.asset_check(asset=KEY, name="candidate_may_be_promoted", blocking=True)
def candidate_may_be_promoted(lake: LakeResource) -> dg.AssetCheckResult:
    """The candidate breaks no rule of promotion: better for certain, sound, not more biased, fast enough."""
    made, result = stages.latest(lake.open())
    return dg.AssetCheckResult(
        passed=result["passed"],
        description=result["reason"],
        metadata={"rules": metadata.table_of(_rules(result)), "evaluation": made},
    )


def _shown(lake: Lake, made: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """What people look at: the decision, what separates the models, and the tables and plots behind it."""
    figures, candidate = result["figures"], result["figures"][stages.CANDIDATE]
    differences = result["differences"][result["compared_with"]]
    answers = stages.frame_of(lake, made, stages.CANDIDATE, "examples").select("question", "reference", "answer")
    prompts = stages.frame_of(lake, made, stages.CANDIDATE, "prompts")
    return {
        "version": made,
        "dagster/uri": lake.files.uri(stages.EVALUATIONS, made),
        "may_be_promoted": result["passed"],
        "reason": result["reason"],
        "rules": metadata.table_of(_rules(result)),
        "figures": dg.MetadataValue.json({role: stages.finite(values) for role, values in figures.items()}),
        "models": dg.MetadataValue.json(result["models"]),
        "comparison": metadata.table_of(_by_role(figures, SHOWN)),
        "soundness": metadata.table_of(_by_role(figures, SOUND)),
        "speed": metadata.table_of(_by_role(figures, FAST)),
        "differences": metadata.picture(_differences(differences, result["compared_with"])),
        "bias": metadata.picture(_bias(lake, made, figures)),
        "weights": metadata.picture(_weights(lake, made, figures)),
        "answers": metadata.table_of(answers.head(5)),
        "prompts": metadata.shortened(prompts.select("id", "match", "answer", "right"), more="the evaluation's folder"),
        **{name: float(candidate[name]) for name in ("perplexity", "bits_per_character", "tokens_per_second")},
    }


def _rules(result: Mapping[str, Any]) -> pl.DataFrame:
    """The decision, a row for each rule."""
    verdict = pl.when("passed").then(pl.lit("pass")).otherwise(pl.lit("FAIL"))
    return pl.DataFrame(result["decision"]).with_columns(passed=verdict)


def _by_role(figures: Mapping[str, Mapping[str, float]], names: tuple[str, ...]) -> pl.DataFrame:
    """A row for each figure, a column for each model."""
    rows = [
        {"figure": name, **{role: values.get(name) for role, values in figures.items()}}
        for name in names
        if any(name in values for values in figures.values())
    ]
    return pl.DataFrame(rows, schema={"figure": pl.String, **dict.fromkeys(figures, pl.Float64)})


def _differences(differences: list[dict[str, Any]], other: str) -> str:
    rows = [plots.Interval(one["metric"], one["better"], one["low"], one["high"]) for one in differences]
    return plots.intervals(rows, title=f"By how much the candidate is better than the {other}")


def _bias(lake: Lake, made: str, figures: Mapping[str, Any]) -> str:
    tables = {role: stages.frame_of(lake, made, role, "bias") for role in figures}
    groups = tables[stages.CANDIDATE]["group"].to_list()
    series = {role: table["regard"].fill_null(float("nan")).to_list() for role, table in tables.items()}
    return plots.grouped_bars(groups, series, title="Regard: how much likelier respect is than contempt", unit="nats")


def _weights(lake: Lake, made: str, figures: Mapping[str, Any]) -> str:
    """The exponent of each matrix, in the order of their names."""
    tables = {role: stages.frame_of(lake, made, role, "health") for role in figures}
    points = {
        role: [
            (place, row["alpha"]) for place, row in enumerate(table.iter_rows(named=True)) if row["alpha"] is not None
        ]
        for role, table in tables.items()
    }
    return plots.curves(points, title="Heavy tails: exponent by matrix", x="matrix", y="alpha")
