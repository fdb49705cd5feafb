"""Partitions whose verdicts are older than what is known of duplicates now."""

import polars as pl

from parlance.lake import Lake


def undecided(lake: Lake, lane: str) -> list[str]:
    """Partitions of `lane` in which `kept` has a document that `corpus/duplicates` drops now, or `dropped` one for a
    duplicate's sake that it drops no more, in order.

    A page that was fetched again drops the capture of an earlier day, a message that was edited or deleted may have
    been the survivor of others, and a dump may repeat what another lane has: what is decided of a partition depends on
    documents of all the others.
    """
    tables = {name: lake.table(name) for name in (f"{lane}/kept", f"{lane}/dropped", "corpus/duplicates")}
    if not all(table.exists() for table in tables.values()):
        return []
    kept, dropped, duplicates = (table.scan() for table in tables.values())
    key = ["id", "partition"]
    repeated = duplicates.filter(pl.col("source") == lane, ~pl.col("keep"))
    repeated = repeated.select("id", partition="document_partition")
    for_a_duplicate = pl.col("reasons").list.eval(pl.element().str.ends_with("_duplicate")).list.any()
    stale = [
        kept.select(key).join(repeated, on=key, how="semi"),
        dropped.filter(for_a_duplicate).select(key).join(repeated, on=key, how="anti"),
    ]
    found = pl.concat(stale).select(pl.col("partition").unique().sort()).collect(engine="streaming")
    return found["partition"].to_list()
