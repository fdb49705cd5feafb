"""The funnel of a lane, from its ledger: how many rows each group of rules leaves, which reasons they give, samples."""

from collections.abc import Sequence

import polars as pl

from parlance.filters import registry
from parlance.filters.deciding import COLUMNS
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.storage import stream

DUPLICATES = "duplicates"
OTHER = "other rules"
SAMPLES = 3


def groups(rules: Sequence[Bound]) -> list[str]:
    """The groups of the rules of a recipe in its order, each once, and `duplicates`.

    >>> groups([Bound("words", at_least=3), Bound("c4_sentences", 3), Bound("c4_lorem_ipsum", at_most=0)])
    ['words', 'c4', 'duplicates']
    """
    return list(dict.fromkeys([*(group(bound.rule) for bound in rules), DUPLICATES]))


def group(rule: str) -> str:
    """What a rule of the ledger belongs to: the module of rules that it stands in.

    >>> group("gopher_top_2gram_share"), group("near_duplicate"), group("language_score")
    ('gopher repetition', 'duplicates', 'language score')
    """
    if rule.endswith("_duplicate"):
        return DUPLICATES
    if rule in COLUMNS:
        return rule.replace("_", " ")
    if rule not in registry.rules():
        return OTHER
    return registry.get(rule).measure.__module__.rpartition(".")[2].replace("_", " ")


def funnel(lake: Lake, lane: str, rules: Sequence[Bound], partitions: Sequence[str] | None = None) -> pl.DataFrame:
    """Columns step, rows, dropped: raw rows, documents, those left after each group of rules in its turn, kept.

    A document is dropped by the first bound that it breaks. Raw rows are those in documents and those rejected.
    `partitions` are those of documents; null: all of them.
    """
    numbers = by_partition(lake, lane, rules, partitions).drop("partition").sum().row(0, named=True)
    rows: list[tuple[str, int, int | None]] = [
        ("raw rows", numbers["raw"], None),
        ("in documents", numbers["raw"] - numbers["rejected"], numbers["rejected"]),
    ]
    left = numbers["documents"]
    rows.append(("documents", left, None))
    for name in (*groups(rules), OTHER):
        if name != OTHER or numbers[name]:
            left -= numbers[name]
            rows.append((f"after {name}", left, numbers[name]))
    rows.append(("kept", numbers["kept"], None))
    return pl.DataFrame(rows, schema={"step": pl.String, "rows": pl.Int64, "dropped": pl.Int64}, orient="row")


def by_partition(
    lake: Lake, lane: str, rules: Sequence[Bound], partitions: Sequence[str] | None = None
) -> pl.DataFrame:
    """Rows of each partition of documents: raw, rejected, documents, kept, dropped, and dropped by each of `groups`.

    Sorted by partition; those of `partitions` without any row are there too.
    """
    scans = {name: lake.table(f"{lane}/{name}").scan(partitions) for name in ("documents", "kept", "rejected")}
    in_documents = pl.col("raw_ids").list.len().sum().cast(pl.Int64)
    dropped = lake.table(f"{lane}/dropped").scan(partitions).group_by("partition", "rule").agg(rows=pl.len())
    documents, kept, rejected, rules_dropped = pl.collect_all(
        [
            scans["documents"].group_by("partition").agg(documents=pl.len(), raw=in_documents),
            scans["kept"].group_by("partition").agg(kept=pl.len()),
            scans["rejected"].group_by("partition").agg(rejected=pl.len()),
            dropped,
        ],
        engine="streaming",
    )
    names = [*groups(rules), OTHER]
    found = rules_dropped["rule"].unique().to_list()
    grouped = {rule: name if (name := group(rule)) in names else OTHER for rule in found}
    by_group = rules_dropped.with_columns(pl.col("rule").replace_strict(grouped, return_dtype=pl.String))
    wide = by_group.group_by("partition").agg(
        pl.col("rows").filter(pl.col("rule") == name).sum().alias(name) for name in names
    )
    listed = pl.DataFrame({"partition": list(partitions or ())}, schema={"partition": pl.String})
    for frame in (documents, kept, rejected, wide):
        listed = listed.join(frame, on="partition", how="full", coalesce=True)
    listed = listed.with_columns(pl.exclude("partition").fill_null(0).cast(pl.Int64)).sort("partition")
    return listed.with_columns(
        raw=pl.col("raw") + pl.col("rejected"), dropped=pl.sum_horizontal(pl.col(name) for name in names)
    )


def reasons(lake: Lake, lane: str, table: str, partitions: Sequence[str] | None = None) -> pl.DataFrame:
    """Columns rule, first, any: rows of the ledger whose first broken rule it is, and those that break it at all."""
    rows = lake.table(f"{lane}/{table}").scan(partitions)
    broken = pl.col("reasons").list.eval(pl.element().str.extract(r"^(\w+)").unique())
    first, any_of_them = pl.collect_all(
        [
            rows.group_by("rule").agg(first=pl.len()),
            rows.select(rule=broken).explode("rule").drop_nulls().group_by("rule").agg(any=pl.len()),
        ],
        engine="streaming",
    )
    counted = first.join(any_of_them, on="rule", how="full", coalesce=True).fill_null(0)
    return counted.sort("first", "any", "rule", descending=[True, True, False])


def samples(lake: Lake, lane: str, table: str, partitions: Sequence[str] | None = None) -> pl.DataFrame:
    """The first rows of each first broken rule, three at most: rule, id, value, bound, excerpt, detail."""
    columns = ["rule", "id", "value", "bound", "excerpt", "detail"]
    scan = lake.table(f"{lane}/{table}").scan(partitions)
    # Old rows have no excerpt.
    rows = scan.select(columns).with_columns(pl.col("excerpt").fill_null(""))
    found = rows.head(0).collect()
    for frame in stream(rows):
        found = pl.concat([found, frame]).group_by("rule", maintain_order=True).head(SAMPLES)
    return found.select(columns)
