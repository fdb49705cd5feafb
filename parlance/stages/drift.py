"""The drift of every lane, from tables of counts, ids and numbers: no text is read."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from parlance import schemas
from parlance.lake import Lake
from parlance.monitoring import drift
from parlance.monitoring.drift import Counted, Drift, Means, Settings
from parlance.storage import Table, Written, record_batches, stream

if TYPE_CHECKING:
    from parlance.embedding.distance import Distance

MOST_PRETOKENS = 20_000  # of the most frequent; the others are counted together
MOST_TRAINING = 120  # partitions with training documents, the newest
BINS = 10
SAMPLED = 50_000  # rows by which the bins of numbers are set
OTHER = "\ufffd other"
ORDER = ("lane", "lane_partition", "reference", "measure")
MOST_VECTORS = 300  # of each side of a comparison of every pair
NOT_MEASURED = ("partition", "id", "source", "created_at", "characters")


def write_drift(lake: Lake, lanes: Sequence[str], *, partitions: int, settings: Settings) -> Written:
    """The newest `partitions` of each lane beside those before them and beside what was trained on.

    What was judged of older ones stays. In memory are counts of the partitions that are read: of 20,000 pre-tokens, of
    some ten bins for each number, and the train split's document ids.
    """
    table = lake.table("corpus/drift")
    frames = []
    for lane in lanes:
        known = _partitions(lake, lane)
        judged = known[-partitions:]
        ours = table.scan().filter(pl.col("lane") == lane, pl.col("lane_partition").is_in(known))
        older = ours.filter(~pl.col("lane_partition").is_in(judged)).collect()
        rows = [{"lane": lane, **asdict(row)} for row in measured(lake, lane, known, judged, settings)]
        columns = older.rename({"lane_partition": "partition"}).schema
        frames += [older, pl.DataFrame(rows, schema=columns).rename({"partition": "lane_partition"})]
    found = pl.concat(frames).with_columns(pl.col("detail").str.replace_all(r"\s+", " "))
    return table.replace(record_batches(found.sort(ORDER), schemas.DRIFT))


def _partitions(lake: Lake, lane: str) -> list[str]:
    """Partitions that have documents, in their order."""
    rows = lake.table(f"{lane}/signals").scan().select(pl.col("partition").unique().sort())
    found: list[str] = rows.collect()["partition"].to_list()
    return found


def measured(lake: Lake, lane: str, known: Sequence[str], judged: Sequence[str], settings: Settings) -> Iterator[Drift]:
    """Every measure of `judged` partitions of a lane whose partitions are `known`."""
    trained = _trained(lake, lane)
    with_training = lake.table(f"{lane}/signals").scan().join(trained, on="id", how="semi")
    learned = set(with_training.select(pl.col("partition").unique()).collect()["partition"])
    newest = [key for key in known if key in learned][-MOST_TRAINING:]
    first = max(0, len(known) - len(judged) - settings.window)
    read = sorted({*known[first:], *newest})
    for found in (
        *_of_documents(lake, lane, trained, read),
        *_numbers(lake, lane, trained, read),
        _acts(lake, lane, trained, read),
    ):
        yield from drift.distances(found, judged, settings)
    words = _vocabulary(lake, lane, newest, read)
    yield from drift.distances(words, judged, settings)
    yield from drift.unseen(words, judged, settings)
    yield from drift.unique(words, judged, settings)
    yield from drift.means(_means(lake, lane, trained, read), judged, settings)


def _trained(lake: Lake, lane: str) -> pl.LazyFrame:
    """The documents of the lane whose examples are trained on."""
    examples = lake.table("instruct/examples").scan()
    return examples.filter(pl.col("split") == "train", pl.col("source") == lane).select(id="document_id").unique()


def _counts(rows: pl.LazyFrame, category: pl.Expr, count: pl.Expr | None = None) -> pl.LazyFrame:
    named = rows.select("partition", category=category.cast(pl.String).fill_null("unknown"), n=pl.lit(1))
    return named.group_by("partition", "category").agg(count=pl.len().cast(pl.Int64))


def _pairs(
    measure: str, rows: pl.LazyFrame, trained: pl.LazyFrame, category: pl.Expr, *, read: Sequence[str], id: str = "id"
) -> Counted:
    ours = rows.filter(pl.col("partition").is_in(list(read)))
    both = [_counts(one, category) for one in (ours, ours.join(trained, left_on=id, right_on="id", how="semi"))]
    counts, training = pl.collect_all(both, engine="streaming")
    return drift.counted(measure, counts, training, read)


def _of_documents(lake: Lake, lane: str, trained: pl.LazyFrame, read: Sequence[str]) -> Iterator[Counted]:
    """Lengths in octaves, languages, and what was kept or dropped by which rule."""
    signals = lake.table(f"{lane}/signals").scan().select("id", "partition", "characters", "language")
    octave = (pl.col("characters") + 1).log(2).floor().cast(pl.Int32)
    length = pl.format("{} characters", (2**octave).cast(pl.Int64))
    yield _pairs("length", signals, trained, length, read=read)
    yield _pairs("language", signals, trained, pl.col("language"), read=read)
    kept = lake.table(f"{lane}/kept").scan().select("id", "partition", rule=pl.lit("kept"))
    dropped = lake.table(f"{lane}/dropped").scan().select("id", "partition", "rule")
    # What is trained on was kept: to compare with it would tell nothing, so whole partitions are the reference.
    both = pl.concat([kept, dropped])
    yield _pairs("decisions", both, both.select("id"), pl.col("rule"), read=read)


def _acts(lake: Lake, lane: str, trained: pl.LazyFrame, read: Sequence[str]) -> Counted:
    utterances = lake.table(f"{lane}/utterances").scan().select("document_id", "partition", "function")
    return _pairs("speech_acts", utterances, trained, pl.col("function"), read=read, id="document_id")


def _numbers(lake: Lake, lane: str, trained: pl.LazyFrame, read: Sequence[str]) -> Iterator[Counted]:
    """Each number of the signals in ten bins and one for null; one pass for all of them."""
    table = lake.table(f"{lane}/signals")
    names = [
        field.name
        for field in table.schema
        if str(field.type) in ("double", "int64") and field.name not in NOT_MEASURED
    ]
    ours = table.scan().select("id", "partition", *names).filter(pl.col("partition").is_in(list(read)))
    edges = _edges(ours, names)
    for_all = [_binned(one, edges) for one in (ours, ours.join(trained, on="id", how="semi"))]
    rows, training = pl.collect_all(for_all, engine="streaming")
    for name, bounds in edges.items():
        counts, learned = (_per_bin(frame, name, bounds) for frame in (rows, training))
        yield drift.counted(f"signals/{name}", counts, learned, read, statistic="psi")


def _edges(rows: pl.LazyFrame, names: Sequence[str]) -> dict[str, list[float]]:
    """The borders between ten bins of about as many rows; none for a number that is always the same."""
    height = rows.select(pl.len()).collect().item()
    every = max(1, height // SAMPLED)
    drawn = rows.filter(pl.col("id").hash() % every == 0).select(pl.col(names).cast(pl.Float64)).collect()
    steps = np.arange(1, BINS) / BINS
    found = {}
    for name in names:
        values = drawn[name].drop_nulls().drop_nans().to_numpy()
        found[name] = np.unique(np.quantile(values, steps)).tolist() if len(values) else []
    return found


def _binned(rows: pl.LazyFrame, edges: dict[str, list[float]]) -> pl.LazyFrame:
    """By partition, for each number how many rows are above each of its borders, and how many are null."""
    above = [
        (pl.col(name) > bound).sum().alias(f"{name} {number}")
        for name, bounds in edges.items()
        for number, bound in enumerate(bounds)
    ]
    nulls = [pl.col(name).null_count().alias(f"{name} null") for name in edges]
    return rows.group_by("partition").agg(pl.len().alias("rows"), *above, *nulls)


def _per_bin(frame: pl.DataFrame, name: str, bounds: Sequence[float]) -> pl.DataFrame:
    columns = [pl.col("rows") - pl.col(f"{name} null"), *(pl.col(f"{name} {number}") for number in range(len(bounds)))]
    ends = [f"{bound:.3g}" for bound in bounds]
    titles = [f"{low} to {high}" for low, high in zip(["least", *ends], [*ends, "most"], strict=True)]
    bins = {
        title: column.cast(pl.Int64) - (columns[place + 1].cast(pl.Int64) if place + 1 < len(columns) else 0)
        for place, (title, column) in enumerate(zip(titles, columns, strict=True))
    }
    wide = frame.select("partition", **bins, null=pl.col(f"{name} null").cast(pl.Int64))
    return wide.unpivot(index="partition", variable_name="category", value_name="count")


def _vocabulary(lake: Lake, lane: str, learned: Sequence[str], read: Sequence[str]) -> Counted:
    """The most frequent pre-tokens; the training's are those of all kept documents of the partitions it is from."""
    rows = lake.table(f"{lane}/pretokens").scan().filter(pl.col("partition").is_in(list(read)))
    often = rows.group_by("pretoken").agg(pl.col("count").sum()).top_k(MOST_PRETOKENS, by=["count", "pretoken"])
    named = rows.join(often.select("pretoken", common=pl.lit(True)), on="pretoken", how="left")
    category = pl.when("common").then("pretoken").otherwise(pl.lit(OTHER))
    counts = named.group_by("partition", category=category).agg(pl.col("count").sum()).collect(engine="streaming")
    training = counts.filter(pl.col("partition").is_in(list(learned)))
    return drift.counted("vocabulary", counts, training, read)


def _means(lake: Lake, lane: str, trained: pl.LazyFrame, read: Sequence[str]) -> Means:
    """Sums of the vectors by partition, of all chunks and of those trained on, some thousand at a time."""
    ids = trained.collect()["id"]
    at = {name: place for place, name in enumerate(read)}
    sizes, learned_sizes = np.zeros(len(read)), np.zeros(len(read))
    sums = learned_sums = np.zeros((len(read), 1))
    rows = lake.table(f"{lane}/embeddings").scan(list(read)).select("document_id", "partition", "vector")
    for frame in stream(rows):
        for (partition,), part in frame.group_by("partition"):
            vectors = part["vector"].list.to_array(len(part["vector"][0])).to_numpy().astype(np.float64)
            if sums.shape[1] == 1:
                sums, learned_sums = (np.zeros((len(read), vectors.shape[1])) for _ in range(2))
            is_learned = part["document_id"].is_in(ids.implode()).to_numpy()
            place = at[str(partition)]
            sizes[place] += len(vectors)
            sums[place] += vectors.sum(axis=0)
            learned_sizes[place] += is_learned.sum()
            learned_sums[place] += vectors[is_learned].sum(axis=0)
    return Means(partitions=read, sizes=sizes, sums=sums, training_sizes=learned_sizes, training_sums=learned_sums)


def second_opinion(lake: Lake, lane: str, partition: str, *, window: int) -> "Distance | None":
    """The vectors of a partition beside those of up to `window` before it; null where either has fewer than ten."""
    from parlance.embedding.distance import LEAST, distance

    known = _partitions(lake, lane)
    at = known.index(partition)
    table = lake.table(f"{lane}/embeddings")
    sides = [_drawn(table, keys) for keys in (known[max(0, at - window) : at], [partition])]
    if min(map(len, sides)) < LEAST:
        return None
    return distance(sides[0], sides[1], most=MOST_VECTORS, permutations=100)


def _drawn(table: Table, partitions: Sequence[str]) -> npt.NDArray[np.float64]:
    """Vectors of `partitions`: those whose ids have the smallest hashes, so that they are the same each time."""
    rows = (
        table.scan(list(partitions))
        .select("vector", order=pl.col("id").hash(seed=1))
        .bottom_k(MOST_VECTORS, by="order")
    )
    vectors = rows.collect()["vector"]
    if vectors.is_empty():
        return np.empty((0, 0))
    return vectors.list.to_array(len(vectors[0])).to_numpy().astype(np.float64)
