"""Train, validation and test, so that what belongs together is on one side.

Together belong the examples of a document, of a cluster of near duplicates, and those in which one person wrote on one
day (an author-day). What such ties connect is a group, and the hash of its smallest document id decides its side. So a
side does not depend on order or on the other groups; it changes where new documents connect two groups: the one with
the larger smallest id moves to the side of the other.

Author-days can chain: whoever answers every day ties a whole help channel together, through the threads that run over
midnight. A group with more than a share of all examples is therefore cut by day: a document goes with the day on which
its cluster's smallest document was written, and what has an author-day on another side is left out as a `split_leak`.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from parlance.draws import position
from parlance.errors import ConfigError

VERSION: Final = 1
SPLITS: Final = ("train", "validation", "test")


class Sides(NamedTuple):
    """`split` by `document_id`; `leaks` are the documents that tie two sides: `document_id` and `detail`.

    `largest` is the number of examples in the largest group before anything was cut, `groups` the number of groups,
    `cut` those that were cut by day.
    """

    split: pl.DataFrame
    leaks: pl.DataFrame
    groups: int
    largest: int
    cut: int


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How much of the groups is held out; `seed` decides which. Raises ConfigError where nothing is left over."""

    validation: float = 0.1
    test: float = 0.1
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise ConfigError(
                f"validation={self.validation} and test={self.test} must be at least 0 and together below 1"
            )

    def side(self, key: str) -> str:
        """The split of a group by its key.

        >>> Shares().side("slack:T/C/1")
        'train'
        """
        place = position(self.seed, key)
        return "test" if place < self.test else "validation" if place < self.test + self.validation else "train"

    def sides(self, keys: pl.Series) -> pl.Series:
        """The split of each key."""
        known = {key: self.side(key) for key in keys.unique()}
        return pl.Series("split", [known[key] for key in keys], dtype=pl.String)


def sides(
    examples: pl.DataFrame,
    clusters: pl.DataFrame,
    author_days: pl.DataFrame,
    *,
    shares: Shares,
    largest_share: float = 1.0,
) -> Sides:
    """The split of each document of `examples` (`document_id`, a row for each example).

    `clusters` (`document_id`, `cluster`) and `author_days` (`document_id`, `author_day`, `day`) tie them; a document
    may be in several. With `largest_share` 1 no group is cut.
    """
    documents = examples.group_by("document_id").len("examples").sort("document_id").with_row_index("row")
    if documents.is_empty():
        nothing = pl.DataFrame(schema={"document_id": pl.String, "split": pl.String})
        return Sides(nothing, nothing.rename({"split": "detail"}), 0, 0, 0)
    clustered = _components(documents, [clusters.select("document_id", tie="cluster")])
    days = author_days.select("document_id", tie="author_day")
    together = _components(documents, [clusters.select("document_id", tie="cluster"), days])
    found = documents.with_columns(group=pl.Series(together), cluster=pl.Series(clustered))
    sizes = found.group_by("group").agg(
        pl.col("examples").sum().alias("size"), pl.col("cluster").n_unique().alias("parts")
    )
    found = found.join(sizes, on="group", maintain_order="left").with_columns(
        cut=(pl.col("size") > largest_share * len(examples)) & (pl.col("parts") > 1)
    )
    ids = documents["document_id"]
    first_day = author_days.group_by("document_id").agg(pl.col("day").min())
    keys = found.with_columns(smallest=ids.gather(found["group"]), document_id=ids.gather(found["cluster"])).join(
        first_day, on="document_id", how="left", maintain_order="left"
    )
    key = pl.when(pl.col("cut") & pl.col("day").is_not_null()).then(pl.format("day {}", "day")).otherwise("smallest")
    split = found.select("document_id", "cut", split=shares.sides(keys.select(key=key)["key"]))
    leaks = _leaks(split.filter("cut"), author_days, shares)
    return Sides(
        split.join(leaks, on="document_id", how="anti", maintain_order="left").select("document_id", "split"),
        leaks,
        sizes.height,
        sizes["size"].to_list()[int(sizes["size"].arg_max() or 0)],
        found.filter("cut")["group"].n_unique(),
    )


def _leaks(split: pl.DataFrame, author_days: pl.DataFrame, shares: Shares) -> pl.DataFrame:
    """Documents of groups that were cut with an author-day whose day is on another side."""
    days = author_days.join(split, on="document_id", how="inner").select("document_id", "split", "author_day", "day")
    of_day = shares.sides(days.select(key=pl.format("day {}", "day"))["key"])
    torn = days.with_columns(of_day=of_day).filter(pl.col("split") != pl.col("of_day")).sort("document_id", "day")
    said = pl.format("{} is on the side {}, the document on {}", "author_day", "of_day", "split").first()
    return torn.group_by("document_id", maintain_order=True).agg(detail=said)


def _components(documents: pl.DataFrame, ties: list[pl.DataFrame]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each document the first that ties connect it to; documents are in the order of their ids."""
    from parlance.dedup.linking import components

    left, right = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for frame in ties:
        rows = frame.drop_nulls().join(documents.select("document_id", "row"), on="document_id", how="inner")
        first = rows.select("row", first=pl.col("row").min().over("tie"))
        left.append(first["first"].cast(pl.Int64).to_numpy())
        right.append(first["row"].cast(pl.Int64).to_numpy())
    return components(documents.height, np.concatenate(left), np.concatenate(right)).astype(np.int64)


def author_days(examples: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Who wrote on which day what the examples hold: `document_id`, `author_day` (author and day), `day`.

    `examples` have `document_id`, `raw_ids` and `alternatives`, `documents` are their rows of KEPT. Of a thread those
    count whose messages are in an example, alternatives included, and no bots; of a page its author, where it names
    one.
    """
    others = (
        pl.col("alternatives").list.eval(pl.element().struct.field("message_ids")).list.eval(pl.element().explode())
    )
    held = examples.select("document_id", message_id=pl.concat_list("raw_ids", others)).explode("message_id").unique()
    turns = documents.select(document_id="id", turn="turns").explode("turn").drop_nulls("turn")
    said = turns.select(
        "document_id",
        message_id=pl.col("turn").struct.field("message_id"),
        author=pl.when(~pl.col("turn").struct.field("is_bot")).then(pl.col("turn").struct.field("author")),
        day=pl.col("turn").struct.field("created_at").dt.date(),
    ).join(held, on=["document_id", "message_id"], how="semi")
    alone = documents.filter(pl.col("turns").is_null()).join(examples, left_on="id", right_on="document_id", how="semi")
    written = alone.select(document_id="id", author="author", day=pl.col("created_at").dt.date())
    both = pl.concat([said.drop("message_id"), written]).drop_nulls(["author", "day"]).unique()
    return both.select("document_id", pl.format("{} on {}", "author", "day").alias("author_day"), "day").sort(
        "document_id", "author_day"
    )
