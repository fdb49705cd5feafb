"""Instruct examples from threads and pages."""

from collections.abc import Sequence
from dataclasses import fields

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, REFERENCES, Lane
from parlance import plots, schemas
from parlance.lake import TABLES
from parlance.stages import instruct as stages
from parlance.stages.instruct import Settings
from parlance.stages.profiles import require_match
from parlance.versions import content_version
from resources.lake import LakeResource

LEAST_EXAMPLES = 10
BINS = 20
TEXTS = ("instruction", "input", "output")
EXAMPLES = dg.AssetKey(["instruct", "examples"])
PROFILES = dg.AssetKey(["corpus", "profiles"])
DUPLICATES = dg.AssetKey(["corpus", "duplicates"])


class InstructConfig(dg.Config):
    """Which examples are made, what they must be worth, and how they are split."""

    kinds: list[str] = Field(default=list(Settings.kinds), description="Which kinds to make.")
    least_quality: float = Field(
        default=Settings.least_quality, ge=0, le=1, description="Examples below stand in instruct/passed_over."
    )
    most_contamination: float = Field(
        default=Settings.most_contamination, ge=0, le=1, description="Share of an evaluation item in an example."
    )
    validation: float = Field(default=Settings.validation, description="Share of the groups held out for validation.")
    test: float = Field(default=Settings.test, description="Share of the groups held out for the test.")
    largest_group: float = Field(
        default=Settings.largest_group,
        gt=0,
        le=1,
        description="Groups with a larger share of the examples are cut by day; what ties two sides then is left out.",
    )
    seed: int = Field(default=Settings.seed, description="Decides which groups are held out.")

    def settings(self) -> Settings:
        return Settings(
            **{field.name: getattr(self, field.name) for field in fields(Settings)} | {"kinds": (*self.kinds,)}
        )


def instruct_assets(lanes: Sequence[Lane], *, gate: str = "") -> list[dg.AssetsDefinition]:
    """Examples made of the documents of `lanes`; only of a corpus that matches profile `gate`."""
    return [_examples(lanes, gate=gate)]


def _examples(lanes: Sequence[Lane], *, gate: str) -> dg.AssetsDefinition:
    names = [lane.name for lane in lanes]
    inputs = [
        dg.AssetDep(lane.key(table), partition_mapping=dg.AllPartitionMapping())
        for lane in lanes
        for table in ("kept", "utterances", "messages")
        if table != "messages" or f"{lane.name}/messages" in TABLES
    ]
    # Within a run the blocking check of `corpus/profiles` holds them back; a run of their own looks at its last table.
    gates = [dg.AssetDep(PROFILES)] if gate else []

    @dg.asset(
        key=EXAMPLES,
        deps=[*inputs, DUPLICATES, REFERENCES, *gates],
        group_name="instruct",
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version("instruct", "stages.instruct", "stages.portions", "references", "dedup"),
        metadata={
            "dagster/column_schema": metadata.column_schema(schemas.EXAMPLES),
            "passed_over_columns": metadata.column_schema(schemas.PASSED_OVER),
        },
    )
    @no_useless_retries
    def examples(config: InstructConfig, lake: LakeResource) -> dg.MaterializeResult:
        """Questions with their accepted answers, dialogues, and what pages ask and tell, each as a chat.

        Of threads: `answer`, `dialogue` and, of people who agreed to it, `person`; of pages: `faq`, `forum` and
        `passage`. Each has a quality with its reasons, and a split that keeps threads, near duplicates and what one
        person wrote on one day on one side. What became no example stands in `instruct/passed_over`.
        """
        opened = lake.open()
        if gate:
            require_match(opened, gate)
        settings = config.settings()
        report = stages.write_examples(opened, names, settings, compared=stages.compiled(opened))
        table = opened.table("instruct/examples")
        rows = table.scan().sort("id").collect()
        passed_over = opened.table("instruct/passed_over").scan().select("source", "reason", "whole").collect()
        shown = metadata.of_table(table, report.examples, preview=["kind", "split", "instruction", "output"])
        return dg.MaterializeResult(
            data_version=dg.DataVersion(
                content_version(value for row in rows.select("id", "split", *TEXTS).rows() for value in row)
            ),
            metadata=shown
            | {
                "dagster/row_count": report.examples.rows,
                "documents_passed_over": int(passed_over["whole"].sum()),
                "kinds": metadata.table_of(_by_split(rows, "kind")),
                "splits": metadata.table_of(_by_split(rows, "source")),
                "groups": metadata.table_of(_groups(report, len(rows))),
                "imitated": ", ".join(report.imitated) or "nobody",
                "evidence": metadata.table_of(_evidence(rows)),
                "quality": metadata.pictures(_quality(rows)),
                "reasons": metadata.picture(_reasons(passed_over)),
            },
        )

    return examples


def _by_split(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """How many examples of each value of `column` are on which side."""
    splits = [pl.col("split").eq(split).sum().alias(split) for split in stages.SPLITS]
    return (
        rows.group_by(column)
        .agg(pl.len().alias("examples"), *splits)
        .sort("examples", column, descending=[True, False])
    )


def _groups(report: stages.Report, examples: int) -> pl.DataFrame:
    named = {"groups": report.groups, "examples in the largest": report.largest, "cut by day": report.cut}
    return pl.DataFrame({"what belongs together": [*named, "examples"], "count": [*named.values(), examples]})


def _quality(rows: pl.DataFrame) -> list[str]:
    """The spread of quality by source, and what lowered it."""
    bins = [place / BINS for place in range(BINS + 1)]
    found = rows.select("source", place=(pl.col("quality") * BINS).round(0).cast(pl.Int64))
    series = {
        str(source): [places.count(place) for place in range(BINS + 1)]
        for source, places in found.group_by("source").agg("place").sort("source").iter_rows()
    }
    spread = plots.stacked(
        [f"{one:g}" for one in bins], series or {"none": [0] * len(bins)}, title="Examples by quality"
    )
    lowered = rows["quality_reasons"].explode().drop_nulls().value_counts(sort=True)
    return [spread, plots.bars(dict(lowered.iter_rows()), title="What lowered the quality, in examples")]


def _reasons(passed_over: pl.DataFrame) -> str:
    counted = passed_over.group_by("reason").len().sort("len", "reason", descending=[True, False])
    return plots.bars(dict(counted.iter_rows()), title="What became no example, by reason")


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


def instruct_checks(lanes: Sequence[Lane]) -> list[dg.AssetChecksDefinition]:
    """The checks of the examples of `lanes`. All of them block."""
    return [_one_side(lanes), _accounted(lanes), there_are_enough_examples]


def _one_side(lanes: Sequence[Lane]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=EXAMPLES, name="nothing_is_on_two_sides", blocking=True)
    def check(lake: LakeResource) -> dg.AssetCheckResult:
        """No document, no cluster of near duplicates and no author's day has examples in two splits."""
        torn = stages.torn(lake.open(), [lane.name for lane in lanes])
        named = torn.select("tie", "key", pl.col("splits").list.join(" and ")).head(10)
        return dg.AssetCheckResult(
            passed=torn.is_empty(),
            description="; ".join(f"{tie} {key}: {splits}" for tie, key, splits in named.head(3).iter_rows()) or None,
            metadata={"torn": torn.height, "such_as": metadata.table_of(named)},
        )

    return check


def _accounted(lanes: Sequence[Lane]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=EXAMPLES, name="every_kept_document_is_accounted_for", blocking=True)
    def check(lake: LakeResource) -> dg.AssetCheckResult:
        """In each lane kept documents are those with an example and those in `instruct/passed_over`, each once."""
        found = stages.accounted(lake.open(), [lane.name for lane in lanes])
        sums = f"{found.rows_in:,} kept = {found.kept:,} with examples + {found.dropped:,} passed over"
        return dg.AssetCheckResult(
            passed=found.holds,
            description=sums,
            metadata={"wrong": metadata.table_of(found.wrong.with_columns(pl.col("ids").list.join(", ")))},
        )

    return check


@dg.asset_check(asset=EXAMPLES, blocking=True)
def there_are_enough_examples(lake: LakeResource) -> dg.AssetCheckResult:
    """Each split has examples, and training has at least ten: fewer teach nothing and measure nothing."""
    counts = dict(lake.open().table("instruct/examples").scan().group_by("split").len().collect().iter_rows())
    wanted = {"train": LEAST_EXAMPLES, "validation": 1, "test": 1}
    short = {split: counts.get(split, 0) for split, least in wanted.items() if counts.get(split, 0) < least}
    return dg.AssetCheckResult(passed=not short, metadata={"examples": counts, "at_least": wanted, "too_few": short})
