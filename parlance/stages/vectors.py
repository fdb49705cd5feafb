"""The vector store beside the lake: what it should hold, and what has to change so that it does."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from parlance import search
from parlance.errors import ConfigError, SchemaError
from parlance.lake import Lake
from parlance.search.store import COLUMNS, fingerprint
from parlance.storage import stream

AT_ONCE = 16_384
# A chunk and an utterance that overlap share a stretch of so many characters, and few others are compared.
STRETCH = 1024
NAMED = ["id", "fingerprint"]


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What was done to the store, and how many chunks it holds now."""

    added: int
    changed: int
    removed: int
    chunks: int


def sync_vectors(lake: Lake, lanes: Sequence[str], *, purge: bool = False) -> Synced:
    """Makes the store equal to the embeddings of `lanes`: new and changed chunks are written, others are removed.

    In memory are the ids of all chunks with a hash each, what is known of all documents but their texts, and 16,384
    chunks. A crash leaves some of it done; the next call does the rest. `purge` as in `parlance.search.Store.tidy`.
    Raises ConfigError where the embeddings are of several models, SchemaError where two chunks have one id.
    """
    _check_models(lake, lanes)
    store = search.Store(lake.vectors)
    there = stored(store, NAMED)
    wanted = chunks(lake, lanes).select(NAMED).collect(engine="streaming")
    if wanted["id"].n_unique() < wanted.height:
        raise SchemaError(f"chunk id {wanted.filter(wanted['id'].is_duplicated())['id'][0]!r} is in the lake twice")
    differing = wanted.join(there, on=NAMED, how="anti")
    gone = there.join(wanted, on="id", how="anti")["id"]
    changed = differing.join(there, on="id", how="semi").height
    store.delete(gone)
    if differing.height:
        written = (
            batch
            for frame in stream(
                chunks(lake, lanes).join(differing.select("id").lazy(), on="id", how="semi"), rows=AT_ONCE
            )
            for batch in frame.rechunk().to_arrow().to_batches()
        )
        store.upsert(written)
    if purge or differing.height or len(gone) or not store.exists():
        store.tidy(purge=purge)
    return Synced(added=differing.height - changed, changed=changed, removed=len(gone), chunks=wanted.height)


def chunks(lake: Lake, lanes: Sequence[str]) -> pl.LazyFrame:
    """The rows that the store should have: the chunks of `lanes` with vectors and what is known of their documents."""
    return pl.concat(_of_lane(lake, lane) for lane in lanes)


def stored(store: search.Store, columns: Sequence[str]) -> pl.DataFrame:
    """`columns` of the rows that the store has."""
    empty = pl.DataFrame(pa.schema([pa.field(name, COLUMNS[name]) for name in columns]).empty_table())
    return pl.concat([empty, *store.rows(columns)])


def _of_lane(lake: Lake, lane: str) -> pl.LazyFrame:
    pieces = lake.table(f"{lane}/embeddings").scan()
    known = lake.table(f"{lane}/kept").scan().select(
        "partition", "url", "channel", "language", "created_at", document_id="id"
    )  # fmt: skip
    rows = pieces.join(_speech_acts(lake, lane, pieces), on="id", how="left").join(
        known, on=["document_id", "partition"], how="left"
    )
    rows = rows.with_columns(pl.col("speech_acts").fill_null([])).with_columns(fingerprint=fingerprint())
    return rows.select(*COLUMNS, "vector")


def _speech_acts(lake: Lake, lane: str, pieces: pl.LazyFrame) -> pl.LazyFrame:
    """What is done in each chunk: `id` and the functions of the utterances in it, that of most of it first."""
    stretch = pl.int_ranges(pl.col("start") // STRETCH, (pl.col("end") - 1) // STRETCH + 1).alias("stretch")
    place = [pl.col("document_id"), pl.col("partition"), pl.col("start"), pl.col("end"), stretch]
    said = lake.table(f"{lane}/utterances").scan().select(*place, "function").explode("stretch")
    both = pieces.select("id", *place).explode("stretch").join(said, on=["document_id", "partition", "stretch"])
    begin = pl.max_horizontal("start", "start_right", pl.col("stretch") * STRETCH)
    until = pl.min_horizontal("end", "end_right", (pl.col("stretch") + 1) * STRETCH)
    shared = both.with_columns(characters=until - begin).filter(pl.col("characters") > 0)
    by_function = shared.group_by("id", "function").agg(pl.col("characters").sum())
    ordered = pl.col("function").sort_by(-pl.col("characters"), "function")
    return by_function.group_by("id").agg(speech_acts=ordered)


def _check_models(lake: Lake, lanes: Sequence[str]) -> None:
    """Raises ConfigError where vectors cannot be compared with each other."""
    tables = [lake.table(f"{lane}/embeddings").scan().select("model", "model_version") for lane in lanes]
    kinds = pl.concat(tables).unique().sort("model", "model_version").collect()
    if kinds.height > 1:
        raise ConfigError(
            f"embeddings of lanes {list(lanes)} are of several models, {kinds.rows()}; make them again with one"
        )


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Ids of chunks that only the store has, that only the lake has, and that differ in content or vector."""

    stray: list[str]
    missing: list[str]
    differing: list[str]
    chunks: int

    @property
    def equal(self) -> bool:
        return not (self.stray or self.missing or self.differing)


def difference(lake: Lake, lanes: Sequence[str]) -> Difference:
    """Compares every row of the store with the lake by hashes of what they hold, made anew on both sides."""
    held = pl.struct(name for name in (*COLUMNS, "vector") if name != "fingerprint").hash(seed=2)
    content = [pl.col("id"), held.alias("content")]
    lists = pl.col("vector").cast(pl.List(pl.Float32))
    store = search.Store(lake.vectors)
    parts = [frame.with_columns(lists).select(content) for frame in store.rows([*COLUMNS, "vector"])]
    wanted = chunks(lake, lanes).select(content).collect(engine="streaming")
    there = pl.concat([wanted.clear(), *parts])
    both = wanted.join(there, on="id", suffix="_stored").filter(pl.col("content") != pl.col("content_stored"))
    repeated = there.filter(there["id"].is_duplicated())  # an id that is there twice is a stray, too
    return Difference(
        stray=[*there.join(wanted, on="id", how="anti")["id"], *repeated["id"].unique()],
        missing=wanted.join(there, on="id", how="anti")["id"].to_list(),
        differing=both["id"].unique().to_list(),
        chunks=wanted.height,
    )
