"""Evaluation sets, and how much of an item stands in a document.

Items are compared by sequences of 13 words, the most that Brown et al. (2020, appendix C) used; one of 8 to 12 words is
found where all of it stands in a row, and one with fewer, which any text may hold, is left out: 8 is the fewest there.
What counts is the share of the *item*, not of the document, as in Lambert et al. (2024, section 3.2): a question with
its answer is one line of a long page.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parlance.errors import ConfigError
from parlance.references.lists import lines
from parlance.references.named import EvaluationSet
from parlance.references.phrases import Phrases
from parlance.sources import files

NGRAM = 13
FEWEST_WORDS = 8
ITEMS = {"set": pl.String, "number": pl.Int64, "text": pl.String}


def items(sets: Mapping[str, EvaluationSet]) -> pl.DataFrame:
    """Every item with its `set`, its `number` in that (from 1) and its `text`.

    Raises ConfigError for a file that cannot be read, an item without a field that is named, and an empty set.
    """
    frames = []
    for name, one in sorted(sets.items()):
        texts = [text for path in one.files for file in files.expand(path) for text in _texts(file, one, name)]
        if not texts:
            raise ConfigError(f"evaluation set {name!r}: no item in {list(one.files)}; allowed: at least one")
        columns = {"set": [name] * len(texts), "number": range(1, len(texts) + 1), "text": texts}
        frames.append(pl.DataFrame(columns, schema=ITEMS))
    return pl.concat(frames) if frames else pl.DataFrame(schema=ITEMS)


def _texts(file: files.File, one: EvaluationSet, name: str) -> Iterator[str]:
    where = f"evaluation set {name!r}: {file.name!r}"
    with files.opened(file) as stream:
        is_parquet = stream.read(4) == b"PAR1"
    rows = [] if is_parquet else [line for line in lines(file) if line.strip()]
    is_json = bool(rows) and rows[0].lstrip().startswith(("{", "["))
    if not one.fields and (is_parquet or is_json):
        raise ConfigError(f"{where} has fields; allowed: to name those that make an item's text, as `fields`")
    if one.fields and rows and not is_json:
        raise ConfigError(f"{where} has no fields {list(one.fields)}; allowed: JSON lines, a JSON list or Parquet")
    if not one.fields:
        yield from rows
        return
    for number, record in enumerate(_of_parquet(file, where) if is_parquet else _of_json(rows, where), start=1):
        yield "\n".join(_field(record, field, f"{where}, item {number}") for field in one.fields)


def _of_parquet(file: files.File, where: str) -> Iterator[Any]:
    with files.opened(file) as stream:
        try:
            for batch in pq.ParquetFile(stream).iter_batches():
                yield from batch.to_pylist()
        except pa.ArrowException as error:
            raise ConfigError(f"{where} is no Parquet file that can be read: {error}") from error


def _of_json(rows: list[str], where: str) -> Iterator[Any]:
    if rows[0].lstrip().startswith("["):
        rows = ["\n".join(rows)]
    for number, row in enumerate(rows, start=1):
        try:
            found = json.loads(row)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{where}, item {number}: {error}; allowed: JSON lines or a JSON list") from error
        yield from found if isinstance(found, list) else [found]


def _field(record: Any, field: str, where: str) -> str:
    """The text of a field; one inside others is named with dots, several texts are put together."""
    value = record
    for name in field.split("."):
        if not isinstance(value, dict) or name not in value:
            known = f"; known: {', '.join(value)}" if isinstance(value, dict) else ""
            raise ConfigError(f"{where} has no field {field!r}{known}")
        value = value[name]
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return "" if value is None else str(value)


def long_enough(found: pl.DataFrame) -> pl.DataFrame:
    """The items that have enough words to be looked for."""
    return found.filter(pl.Series(Phrases(found["text"], size=1).words >= FEWEST_WORDS))


class Evaluations:
    """Items to look for, as `items` and `long_enough` give them."""

    def __init__(self, found: pl.DataFrame) -> None:
        self._phrases = Phrases(found["text"], size=NGRAM)
        name = pl.format("{}#{}", "set", "number")
        self._items = found.select(name=name, words=pl.Series(self._phrases.words)).with_row_index("text")

    def sequences(self) -> pl.DataFrame:
        """How many different sequences of words are looked for, by `set`."""
        sets = self._items.select("text", set=pl.col("name").str.replace(r"#\d+$", ""))
        known = self._phrases.known.select(pl.col("text").cast(pl.UInt32), "key").join(sets, on="text")
        return known.group_by("set").agg(sequences=pl.col("key").n_unique())

    def contamination(self, texts: pl.Series) -> pl.DataFrame:
        """For each text the largest share of an item's words that it has in sequence, and that item.

        Columns `contamination` and `contaminated_by` (`<set>#<number>`); 0 and null where there is none.
        """
        shares = self._shares(self._phrases.occurrences(texts).unique())
        ordered = shares.sort("share", "text", descending=[True, False])
        largest = ordered.unique("row", keep="first", maintain_order=True)
        rows = pl.DataFrame({"row": pl.int_range(len(texts), eager=True)}, schema={"row": pl.Int64})
        return rows.join(largest, on="row", how="left", maintain_order="left").select(
            contamination=pl.col("share").fill_null(0.0), contaminated_by="name"
        )

    def _shares(self, occurrences: pl.DataFrame) -> pl.DataFrame:
        """The share of each item in each text that has a part of it: `row`, `text`, `name`, `share`."""
        places = occurrences.join(self._phrases.known, on="key").sort("row", "text", "place")
        to_next = (pl.col("place").shift(-1) - pl.col("place")).over("row", "text")
        with_items = places.with_columns(pl.col("text").cast(pl.UInt32), to_next=to_next).join(self._items, on="text")
        size = pl.min_horizontal(pl.lit(NGRAM), "words")
        covered = pl.min_horizontal(pl.col("to_next").fill_null(NGRAM), size)
        return with_items.group_by("row", "text", "name").agg(share=covered.sum() / pl.col("words").first())
