"""Batch inference: one row for each question of a day that nobody answered."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.lanes import Lane
from assets.models import CHANGED, ON_CHANGE, model_asset, once_for
from assets.promotion import CHAMPION
from parlance import plots, schemas
from parlance.inference.settings import InferenceSettings
from parlance.modelling.settings import GenerationSettings
from parlance.stages import predictions as stages
from parlance.stages.registry import champion
from parlance.storage import Written
from resources.inference import Inference
from resources.lake import LakeResource
from resources.training import TrainingProcess

PREDICTIONS = dg.AssetKey(["models", "predictions"])
# A new model drafts for the latest day alone. Where messages changed, a day with drafts gets them again, since those
# of a deleted question must go; a day that was made late, within a week, gets its first.
DRAFTED = (ON_CHANGE & dg.AutomationCondition.in_latest_time_window()) | (
    once_for(CHANGED.ignore(dg.AssetSelection.assets(CHAMPION)))
    & (dg.AutomationCondition.in_latest_time_window(dt.timedelta(days=7)) | ~dg.AutomationCondition.missing())
)
_GENERATION = ("max_new_tokens", "temperature", "top_p", "repetition_penalty", "batch_size", "seed")


class DraftingConfig(dg.Config):
    """How drafts are written, tried again, and what they cost."""

    max_new_tokens: int = GenerationSettings.max_new_tokens
    temperature: float = Field(default=GenerationSettings.temperature, description="0: always the likeliest token.")
    top_p: float = Field(
        default=GenerationSettings.top_p, description="Draw from the likeliest with that much together."
    )
    repetition_penalty: float = Field(default=GenerationSettings.repetition_penalty, description="Of transformers.")
    batch_size: int = Field(default=GenerationSettings.batch_size, description="Of transformers; changes no answer.")
    seed: int = GenerationSettings.seed
    most_attempts: int = Field(default=InferenceSettings.most_attempts, description="At a failed request, in all runs.")
    answer_attempts: int = Field(default=InferenceSettings.answer_attempts, description="At an answer that is one.")
    parallel: int = Field(default=InferenceSettings.parallel, description="Requests at once with an endpoint.")
    prompt_price: float = Field(default=0.0, description="Of a million prompt tokens.")
    answer_price: float = Field(default=0.0, description="Of a million answer tokens.")

    def settings(self) -> dict[str, Any]:
        """As InferenceSettings has them."""
        values = self.model_dump()
        return {"generation": {name: values.pop(name) for name in _GENERATION}} | values


def prediction_assets(lane: Lane) -> list[dg.AssetsDefinition]:
    """Drafts for the questions of `lane`, by its partitions."""

    @model_asset(
        "models/predictions",
        "stages.predictions",
        "inference",
        "modelling.generation",
        "instruct",
        deps=[lane.key("kept"), lane.key("utterances"), CHAMPION],
        partitions_def=lane.partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        automation_condition=DRAFTED,
        metadata={
            "dagster/column_schema": metadata.column_schema(schemas.PREDICTIONS),
            "answers_columns": metadata.column_schema(schemas.ANSWERS),
        },
    )
    @no_useless_retries
    def predictions(
        context: dg.AssetExecutionContext,
        config: DraftingConfig,
        lake: LakeResource,
        inference: Inference,
        training: TrainingProcess,
    ) -> dg.MaterializeResult:
        """A draft for each question of the day that nobody answered, by the model in use and the prompt.

        Each question has one row, drafted or failed with its error. Answers are kept in `models/answers` as they come,
        so that a run that broke off goes on where it was, and an earlier model brings its drafts back.
        """
        opened, keys = lake.open(), list(context.partition_keys)
        folder, made = ("", inference.model) if inference.is_served() else champion(opened)
        spec = {
            "lake": opened.root,
            "lane": lane.name,
            "partitions": keys,
            "model": str(folder),
            "model_version": made,
            "inference": inference.spec(),
            "settings": config.settings(),
        }
        done = training.run(context, "draft", spec)
        written = Written(**done["written"])
        table = opened.table("models/predictions")
        rows = table.scan(keys).collect()
        figures = _by_partition(rows, set(done["made"]), keys)
        metadata.numbers_by_partition(context, PREDICTIONS, figures)
        shown = metadata.of_table(
            table, written, preview=["channel", "question", "draft"], where=pl.col("status") == "drafted"
        )
        whole = _whole(rows, set(done["made"]), seconds=done["seconds"])
        return dg.MaterializeResult(metadata=shown | {"model_version": made} | whole)

    return [predictions]


def _by_partition(rows: pl.DataFrame, made: set[str], keys: list[str]) -> dict[str, dict[str, Any]]:
    """The figures of each partition, those without a question too."""
    found = {key: rows.filter(pl.col("partition") == key) for key in keys}
    return {key: {"dagster/partition_row_count": part.height} | _figures(part, made) for key, part in found.items()}


def _figures(rows: pl.DataFrame, made: set[str]) -> dict[str, Any]:
    """Counts and sums of rows; tokens, seconds and cost are of their requests, each once, whenever it was made."""
    requests = rows.unique("request_id")
    resumed = (~rows["request_id"].is_in(list(made))).sum()
    return {
        "drafted": rows.filter(pl.col("status") == "drafted").height,
        "failed": rows.filter(pl.col("status") == "failed").height,
        "share_resumed": resumed / rows.height if rows.height else 0.0,
        "prompt_tokens": int(requests["prompt_tokens"].sum()),
        "answer_tokens": int(requests["answer_tokens"].sum()),
        "cost": float(requests["cost"].sum()),
    }


def _whole(rows: pl.DataFrame, made: set[str], *, seconds: float) -> dict[str, Any]:
    """The figures of the run, with what it made in a second, why what failed did, and how drafts ended."""
    now = rows.filter(pl.col("request_id").is_in(list(made))).unique("request_id")
    tokens = int(now["prompt_tokens"].sum() + now["answer_tokens"].sum())
    failures = rows.filter(pl.col("status") == "failed").select("channel", "question", "error", "attempts")
    days = rows.group_by("partition", "status").len().sort("partition", "status")
    return _figures(rows, made) | {
        "requests_made": len(made),
        "cost_of_run": float(now["cost"].sum()),
        "rows_per_s": now.height / seconds if seconds else 0.0,
        "tokens_per_s": tokens / seconds if seconds else 0.0,
        "why_failed": metadata.table_of(failures.head(8)),
        "finish": metadata.table_of(rows.group_by("finish").agg(rows=pl.len()).sort("finish")),
        "by_partition": metadata.picture(_plot(days)),
    }


def _plot(days: pl.DataFrame) -> str:
    """Drafted and failed rows of each partition."""
    labels = days["partition"].unique(maintain_order=True).to_list()
    counts: Mapping[tuple[str, str], int] = {(day, status): rows for day, status, rows in days.iter_rows()}
    series = {status: [counts.get((day, status), 0) for day in labels] for status in ("drafted", "failed")}
    return plots.stacked(labels, series, title="Questions and their drafts")


def prediction_checks(lane: Lane) -> list[dg.AssetChecksDefinition]:
    """The checks of the drafts."""

    @dg.asset_check(
        asset=PREDICTIONS,
        name="one_row_a_question",
        additional_deps=[lane.key("kept"), lane.key("utterances")],
        blocking=True,
    )
    def one_row_a_question(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        """In the partitions every question that waits for an answer has one row, and no message has two anywhere."""
        found = stages.out_of_balance(lake.open(), lane.name, list(context.op_execution_context.partition_keys))
        return dg.AssetCheckResult(
            passed=not any(found.values()),
            metadata={name: messages[:10] for name, messages in found.items()},
        )

    return [one_row_a_question]
