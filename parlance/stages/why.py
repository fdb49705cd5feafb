"""Why a document was kept or dropped: its row of the ledger, its cluster, and what it shares with the survivor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from parlance.dedup.explaining import Shared, shared
from parlance.errors import ConfigError
from parlance.lake import Lake

CLUSTER = ["id", "source", "kind", "keep", "jaccard", "document_partition"]


@dataclass(frozen=True, kw_only=True)
class Why:
    """All that the lake knows of the decision on a document; `dropped` is its row of the ledger, null where it is kept.

    `cluster` has the members of its cluster, survivor first, with the exact Jaccard of each against this document;
    `survivor` is the one that stands for it, with its text and what both share, where that is another.
    """

    id: str
    lane: str
    partition: str
    text: str
    dropped: dict[str, Any] | None
    cluster: pl.DataFrame
    survivor: str | None
    survivor_text: str | None
    common: Shared | None


def why(lake: Lake, lanes: Sequence[str], id: str) -> Why:
    """Looks `id` up in all `lanes`. Raises ConfigError where no lane has such a document."""
    lane, document = _found(lake, lanes, id)
    ledger = lake.table(f"{lane}/dropped").scan([document["partition"]]).filter(pl.col("id") == id).collect()
    duplicates = lake.table("corpus/duplicates").scan()
    own = duplicates.filter(pl.col("id") == id, pl.col("source") == document["source"]).collect()
    members = (
        duplicates.filter(pl.col("cluster") == own["cluster"].item())
        .sort("keep", "id", descending=[True, False])
        .select(CLUSTER)
        .collect()
        if own.height
        else pl.DataFrame(schema={name: kind for name, kind in own.schema.items() if name in CLUSTER})
    )
    texts = [_text(lake, lanes, row) for row in members.iter_rows(named=True)]
    compared = [shared(document["text"], text).jaccard for text in texts]
    survivor = next((place for place, row in enumerate(members["keep"]) if row), None)
    other = None if survivor is None or members["id"][survivor] == id else survivor
    return Why(
        id=id,
        lane=lane,
        partition=document["partition"],
        text=document["text"],
        dropped=ledger.row(0, named=True) if ledger.height else None,
        cluster=members.with_columns(jaccard=pl.Series(compared, dtype=pl.Float64)),
        survivor=None if other is None else members["id"][other],
        survivor_text=None if other is None else texts[other],
        common=None if other is None else shared(document["text"], texts[other]),
    )


def _found(lake: Lake, lanes: Sequence[str], id: str) -> tuple[str, dict[str, Any]]:
    for lane in lanes:
        rows = lake.table(f"{lane}/documents").scan().filter(pl.col("id") == id)
        found = rows.select("source", "partition", "text").collect()
        if found.height:
            return lane, found.row(0, named=True)
    raise ConfigError(f"no document {id!r} in the lanes {', '.join(lanes)}; ids are in the tables <lane>/documents")


def _text(lake: Lake, lanes: Sequence[str], member: dict[str, Any]) -> str:
    """The text of a cluster's member; empty where its document is gone since."""
    for lane in lanes:
        rows = lake.table(f"{lane}/documents").scan([member["document_partition"]])
        found = rows.filter(pl.col("id") == member["id"], pl.col("source") == member["source"]).select("text").collect()
        if found.height:
            return str(found["text"][0])
    return ""
