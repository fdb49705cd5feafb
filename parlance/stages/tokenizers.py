"""Pre-tokens counted lane by lane, tokenizers trained from the counts, and the corpus as token shards."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa

from parlance import schemas, tokenization
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.storage import Written, record_batches, stream
from parlance.tokenization import counting, shards
from parlance.tokenization.chat import END

UNKNOWN = "und"
THOUSAND = 1000  # weights are counted in thousandths, so that sums are whole numbers


def write_pretokens(lake: Lake, lane: str, cut: tokenization.Cut, partitions: Sequence[str]) -> Written:
    """How often each pre-token occurs in the kept documents of `partitions`, by language."""
    by = ["language", "partition"]
    named = pl.col("language").fill_null(UNKNOWN)
    frames = stream(lake.table(f"{lane}/kept").scan(partitions).select("text", "partition", named))

    def batches() -> Iterator[pa.RecordBatch]:
        for frame in counting.counted(frames, by, cut):
            yield from record_batches(frame.with_columns(cut=pl.lit(str(cut))), schemas.PRETOKENS)

    return lake.table(f"{lane}/pretokens").replace(batches(), partitions)


def counts_by_language(lake: Lake, lanes: Sequence[str], cut: tokenization.Cut) -> pl.DataFrame:
    """Columns lane, language, pretokens (how many) and distinct, the most first. Errors as `merged_counts`."""
    counted = _counted(lake, lanes, cut).group_by("lane", "language")
    sums = counted.agg(pretokens=pl.col("count").sum(), distinct=pl.col("pretoken").n_unique())
    return sums.collect().sort("pretokens", "lane", "language", descending=[True, False, False])


def merged_counts(
    lake: Lake,
    lanes: Sequence[str],
    cut: tokenization.Cut,
    *,
    sources: Mapping[str, float] | None = None,
    languages: Mapping[str, float] | None = None,
) -> tuple[pl.DataFrame, int]:
    """The pre-tokens of all `lanes` with their counts, sorted; and by how much counts are larger than they are.

    A count weighs as much as its lane (`sources`) times its language (`languages`); what is not named weighs one.
    Where a weight is no whole number, counts are in thousandths. Raises ConfigError for a lane that there is not, a
    weight below zero, and counts that were made with another cut.
    """
    sources, languages = dict(sources or {}), dict(languages or {})
    if unknown := sorted(set(sources) - set(lanes)):
        raise ConfigError(f"weights for unknown sources {unknown}; known: {sorted(lanes)}")
    weights = [*sources.values(), *languages.values()]
    if any(weight < 0 for weight in weights):
        raise ConfigError(f"weights {sources | languages} must not be below zero")
    scale = 1 if all(float(weight).is_integer() for weight in weights) else THOUSAND
    weight = _weight("lane", sources) * _weight("language", languages) * scale
    counted = _counted(lake, lanes, cut).with_columns(pl.col("count") * weight.round().cast(pl.Int64))
    merged = counted.group_by("pretoken").agg(pl.col("count").sum()).filter(pl.col("count") > 0)
    return merged.select(pl.col("pretoken").cast(pl.String), "count").sort("pretoken").collect(), scale


def _weight(column: str, weights: Mapping[str, float]) -> pl.Expr:
    if not weights:
        return pl.lit(1.0)
    return pl.col(column).replace_strict(dict(weights), default=1.0, return_dtype=pl.Float64)


def _counted(lake: Lake, lanes: Sequence[str], cut: tokenization.Cut) -> pl.LazyFrame:
    tables = [lake.table(f"{lane}/pretokens").scan().with_columns(lane=pl.lit(lane)) for lane in lanes]
    together = pl.concat(tables)
    other = together.filter(pl.col("cut") != str(cut)).select("lane", "partition", "cut").unique().head(3)
    if (found := other.collect().sort("lane", "partition")).height:
        lane, partition, name = found.row(0)
        raise ConfigError(
            f"{lane}/pretokens of {partition!r} and perhaps others were counted with cut {name!r}, not {str(cut)!r}: "
            "materialise them again, or set PARLANCE_TOKEN_CUT to what they were counted with"
        )
    return together.select("lane", "language", "pretoken", "count")


def drawn_texts(lake: Lake, lanes: Sequence[str], *, each: int, seed: int = 0) -> pl.DataFrame:
    """Columns text and language of at most `each` kept documents of every language, drawn by their ids."""
    from parlance.tokenization.compiled.drawing import drawn

    chosen = []
    for lane in lanes:
        scanned = lake.table(f"{lane}/kept").scan().select("id", language=pl.col("language").fill_null(UNKNOWN))
        documents = scanned.collect()
        places = pl.Series("place", drawn(documents["id"], seed=seed), dtype=pl.UInt64)
        chosen.append(documents.with_columns(places, lane=pl.lit(lane)))
    best = pl.concat(chosen).sort("place", "id").group_by("language", maintain_order=True).head(each)
    texts = [
        lake.table(f"{lane}/kept")
        .scan()
        .filter(pl.col("id").is_in(best.filter(lane=lane)["id"].to_list()))
        .select("id", "text", language=pl.col("language").fill_null(UNKNOWN))
        .collect()
        for lane in lanes
    ]
    return pl.concat(texts).sort("language", "id").select("text", "language")


def kept_documents(lake: Lake, lanes: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Columns text and language of every kept document, some at a time."""
    for lane in lanes:
        yield from stream(lake.table(f"{lane}/kept").scan().select("text", pl.col("language").fill_null(UNKNOWN)))


def write_shards(
    lake: Lake, lanes: Sequence[str], tokenizer: Path, folder: Path, *, shard_mb: int, seed: int
) -> shards.Shards:
    """The kept corpus as token shards, each of some `shard_mb` MB of text; threads held out for tests are not in it."""
    held_out = lake.table("instruct/examples").scan().filter(pl.col("split") != "train").select("document_id")
    without = held_out.collect()["document_id"].unique().to_list()
    sizes = [lake.table(f"{lane}/kept").scan().select(pl.col("text").str.len_bytes().sum()) for lane in lanes]
    size = sum(one.collect().item() or 0 for one in sizes)
    number = max(1, -(-size // (shard_mb * 1_000_000)))

    def batches() -> Iterator[pl.DataFrame]:
        for lane in lanes:
            kept = lake.table(f"{lane}/kept").scan().filter(~pl.col("id").is_in(without))
            yield from stream(kept.select("id", "text", source=pl.lit(lane)))

    return shards.write(batches(), tokenizer, folder, end=END, shards=number, seed=seed)
