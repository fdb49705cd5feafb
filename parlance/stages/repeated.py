"""Lines that a site repeats: the table of them, and documents without them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from parlance import schemas
from parlance.lake import Lake
from parlance.storage import Written, record_batches, stream

if TYPE_CHECKING:
    from parlance.dedup.lines import Unit

TABLE = "corpus/repeated_lines"
RULE = "repeated_lines"
VERSION = 1
KEY = ["id", "source", "partition"]
COLUMNS = [*KEY, "text", "channel", "url"]


def write_repeated_lines(
    lake: Lake, lanes: Sequence[str], *, unit: "Unit" = "line", more_than: int = 6, remove: bool = False
) -> tuple[Written, pl.DataFrame]:
    """The lines or paragraphs in more than `more_than` documents of one site, and what they are of each lane.

    A site is a channel or the host of the address; see `parlance.dedup.repeating.repeated`. Duplicates and older
    captures of the same URL do not count: a page that was fetched on seven days repeats nothing. Reads the texts of
    `lanes` twice. `remove` says that `kept` is to be without them from then on.
    """
    from parlance.dedup.repeating import repeated

    copies = _copies(lake, lanes)

    def frames() -> Iterator[pl.DataFrame]:
        for lane in lanes:
            for documents in stream(lake.table(f"{lane}/documents").scan().select(COLUMNS)):
                frame = documents.join(copies, on=KEY, how="anti", maintain_order="left")
                yield frame.with_columns(site=_sites(frame))

    found, shares = repeated(frames, unit=unit, documents=more_than)
    rows = found.with_columns(unit=pl.lit(unit), remove=pl.lit(remove))
    return lake.table(TABLE).replace(record_batches(rows, schemas.REPEATED_LINES)), shares


def _copies(lake: Lake, lanes: Sequence[str]) -> pl.DataFrame:
    """What stands for nothing of its own: `KEY` of duplicates and, of the others, of all but the newest of a URL."""
    from parlance.dedup.urls import url_duplicates

    duplicates = lake.table("corpus/duplicates").scan().filter(~pl.col("keep"))
    known = duplicates.select("id", "source", partition="document_partition").collect()
    columns = [*KEY, "url", "created_at"]
    documents = pl.concat(lake.table(f"{lane}/documents").scan().select(columns) for lane in lanes)
    others = documents.filter(pl.col("url").is_not_null()).join(known.lazy(), on=KEY, how="anti").collect()
    return pl.concat([known, url_duplicates(others).filter(~pl.col("keep")).select(KEY)])


def lines_to_remove(lake: Lake) -> pl.DataFrame:
    """What `kept` is to be without: `hash`, `site` and `unit`."""
    return lake.table(TABLE).scan().filter("remove").select("hash", "site", "unit").collect()


def without_lines(judged: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Documents with their verdicts; those without a `reason` lose the `lines` of their site.

    Adds `removed_lines` and `removed_characters`. One of which nothing is left gets the reason `repeated_lines`, with
    the number of lines as its value, and keeps its text for the ledger. Rules were judged on the whole text.
    """
    if lines.is_empty():
        return judged.with_columns(removed_lines=pl.lit(0, pl.Int32), removed_characters=pl.lit(0, pl.Int32))
    from parlance.dedup.cutting import cut

    is_kept = judged["reason"].is_null()
    sited = judged.with_columns(site=pl.select(pl.when(is_kept).then(_sites(judged))).to_series())
    short = cut(sited, lines, lines["unit"][0]).drop("site")
    is_empty = (short["removed_lines"] > 0) & (short["text"].str.strip_chars() == "")
    emptied: dict[str, pl.Expr | pl.Series] = {
        "text": judged["text"],
        "reason": pl.lit(RULE),
        "rule": pl.lit(RULE),
        "value": short["removed_lines"].cast(pl.Float64),
        "version": pl.lit(VERSION, pl.Int32),
        "reasons": pl.lit([RULE], pl.List(pl.String)),
    }
    return short.with_columns(
        pl.when(is_empty).then(value).otherwise(pl.col(name)).alias(name) for name, value in emptied.items()
    )


def _sites(documents: pl.DataFrame) -> pl.Series:
    """The channel or the host of each document; null where it has neither."""
    from parlance.dedup.urls import hosts

    return documents.select(site=pl.coalesce("channel", hosts(documents["url"])))["site"]
