"""Duplicates over all lanes, and the index by which the next time only new documents are compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from parlance import filters, schemas
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.storage import Table, Written, record_batches, stream

BATCH_ROWS = 32_768


@dataclass(frozen=True, kw_only=True)
class Deduplicated:
    """The duplicates that were written, and how many documents were `new`, `gone`, `compared` with them and `read`."""

    written: Written
    counts: Mapping[str, int] = field(default_factory=dict)


def write_duplicates(
    lake: Lake,
    lanes: Mapping[str, Sequence[Bound]],
    *,
    threshold: float,
    method: str = "",
    anew: bool = False,
    block_rows: int | None = None,
) -> Deduplicated:
    """Clusters of exact and near duplicates over `lanes`; a cluster keeps a member that breaks no rule of its lane.

    Compared are the documents that the index does not know, and those that a deleted one had held together; all of
    them where the index was made with another threshold or `method` (a version of the code), or `anew`; `block_rows` at
    once. Reads hashes,
    bands and signatures of all documents, and the texts of candidates.
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
    members = pl.concat(list(_members(scans, lanes, found.index["group"])))
    rows = record_batches(survivors(members, threshold=threshold), schemas.DUPLICATES)
    return Deduplicated(written=lake.table("corpus/duplicates").replace(rows), counts=found.counts)


def _members(
    scans: Mapping[str, pl.LazyFrame], lanes: Mapping[str, Sequence[Bound]], groups: pl.Series
) -> Iterator[pl.DataFrame]:
    """The rows of groups of two or more, with the verdict of their lane's rules; at least one frame."""
    from parlance.dedup.clustering import COLUMNS

    is_member, begun = groups.is_duplicated(), 0
    for lane, scan in scans.items():
        rules = lanes[lane]
        names = list(dict.fromkeys([*COLUMNS, "language", *(bound.rule for bound in rules)]))
        yield scan.head(0).select(COLUMNS).collect().with_columns(eligible=pl.lit(True), group=pl.lit(0, pl.Int64))
        for frame in stream(scan.select(names), rows=BATCH_ROWS):
            inside = is_member.slice(begun, len(frame))
            rows = frame.with_columns(group=groups.slice(begun, len(frame))).filter(inside)
            begun += len(frame)
            verdicts = filters.decide(rows, rules)
            yield rows.select(*COLUMNS, eligible=verdicts["reason"].is_null(), group="group")


def texts(documents: Sequence[Table], rows: pl.DataFrame) -> pl.Series:
    """The texts of `rows` (`id`, `source`, `partition`) in their order, read from the partitions they are in."""
    keys = ["id", "source", "partition"]
    partitions = rows["partition"].unique().to_list()
    found = pl.concat(
        table.scan(partitions).filter(pl.col("id").is_in(rows["id"].implode())).select(*keys, "text")
        for table in documents
    )
    return rows.lazy().join(found, on=keys, how="left", maintain_order="left").collect()["text"]
