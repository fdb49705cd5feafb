"""Search over the chunks of every lane: the vector store, a map of the corpus, and what is nearest to a text."""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import plots, schemas, search
from parlance.errors import ConfigError
from parlance.stages import corpus_map
from parlance.stages import vectors as stages
from resources.lake import LakeResource

INDEX = dg.AssetKey(["search", "vector_index"])
MAP = dg.AssetKey(["search", "map"])
NEAREST = dg.AssetKey(["search", "nearest_examples"])
GROUP = "search"
LEAST_RECALL = 0.98
CELL = 300  # characters of a chunk that is shown
SHOWN = 5


class VectorIndexConfig(dg.Config):
    """How thoroughly removed chunks go."""

    purge: bool = Field(
        default=False,
        description="Write the store anew, so that its files hold nothing of removed chunks. Small stores always are.",
    )


class MapConfig(dg.Config):
    """How many chunks are drawn, and how."""

    most: int = Field(default=2000, ge=10, le=20_000, description="Chunks on the map; of more a sample is drawn.")
    perplexity: float = Field(default=30.0, ge=2.0, le=200.0, description="Of t-SNE: how many neighbours count.")
    seed: int = Field(default=1, description="Of t-SNE.")


class NearestExamplesConfig(dg.Config):
    """What to look for, and where. An empty filter is none."""

    text: str = Field(default="Can somebody help me with this?", description="Any text.")
    mode: Literal["vector", "text", "hybrid"] = Field(
        default="vector", description="By meaning (vector), by words (text), or by both (hybrid)."
    )
    k: int = Field(default=10, ge=1, le=100, description="How many chunks.")
    source: str = Field(default="", description="Only this source, such as slack.")
    language: str = Field(default="", description="Only this language, such as en.")
    channel: str = Field(default="", description="Only this channel.")
    since: str = Field(default="", description="First day, YYYY-MM-DD.")
    until: str = Field(default="", description="Last day, YYYY-MM-DD.")
    speech_act: str = Field(default="", description="Only chunks in which something does this, such as question.")

    def where(self) -> search.Where:
        """The filters. Raises ConfigError for one that cannot be."""
        return search.Where(
            source=self.source or None,
            language=self.language or None,
            channel=self.channel or None,
            since=_day("since", self.since),
            until=_day("until", self.until),
            speech_act=self.speech_act or None,
        )


def search_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """The store of all embeddings of `lanes`, the map, and the nearest examples."""
    return [_vector_index(lanes), _map(lanes), _nearest_examples()]


def search_checks(lanes: Sequence[Lane]) -> list[dg.AssetChecksDefinition]:
    """The store holds what the lake holds, and finds what an exact search finds."""
    return [_store_equals_lake(lanes), _finds_what_is_nearest()]


def _all_of(lanes: Sequence[Lane], *tables: str) -> list[dg.AssetDep]:
    mapping = dg.AllPartitionMapping()
    return [dg.AssetDep(lane.key(table), partition_mapping=mapping) for lane in lanes for table in tables]


def _vector_index(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    @dg.asset(
        key=INDEX,
        deps=_all_of(lanes, "embeddings", "kept", "utterances"),
        group_name=GROUP,
        kinds={"lancedb"},
        owners=OWNERS,
        code_version=code_version("search.store", "stages.vectors"),
    )
    @no_useless_retries
    def vector_index(config: VectorIndexConfig, lake: LakeResource) -> dg.MaterializeResult:
        """The chunks of all lanes in LanceDB, with their vectors and what is known of them: what changed is written.

        `python -m parlance.search <uri> "a question"` finds the nearest by meaning, by words or by both, with filters
        by source, language, channel, day and speech act.
        """
        opened = lake.open()
        done = stages.sync_vectors(opened, [lane.name for lane in lanes], purge=config.purge)
        command = f'`python -m parlance.search {opened.vectors} "how many days of leave carry over?" --mode hybrid`'
        counts = {"chunks_added": done.added, "chunks_changed": done.changed, "chunks_removed": done.removed}
        return dg.MaterializeResult(
            metadata={"dagster/uri": opened.vectors, "dagster/row_count": done.chunks, **counts}
            | {"try": dg.MetadataValue.md(command)}
        )

    return vector_index


def _store_equals_lake(lanes: Sequence[Lane]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=INDEX, blocking=True)
    def store_equals_lake(lake: LakeResource) -> dg.AssetCheckResult:
        """The store has every chunk of the lake and no other, each with the same content and vector."""
        found = stages.difference(lake.open(), [lane.name for lane in lanes])
        counts = {name: len(getattr(found, name)) for name in ("stray", "missing", "differing")}
        named = "; ".join(
            f"{counts[name]:,} {name}: {', '.join(getattr(found, name)[:SHOWN])}" for name in counts if counts[name]
        )
        return dg.AssetCheckResult(
            passed=found.equal,
            description=named or f"{found.chunks:,} chunks, the same in both",
            metadata={"chunks": found.chunks, **counts},
        )

    return store_equals_lake


def _finds_what_is_nearest() -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=INDEX, description=f"Recall at 10 against an exact search is at least {LEAST_RECALL}.")
    def finds_what_is_nearest(lake: LakeResource) -> dg.AssetCheckResult:
        share = search.Store(lake.open().vectors).recall(queries=50, k=10, seed=1)
        return dg.AssetCheckResult(passed=share >= LEAST_RECALL, metadata={"recall_at_10": round(share, 4)})

    return finds_what_is_nearest


def _map(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    @dg.asset(
        key=MAP,
        deps=_all_of(lanes, "embeddings", "kept", "utterances"),
        group_name=GROUP,
        kinds={"scikitlearn", "deltalake"},
        owners=OWNERS,
        code_version=code_version("stages.corpus_map", "stages.vectors"),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.MAP)},
    )
    @no_useless_retries
    def corpus_in_two_dimensions(config: MapConfig, lake: LakeResource) -> dg.MaterializeResult:
        """A sample of chunks on a plane, near where they say alike: by source, and by the speech act most of it is.

        Distances between clusters and their sizes mean nothing (t-SNE); who stands beside whom does.
        """
        opened = lake.open()
        written = corpus_map.write_map(
            opened, [lane.name for lane in lanes], most=config.most, perplexity=config.perplexity, seed=config.seed
        )
        table = opened.table("search/map")
        points = table.scan().collect()
        pictures = {
            f"by_{column}": metadata.picture(plots.scatter(*_drawn(points, column), title=f"Chunks by {title}"))
            for column, title in (("source", "source"), ("speech_act", "speech act"))
        }
        return dg.MaterializeResult(
            metadata=metadata.of_table(table, written) | {"dagster/row_count": written.rows} | pictures
        )

    return corpus_in_two_dimensions


def _drawn(points: pl.DataFrame, column: str) -> tuple[list[tuple[float, float]], list[str]]:
    """Places and names; of more sources than there are colours the smaller ones are `other`."""
    counts = points[column].value_counts().sort(["count", column], descending=[True, False])
    shown = set(counts[column].head(plots.MOST_COLOURS - (counts.height > plots.MOST_COLOURS)))
    names = [name if name in shown else "other" for name in points[column]]
    return list(points.select("x", "y").iter_rows()), names


def _nearest_examples() -> dg.AssetsDefinition:
    @dg.asset(
        key=NEAREST,
        deps=[INDEX],
        group_name=GROUP,
        kinds={"lancedb"},
        owners=OWNERS,
        code_version=code_version("search"),
    )
    @no_useless_retries
    def nearest_examples(config: NearestExamplesConfig, lake: LakeResource) -> dg.MaterializeResult:
        """The chunks nearest to a text of your choice: open the launchpad (Materialize, with shift), type, look here.

        A text, how to search and the filters are the configuration; the table is in the metadata.
        """
        found = search.search(
            lake.open().vectors, config.text, k=config.k, where=config.where(), mode=config.mode
        ).with_columns(day=pl.col("created_at").dt.date(), link=pl.coalesce("url", "document_id"))
        shown = found.select(
            "rank", "score", "source", "channel", "day", pl.col("speech_acts").list.join(", "), "text", "link"
        )
        bounds = config.where().sql
        return dg.MaterializeResult(
            metadata={
                "text": config.text,
                "mode": config.mode,
                "filters": bounds or "none",
                "found": found.height,
                "nearest": dg.MetadataValue.md(metadata.markdown(shown, cell=CELL)),
            }
        )

    return nearest_examples


def _day(name: str, value: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(value) if value else None
    except ValueError as error:
        raise ConfigError(f"{name} is {value!r}; it must be a day such as 2026-10-05") from error
