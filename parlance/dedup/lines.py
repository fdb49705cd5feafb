"""Lines and paragraphs that occur in many documents: found by hashes, counted on disk."""

from typing import Literal

import numpy as np
import polars as pl

from parlance.dedup import line_hashing
from parlance.dedup.tokens import Bytes, Indices, as_series, buffers
from parlance.errors import ConfigError

Unit = Literal["line", "paragraph"]
UNITS = {"row": pl.Int64, "hash": pl.Int64, "start": pl.Int64, "end": pl.Int64, "first": pl.Boolean}


def units(texts: pl.Series, unit: Unit = "line") -> pl.DataFrame:
    r"""The lines or paragraphs of `texts`, in order: row, hash, start, end, first.

    Equal hashes (64 bits) mean equal text in NFC, in lower case, with runs of white space as one space and none at
    the ends; two of a billion different lines share one with a chance of 3 %. What has neither letter nor digit
    (an ASCII one, or anything beyond ASCII) is left out. `start` and `end` are bytes of the text's UTF-8, half-open,
    the newlines after it included. `first` is false where the same unit stands before it in the text. Lines end with
    `\n`, paragraphs with a line that is blank; `\r` is white space. A null text has none.

    >>> units(pl.Series(["Read more\r\n\n---\n read  MORE", None])).select("row", "start", "end", "first").rows()
    [(0, 0, 11, True), (0, 16, 27, False)]
    """
    if unit not in ("line", "paragraph"):
        raise ConfigError(f"unknown unit {unit!r}; allowed: line, paragraph")
    series = as_series(texts).fill_null("")
    data, offsets = buffers(series)
    found, odd = _units(data, offsets, unit)
    if len(odd):
        # What Polars makes of them has as many units: neither newlines nor white space come or go.
        plain = series.gather(odd).str.normalize("NFC").str.to_lowercase()
        again, _ = _units(*buffers(plain), unit)
        places = np.flatnonzero(np.isin(found["row"].to_numpy(), odd))
        found = found.with_columns(
            found["hash"].scatter(places, again["hash"]), found["first"].scatter(places, again["first"])
        )
    begins = offsets[found["row"].to_numpy()]
    return found.with_columns(start=pl.col("start") - begins, end=pl.col("end") - begins)


def _units(data: Bytes, offsets: Indices, unit: Unit) -> tuple[pl.DataFrame, Indices]:
    most = line_hashing.most_units(data, offsets[0], offsets[-1]) + len(offsets) - 1
    columns = {name: np.empty(most, np.int64) for name in ("row", "start", "end")}
    hashes, firsts = np.empty(most, np.uint64), np.empty(most, np.bool_)
    odd = np.zeros(len(offsets) - 1, np.bool_)
    count = line_hashing.units(
        data, offsets, line_hashing.lowered(), unit == "paragraph", hashes, *columns.values(), firsts, odd
    )
    made = columns | {"hash": hashes.view(np.int64), "first": firsts}
    return pl.DataFrame({name: made[name][:count] for name in UNITS}, schema=UNITS), np.flatnonzero(odd)
