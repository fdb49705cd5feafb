"""How far the instruct examples are from those that a model was trained on."""

from dataclasses import dataclass
from functools import cache

import polars as pl

from parlance.errors import ConfigError
from parlance.lake import Lake

EXAMPLES = "instruct/examples"


@dataclass(frozen=True, kw_only=True)
class Change:
    """Examples that are new, changed (text or side) and gone, of `before`; `withdrawn` of those gone lack a source now.

    >>> Change(before=100, new=3, changed=1, gone=2, withdrawn=0).share
    0.06
    """

    before: int
    new: int
    changed: int
    gone: int
    withdrawn: int

    @property
    def share(self) -> float:
        """What changed, of the examples before; 1 where there were none."""
        moved = self.new + self.changed + self.gone
        return min(1.0, moved / self.before) if self.before else float(moved > 0)


@cache
def change(lake: Lake, *, since: int, until: int) -> Change:
    """The change of the examples between two versions of their table.

    A message that was deleted, or whose author opted out, is in no document any more: an example that is gone with it
    counts as withdrawn. Raises ConfigError for a version that does not exist, or of which something was erased.
    """
    if not lake.table(EXAMPLES).is_whole(since):
        raise ConfigError(f"examples that it was trained on were erased: of version {since} of {EXAMPLES}")
    before, after = (_examples(lake, version) for version in (since, until))
    gone = before.join(after, on="id", how="anti")
    both = before.join(after, on="id", suffix="_after")
    return Change(
        before=before.height,
        new=after.join(before, on="id", how="anti").height,
        changed=both.filter(pl.col("content") != pl.col("content_after")).height,
        gone=gone.height,
        withdrawn=_withdrawn(lake, gone) if gone.height else 0,
    )


def _examples(lake: Lake, version: int) -> pl.DataFrame:
    rows = lake.table(EXAMPLES).scan(version=version)
    content = pl.struct("split", "messages").hash(0).alias("content")
    return rows.select("id", "source", "document_id", "raw_ids", content).collect()


def _withdrawn(lake: Lake, gone: pl.DataFrame) -> int:
    """Examples one of whose raw rows is in no document."""
    sources = gone["source"].unique().sort()
    wanted = gone.select("document_id").unique().lazy()
    documents = [
        lake.table(f"{source}/documents")
        .scan()
        .select("id", "raw_ids")
        .join(wanted, left_on="id", right_on="document_id", how="semi")
        .select(raw_ids=pl.col("raw_ids").cast(pl.List(pl.String)))
        for source in sources
    ]
    known = pl.concat(documents).explode("raw_ids").unique().collect()
    rows = gone.select("id", "raw_ids").explode("raw_ids")
    return rows.join(known, on="raw_ids", how="anti")["id"].n_unique()
