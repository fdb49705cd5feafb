"""Examples that a language model writes from real ones: marked for ever, for training alone."""

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.instruct import EXAMPLES
from assets.lanes import OWNERS
from assets.optional import needs
from parlance import plots, schemas
from parlance.stages import synthesis as stages
from parlance.synthesis import METHODS, Synthesis, SynthesisSettings
from parlance.versions import content_version
from resources.lake import LakeResource
from resources.language_model import LanguageModel

SYNTHETIC = dg.AssetKey(["instruct", "synthetic"])


class SynthesisConfig(dg.Config):
    """What is generated, how much, and what it may cost."""

    candidates: int = Field(default=SynthesisSettings.candidates, ge=1, description="How many are tried.")
    methods: list[str] = Field(default=list(METHODS), description=f"In turns, of {', '.join(METHODS)}.")
    shown: int = Field(default=SynthesisSettings.shown, ge=1, description="Examples shown in self-instruct.")
    evolutions: int = Field(default=SynthesisSettings.evolutions, ge=1, description="Rewritings in evol-instruct.")
    seed: int = SynthesisSettings.seed
    temperature: float = Field(default=SynthesisSettings.temperature, ge=0)
    most_answer_tokens: int = Field(default=SynthesisSettings.most_answer_tokens, ge=1, description="Of one answer.")
    most_tokens: int = Field(default=SynthesisSettings.most_tokens, ge=1, description="Of all requests and answers.")
    most_cost: float | None = Field(default=None, description="In the currency of the prices; null: no bound.")
    prompt_price: float = Field(default=0.0, ge=0, description="Of a million prompt tokens.")
    answer_price: float = Field(default=0.0, ge=0, description="Of a million answer tokens.")
    parallel: int = Field(default=SynthesisSettings.parallel, ge=1, description="Requests side by side.")
    copied: float = Field(default=SynthesisSettings.copied, gt=0, le=1, description="Overlap from which it is a copy.")

    def settings(self) -> SynthesisSettings:
        values = self.model_dump()
        return SynthesisSettings(**values | {"methods": tuple(values["methods"])})


@dg.asset(
    key=SYNTHETIC,
    deps=[EXAMPLES],
    group_name="instruct",
    kinds={"deltalake", "openai"},
    owners=OWNERS,
    tags=needs("PARLANCE_LLM_URL"),
    code_version=code_version("synthesis", "stages.synthesis"),
    metadata={
        "dagster/column_schema": metadata.column_schema(schemas.SYNTHETIC),
        "synthetic_rejected_columns": metadata.column_schema(schemas.SYNTHETIC_REJECTED),
    },
)
@no_useless_retries
def synthetic(config: SynthesisConfig, lake: LakeResource, language_model: LanguageModel) -> dg.MaterializeResult:
    """Examples that the model at PARLANCE_LLM_URL writes from those of split train: self-instruct and evol-instruct.

    Rows are marked `kind: synthetic` and say which examples the model was shown. Copies, refusals and the like stand
    with their reason in `instruct/synthetic_rejected`. A second run with the same settings asks for nothing.
    """
    opened = lake.open()
    with language_model.endpoint() as endpoint:
        done = stages.write_synthetic(opened, endpoint, cache=language_model.folder(), settings=config.settings())
    made, table = done.made, opened.table("instruct/synthetic")
    reasons = made.rejected.group_by("reason").agg(candidates=pl.len()).sort("candidates", "reason", descending=True)
    shown = metadata.of_table(table, done.written, preview=["method", "instruction", "output"])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(content_version(sorted(made.rows["id"]))),
        metadata=shown
        | {
            "dagster/row_count": done.written.rows,
            "model": language_model.model,
            "seeds": made.seeds,
            "candidates": metadata.table_of(_outcomes(made)),
            "prompt_tokens": made.prompt_tokens,
            "answer_tokens": made.answer_tokens,
            "cost": made.cost,
            "asked_now": done.asked_now,
            "tokens_paid_now": done.paid_now,
            "not_tried_for_budget": made.not_tried,
            "rejected": metadata.picture(plots.bars(dict(reasons.iter_rows()), title="Rejected candidates")),
            "why_rejected": metadata.table_of(made.rejected.select("reason", "detail", "instruction").head(8)),
        },
    )


def _outcomes(made: Synthesis) -> pl.DataFrame:
    """Candidates by method and what became of them."""
    frames = [made.rows.select("method", outcome=pl.lit("example")), made.rejected.select("method", outcome="reason")]
    return pl.concat(frames).group_by("method", "outcome").agg(candidates=pl.len()).sort("method", "outcome")


@dg.asset_check(asset=SYNTHETIC, blocking=True)
def only_training_sees_generated_rows(lake: LakeResource) -> dg.AssetCheckResult:
    """Every generated row is marked, in split train, and made from examples that are in split train today."""
    found = stages.unsound(lake.open())
    counts = found.group_by("reason").agg(rows=pl.len()).sort("reason")
    return dg.AssetCheckResult(
        passed=found.is_empty(),
        metadata={"rows": metadata.table_of(counts), "ids": found["id"].head(10).to_list()},
    )


synthesis_assets = [synthetic]
synthesis_checks = [only_training_sees_generated_rows]
