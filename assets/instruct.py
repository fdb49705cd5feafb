"""Instruct examples from Slack threads."""

import dagster as dg
import polars as pl

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import plots, schemas
from parlance.stages import instruct as stages
from parlance.stages.profiles import require_match
from parlance.versions import content_version
from resources.lake import LakeResource

LEAST_EXAMPLES = 10
EXAMPLES = dg.AssetKey(["instruct", "examples"])
PROFILES = dg.AssetKey(["corpus", "profiles"])


def instruct_assets(lane: Lane, *, gate: str = "") -> list[dg.AssetsDefinition]:
    """Examples made of the threads of `lane`; only of a corpus that matches the profile `gate`."""
    return [_examples(lane, gate=gate)]


def _examples(lane: Lane, *, gate: str) -> dg.AssetsDefinition:
    inputs = [
        dg.AssetDep(lane.key(table), partition_mapping=dg.AllPartitionMapping()) for table in ("kept", "utterances")
    ]
    # Within a run the blocking check of `corpus/profiles` holds them back; a run of their own looks at its last table.
    gates = [dg.AssetDep(PROFILES)] if gate else []

    @dg.asset(
        key=EXAMPLES,
        deps=[*inputs, *gates],
        group_name="instruct",
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version("instruct", "stages.instruct"),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.EXAMPLES)},
    )
    @no_useless_retries
    def examples(lake: LakeResource) -> dg.MaterializeResult:
        """Question-and-answer examples from threads, split by thread into train, validation and test."""
        opened = lake.open()
        if gate:
            require_match(opened, gate)
        written, passed_over = stages.write_examples(opened, lane.name)
        table = opened.table("instruct/examples")
        rows = table.scan().sort("id").collect()
        reasons = (
            opened.table("instruct/passed_over").scan().group_by("reason").len().sort("len", descending=True).collect()
        )
        splits = rows.group_by("split").len().sort("split")
        shown = metadata.of_table(table, written, preview=["split", "instruction", "output"])
        return dg.MaterializeResult(
            data_version=dg.DataVersion(content_version(rows["id"])),
            metadata=shown
            | {
                "dagster/row_count": written.rows,
                "threads_passed_over": passed_over.rows,
                "splits": metadata.table_of(splits),
                "evidence": metadata.table_of(_evidence(rows)),
                "reasons": metadata.picture(plots.bars(dict(reasons.iter_rows()), title="Threads without an example")),
            },
        )

    return examples


def _evidence(rows: pl.DataFrame) -> pl.DataFrame:
    """How many examples have what, by the labels of speech acts."""
    asks = pl.col("asks").list.eval(pl.element().struct.field("function"))
    functions = {
        "ask a question": asks.list.contains("question"),
        "request something": asks.list.contains("directive"),
        "ask in form alone": ~asks.list.eval(pl.element().is_in(["question", "directive"]).fill_null(False)).list.any(),
        "thanked": pl.col("thanked"),
        "promise kept": pl.col("promise") == "kept",
        "promise open": pl.col("promise") == "open",
        "hold unsure utterances": pl.col("unsure") > 0,
    }
    counted = rows.select(expression.fill_null(False).sum().alias(name) for name, expression in functions.items())
    return counted.unpivot(variable_name="examples that", value_name="count")


@dg.asset_check(asset=EXAMPLES, blocking=True)
def no_thread_is_on_two_sides(lake: LakeResource) -> dg.AssetCheckResult:
    """Every thread's examples are in one split."""
    threads = lake.open().table("instruct/examples").scan().group_by("document_id").agg(pl.col("split").n_unique())
    torn = threads.filter(pl.col("split") > 1).sort("document_id").head(10).collect()
    return dg.AssetCheckResult(passed=torn.is_empty(), metadata={"threads": torn["document_id"].to_list()})


@dg.asset_check(asset=EXAMPLES, blocking=True)
def there_are_enough_examples(lake: LakeResource) -> dg.AssetCheckResult:
    """Each split has examples, and training has at least ten: fewer teach nothing and measure nothing."""
    counts = dict(lake.open().table("instruct/examples").scan().group_by("split").len().collect().iter_rows())
    wanted = {"train": LEAST_EXAMPLES, "validation": 1, "test": 1}
    short = {split: counts.get(split, 0) for split, least in wanted.items() if counts.get(split, 0) < least}
    return dg.AssetCheckResult(passed=not short, metadata={"examples": counts, "at_least": wanted, "too_few": short})


instruct_checks = [no_thread_is_on_two_sides, there_are_enough_examples]
