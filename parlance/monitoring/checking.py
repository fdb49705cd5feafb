"""Contracts against tables: every rule of a table in one pass, rows that break one counted and named."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from parlance.contracts import Contract, Reference
from parlance.lake import Lake
from parlance.storage import Table

NAMED = 5
ROW = "row"


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A sentence that does not hold, how many rows break it, and what names some of them."""

    sentence: str
    rows: int
    named: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a table was held against: its rows, how many sentences, and those that do not hold."""

    rows: int
    sentences: int
    breaches: Sequence[Breach]


def check(
    lake: Lake, name: str, contract: Contract, partitions: Sequence[str] | None = None, *, lanes: Sequence[str] = ()
) -> Checked:
    """The rows of `partitions` (null: all) of the table `name` against its contract.

    One pass over the table for keys and rules together, one for each reference, which reads ids alone: those of the
    referring rows and of what they name are in memory. A table that lacks what a reference names breaks it.
    """
    table = lake.table(name)
    rows = table.scan(partitions).with_columns(_name(table, contract).alias(ROW))
    sentences = _sentences(contract)
    frames: dict[str, pl.LazyFrame] = {}
    if contract.key:
        frames[f"no two rows have the same {' and '.join(contract.key)}"] = _repeated(rows, table, contract.key)
    for one in contract.references:
        frames[f"{one.column} stands in {' or '.join(one.to)}"] = _dangling(lake, table, rows, one, lanes)
    counted, *others = pl.collect_all([_counted(rows, sentences), *frames.values()], engine="streaming")
    row = counted.row(0, named=True)
    found = [
        Breach(sentence=sentence, rows=row[f"rows {number}"], named=row[f"named {number}"])
        for number, sentence in enumerate(sentences)
    ]
    for title, frame in zip(frames, others, strict=True):
        found.append(Breach(sentence=title, rows=frame["rows"].item(), named=frame["named"].item().to_list()))
    return Checked(rows=row["rows"], sentences=len(found), breaches=[one for one in found if one.rows])


def _name(table: Table, contract: Contract) -> pl.Expr:
    """What a row is called: its id, else its key, else its first two columns."""
    names = table.schema.names
    columns = ["id"] if "id" in names else list(contract.key) or names[:2]
    return pl.concat_str([pl.col(column).cast(pl.String).fill_null("") for column in columns], separator=" | ")


def _sentences(contract: Contract) -> dict[str, pl.Expr]:
    """Every rule by its sentence; of keys that they are not empty."""
    keys = {f"{column} is not empty": pl.col(column).cast(pl.String).str.len_bytes() > 0 for column in contract.key}
    return keys | dict(contract.rules)


def _counted(rows: pl.LazyFrame, sentences: dict[str, pl.Expr]) -> pl.LazyFrame:
    """One row: how many rows there are, and for each sentence how many break it and what names some of them."""
    broken = [(~rule).fill_null(False) for rule in sentences.values()]
    counts = [one.sum().alias(f"rows {number}") for number, one in enumerate(broken)]
    named = [
        pl.col(ROW).filter(one).head(NAMED).implode().alias(f"named {number}") for number, one in enumerate(broken)
    ]
    return rows.select(pl.len().alias("rows"), *counts, *named)


def _repeated(rows: pl.LazyFrame, table: Table, key: Sequence[str]) -> pl.LazyFrame:
    within = ["partition"] if "partition" in table.schema.names else []
    several = rows.group_by(*key, *within).agg(pl.len(), pl.col(ROW).first()).filter(pl.col("len") > 1)
    return several.select(rows=pl.col("len").sum(), named=pl.col(ROW).sort().head(NAMED).implode())


def _dangling(lake: Lake, table: Table, rows: pl.LazyFrame, reference: Reference, lanes: Sequence[str]) -> pl.LazyFrame:
    """The rows that name something which is nowhere."""
    own = table.name.partition("/")[0]
    among = [own] if own in lanes or not lanes else list(lanes)
    tables = [to.format(lane=lane) for to in reference.to for lane in (among if "{lane}" in to else [own])]
    within = ["partition"] if reference.same_partition else []
    there = pl.concat([lake.table(one).scan().select(reference.other, *within) for one in dict.fromkeys(tables)])
    wanted = rows if reference.where is None else rows.filter(reference.where)
    named = wanted.select(ROW, *within, named=reference.column)
    if str(table.schema.field(reference.column).type).startswith(("list", "large_list")):
        named = named.explode("named")
    lost = named.drop_nulls("named").join(
        there, left_on=["named", *within], right_on=[reference.other, *within], how="anti"
    )
    return lost.select(rows=pl.len(), named=pl.col(ROW).unique().sort().head(NAMED).implode())
