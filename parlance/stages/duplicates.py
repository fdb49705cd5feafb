"""Duplicates over all lanes, and the index by which the next time only new documents are compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from parlance import filters, schemas
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.storage import Table, Written, record_batches, stream

BATCH_ROWS = 32_768
KEY = ["id", "source", "partition"]


@dataclass(frozen=True, kw_only=True)
class Deduplicated:
    """The duplicates that were written, and how many documents were `new`, `gone`, `compared` with them and `read`.

    `cut_short`: how often a crowd of near-alike texts cut comparing short, beyond which the order could matter.
    """

    written: Written
    counts: Mapping[str, int] = field(default_factory=dict)


def write_duplicates(
    lake: Lake,
    lanes: Mapping[str, Sequence[Bound]],
    *,
    threshold: float,
    captures: bool = True,
    method: str = "",
    anew: bool = False,
    block_rows: int | None = None,
) -> Deduplicated:
    """Clusters of exact and near duplicates over `lanes`; a cluster keeps a member that breaks no rule of its lane.

    Compared are the documents that the index does not know, and those that a deleted one had held together; all of
    them where the index was made with another threshold or `method` (a version of the code), or `anew`; `block_rows` at
    once. Reads hashes, bands and signatures of all documents, and the texts of candidates. With `captures` older
    captures of a URL are duplicates of the newest that breaks no rule.
    """
    from parlance.dedup.clustering import survivors  # loads the compiler
    from parlance.dedup.index import BLOCK_ROWS, NEEDED, Comparing, updated

    scans = {lane: lake.table(f"{lane}/signals").scan() for lane in lanes}
    documents = [lake.table(f"{lane}/documents") for lane in lanes]
    kept = lake.table("corpus/duplicate_index")
    name = f"{method}:{threshold}"
    before = kept.scan().filter(pl.col("method") == name).rename({"document_partition": "partition"}).collect()
    how = Comparing(threshold=threshold, texts=lambda rows: texts(documents, rows), block_rows=block_rows or BLOCK_ROWS)
    signals = pl.concat([scan.select(NEEDED) for scan in scans.values()])
    found = updated(signals, None if anew else before, how)
    index = found.index.rename({"partition": "document_partition"}).with_columns(method=pl.lit(name))
    if anew or found.counts["new"] or found.counts["gone"]:
        kept.replace(record_batches(index, schemas.DUPLICATE_INDEX))
    fetched = _captures(documents) if captures else None
    members = pl.concat(list(_members(scans, lanes, found.index["group"], fetched)))
    older = _older(members, fetched)
    grouped = members.filter("is_grouped").join(older.select(*KEY, older=pl.lit(True)), on=KEY, how="left")
    near = survivors(
        grouped.with_columns(pl.col("eligible") & pl.col("older").is_null()).drop("older"), threshold=threshold
    )
    rows = record_batches(_with_captures(near, older), schemas.DUPLICATES)
    return Deduplicated(written=lake.table("corpus/duplicates").replace(rows), counts=found.counts)


def _captures(documents: Sequence[Table]) -> pl.DataFrame:
    """Documents whose URL others have too: `KEY`, `url` and `created_at`."""
    from parlance.dedup.urls import url_duplicates

    columns = [*KEY, "url", "created_at"]
    rows = pl.concat(table.scan().filter(pl.col("url").is_not_null()).select(columns) for table in documents).collect()
    return rows.join(url_duplicates(rows).select(KEY), on=KEY, how="semi")


def _older(members: pl.DataFrame, captures: pl.DataFrame | None) -> pl.DataFrame:
    """`KEY` of each capture but the one of its URL that stays, and `newest`, that one's id."""
    from parlance.dedup.urls import url_duplicates

    if captures is None:
        return members.head(0).select(*KEY, newest="id")
    judged = captures.join(members.select(*KEY, "eligible"), on=KEY, how="left")
    found = url_duplicates(judged, eligible=pl.col("eligible")).filter(~pl.col("keep"))
    return found.select(*KEY, newest="matched_id")


def _with_captures(near: pl.DataFrame, older: pl.DataFrame) -> pl.DataFrame:
    """`near` and a row for each older capture that it does not drop; it goes into the cluster that its newest is in."""
    dropped = near.filter(~pl.col("keep"))
    keys = {"partition": "document_partition"}
    left = older.rename(keys).join(dropped, on=list(older.rename(keys).columns[:-1]), how="anti")
    clusters = near.select(newest="id", cluster="cluster").unique("newest", keep="any")
    left = left.join(clusters, on="newest", how="left").with_columns(pl.coalesce("cluster", "newest").alias("cluster"))
    rows = left.with_columns(
        keep=pl.lit(False),
        kind=pl.lit("url"),
        matched_id="newest",
        jaccard=pl.lit(None, pl.Float64),
        threshold=pl.lit(None, pl.Float64),
    ).select(near.columns)
    others = near.join(rows, on=["id", "source", "document_partition"], how="anti", maintain_order="left")
    return pl.concat([others, rows]).sort("cluster", ~pl.col("keep"), maintain_order=True)


def _members(
    scans: Mapping[str, pl.LazyFrame],
    lanes: Mapping[str, Sequence[Bound]],
    groups: pl.Series,
    captures: pl.DataFrame | None,
) -> Iterator[pl.DataFrame]:
    """The rows of groups of two or more and of `captures`, with the verdict of their lane's rules; at least one frame.

    `is_grouped` tells those of groups.
    """
    from parlance.dedup.clustering import COLUMNS

    is_grouped, begun = groups.is_duplicated(), 0
    for lane, scan in scans.items():
        rules = lanes[lane]
        names = list(dict.fromkeys([*COLUMNS, "language", *(bound.rule for bound in rules)]))
        for frame in (scan.select(names).head(0).collect(), *stream(scan.select(names), rows=BATCH_ROWS)):
            part = slice(begun, begun + len(frame))
            begun += len(frame)
            rows = frame.with_columns(group=groups[part], is_grouped=is_grouped[part], is_capture=pl.lit(False))
            if captures is not None:
                rows = rows.drop("is_capture").join(
                    captures.select(*KEY, is_capture=pl.lit(True)), on=KEY, how="left", maintain_order="left"
                )
            rows = rows.filter(pl.col("is_grouped") | pl.col("is_capture"))
            verdicts = filters.decide(rows, rules)
            yield rows.select(*COLUMNS, eligible=verdicts["reason"].is_null(), group="group", is_grouped="is_grouped")


def texts(documents: Sequence[Table], rows: pl.DataFrame) -> pl.Series:
    """The texts of `rows` (`id`, `source`, `partition`) in their order, read from the partitions they are in."""
    keys = ["id", "source", "partition"]
    partitions = rows["partition"].unique().to_list()
    found = pl.concat(
        table.scan(partitions).filter(pl.col("id").is_in(rows["id"].implode())).select(*keys, "text")
        for table in documents
    )
    return rows.lazy().join(found, on=keys, how="left", maintain_order="left").collect()["text"]
