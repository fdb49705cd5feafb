"""What speech acts the corpus holds: by time, channel, role and source, form by function, what follows what."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import schemas
from parlance.excerpts import CHARACTERS
from parlance.insight import pictures
from parlance.lake import Lake
from parlance.stages import insight as stages
from resources.lake import LakeResource

KEY = dg.AssetKey(["corpus", "speech_acts"])
GROUP = "insight"


def insight_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """The speech acts over `lanes`."""

    @dg.asset(
        key=KEY,
        deps=[dg.AssetDep(lane.key("utterances"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes],
        group_name=GROUP,
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version("insight", "stages.insight", "stages.portions"),
        metadata={
            "dagster/column_schema": metadata.column_schema(schemas.SPEECH_ACTS),
            "speech_act_transitions_columns": metadata.column_schema(schemas.SPEECH_ACT_TRANSITIONS),
            "speech_act_examples_columns": metadata.column_schema(schemas.SPEECH_ACT_EXAMPLES),
        },
    )
    @no_useless_retries
    def speech_acts(lake: LakeResource) -> dg.MaterializeResult:
        """Utterances by source, channel, day and role of the author, in form and in function.

        Beside it `corpus/speech_act_transitions` counts what follows what, `corpus/speech_act_examples` has a few
        utterances of every form and function. What the classifier abstained from is counted with its likeliest labels.
        """
        opened = lake.open()
        written = stages.write_speech_acts(opened, [lane.name for lane in lanes])
        table = opened.table("corpus/speech_acts")
        counts = table.scan().collect()
        return dg.MaterializeResult(
            metadata=metadata.of_table(table, written)
            | {"dagster/row_count": written.rows}
            | _numbers(counts)
            | _shown(opened, counts)
        )

    return [speech_acts]


def _numbers(counts: pl.DataFrame) -> dict[str, float]:
    """What the UI plots over materialisations; a share of nothing is left out."""
    sums = {name: int(counts[name].sum()) for name in ("utterances", "context_dependent", "abstained")}
    if not sums["utterances"]:
        return sums
    shares = {f"{name}_share": round(sums[name] / sums["utterances"], 4) for name in ("context_dependent", "abstained")}
    return sums | shares


def _shown(lake: Lake, counts: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """Each picture with its table."""
    if counts.is_empty():
        return {"functions": dg.MetadataValue.md("*no utterances*")}
    steps = lake.table("corpus/speech_act_transitions").scan().collect()
    examples = lake.table("corpus/speech_act_examples").scan().collect()
    by_act = counts.group_by("function").agg(pl.col("utterances", "context_dependent", "abstained").sum())
    by_act = by_act.sort("utterances", "function", descending=True)
    return {
        "functions": metadata.table_of(by_act),
        "over_time": metadata.picture(pictures.over_time(counts)),
        "by_channel": _both(pictures.by_channel(counts), _shares(counts, "channel")),
        "by_role": _both(pictures.by_role(counts), _shares(counts, "role")),
        "by_source": _both(pictures.by_source(counts), _shares(counts, "source")),
        "form_by_function": metadata.picture(pictures.matrix(counts)),
        "transitions": metadata.pictures(pictures.transitions(steps).values()),
        "context_and_abstention": metadata.picture(pictures.unsure(counts)),
        "examples": dg.MetadataValue.md(
            metadata.markdown(
                examples.select("form", "function", alone="function_alone", unsure="abstained", text="excerpt"),
                cell=CHARACTERS,
            )
        ),
    }


def _both(svg: str, table: pl.DataFrame) -> dg.MetadataValue:
    return dg.MetadataValue.md(f"{metadata.image(svg)}\n\n{metadata.markdown(table)}")


def _shares(counts: pl.DataFrame, column: str) -> pl.DataFrame:
    """Utterances of each value of `column`, with the shares of the functions, of context and of abstention, in %."""
    sums = counts.group_by(column).agg(
        pl.col("utterances").sum(),
        *(
            (100 * pl.col("utterances").filter(function=act).sum() / pl.col("utterances").sum()).alias(f"{act} %")
            for act in pictures.ORDER
        ),
        (100 * pl.col("context_dependent").sum() / pl.col("utterances").sum()).alias("context %"),
        (100 * pl.col("abstained").sum() / pl.col("utterances").sum()).alias("abstained %"),
    )
    return sums.sort("utterances", column, descending=True, nulls_last=True)
