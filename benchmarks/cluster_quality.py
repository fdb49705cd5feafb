"""How well found clusters agree with the exact truth, counted in pairs of documents. Two definitions:

- by component: the truth is the connected components of the graph whose edges are the exact pairs (Jaccard at least
  0.8), which is what a perfect deduplicator makes. Recall: of the pairs of documents in one component, the share that
  lies in one found cluster. Precision: of the pairs in one found cluster, the share that lies in one component.
- by pair: recall is the share of the exact pairs that lie in one found cluster; precision the share of the pairs in
  one found cluster that are exact pairs themselves. A component in which A is near B and B is near C holds the pair
  A and C, too, so that the exact components themselves do not reach a precision of 1 here.

The goals are by component.
"""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, kw_only=True)
class Quality:
    recall: float
    precision: float
    pair_recall: float
    pair_precision: float


def components(documents: int, links: pl.DataFrame) -> pl.Series:
    """For each document the smallest that links (`left`, `right`) connect it to."""
    parents = list(range(documents))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for left, right in links.select("left", "right").iter_rows():
        low, high = sorted((root(left), root(right)))
        parents[high] = low
    return pl.Series("cluster", [root(row) for row in range(documents)], pl.Int64)


def quality(found: pl.Series, exact: pl.Series, links: pl.DataFrame) -> Quality:
    """Of the found cluster of each document, against the component of each and the exact pairs."""
    both = pl.DataFrame({"found": found, "exact": exact})
    ours, theirs, common = _pairs(both, "found"), _pairs(both, "exact"), _pairs(both, "found", "exact")
    kept = (found.gather(links["left"]) == found.gather(links["right"])).sum()
    return Quality(
        recall=_share(common, theirs),
        precision=_share(common, ours),
        pair_recall=_share(kept, links.height),
        pair_precision=_share(kept, ours),
    )


def _pairs(rows: pl.DataFrame, *columns: str) -> int:
    """Pairs of rows that are equal in the columns."""
    size = pl.col("len")
    return int(rows.group_by(columns).len().select((size.cast(pl.Int64) * (size.cast(pl.Int64) - 1) // 2).sum()).item())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
