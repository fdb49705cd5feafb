"""Pre-tokens and their counts: what a tokenizer is trained from, made part by part and added up."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from parlance.errors import SchemaError
from parlance.tokenization.cuts import PLAIN, Cut, Digits

if TYPE_CHECKING:
    from parlance.tokenization.compiled.counting import Pretokens

SCHEMA = pl.Schema({"pretoken": pl.String, "count": pl.Int64})
TEXTS_AT_ONCE = 1024
SMALL = 1 << 10  # entries that a table begins with where there may be many tables
MOST_BYTES = 256 << 20  # of distinct pre-tokens before they are handed on


def pretokens(texts: Iterable[str] | pl.Series, cut: Cut = PLAIN) -> pl.DataFrame:
    """How often each pre-token occurs in `texts`, sorted by pre-token; the texts are read once.

    >>> pretokens(["one two", " two"]).rows()
    [(' two', 2), ('one', 1)]
    """
    return merged(counted((some.to_frame("text") for some in _series(texts)), (), cut))


def counted(
    frames: Iterable[pl.DataFrame], by: Sequence[str], cut: Cut, *, most_bytes: int = MOST_BYTES
) -> Iterator[pl.DataFrame]:
    """Counts of the pre-tokens in column `text`, apart for each value of the columns `by`.

    A pre-token has one row for each group, and one more each time that distinct ones had filled `most_bytes`.
    """
    from parlance.tokenization.compiled.counting import Pretokens
    from parlance.tokenization.compiled.cutting import MOST_DIGITS, STYLES

    style, most = STYLES[cut.pattern], MOST_DIGITS[cut.pattern, "groups"]
    groups: dict[tuple[object, ...], Pretokens] = {}
    for frame in frames:
        parts = frame.partition_by(by, as_dict=True, maintain_order=True) if by else {(): frame}
        for key, part in parts.items():
            if key not in groups:
                groups[key] = Pretokens(style=style, most=most, entries=SMALL)
            groups[key].add(normalised(part["text"], cut))
        if sum(group.size_bytes for group in groups.values()) > most_bytes:
            yield from _grouped(groups, by)
            groups = {}
    yield from _grouped(groups, by)


def _grouped(groups: Mapping[tuple[object, ...], "Pretokens"], by: Sequence[str]) -> Iterator[pl.DataFrame]:
    for key, group in groups.items():
        keys = [pl.lit(value, dtype=pl.String).alias(name) for name, value in zip(by, key, strict=True)]
        yield _frame(group.strings(), group.counts()).sort("pretoken").with_columns(keys)


def merged(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The counts of several frames added up, sorted by pre-token.

    >>> merged([pretokens(["a b"]), pretokens(["a"])]).rows()
    [(' b', 1), ('a', 2)]
    """
    total = SCHEMA.to_frame()
    for frame in frames:
        total = pl.concat([total, checked(frame)]).group_by("pretoken").agg(pl.col("count").sum())
    return total.sort("pretoken")


def recut(counts: pl.DataFrame, cut: Cut, digits: Digits, *, words: bool = False) -> pl.DataFrame:
    """The counts of what pre-tokens are cut into by `digits`; `words`: into those of WordPiece, without white space.

    >>> recut(pretokens(["12 ab", "2"]), Cut(), "single").rows()
    [(' ab', 1), ('1', 1), ('2', 2)]
    """
    from parlance.tokenization.compiled.counting import Pretokens
    from parlance.tokenization.compiled.cutting import MOST_DIGITS, STYLES, WORDS

    most = MOST_DIGITS["llama3" if words else cut.pattern, digits]
    counted = Pretokens(style=WORDS if words else STYLES[cut.pattern], most=most)
    counted.add(counts["pretoken"], counts["count"].to_numpy())
    return _frame(counted.strings(), counted.counts()).sort("pretoken")


def digest(counts: pl.DataFrame) -> str:
    """12 hex digits of the counts, in whatever order they stand.

    >>> digest(pretokens(["a b", "b"])) == digest(pretokens(["b", "a b"]))
    True
    """
    ordered = checked(counts).sort("pretoken")
    found = hashlib.sha256(ordered["count"].to_numpy().tobytes())
    found.update(ordered["pretoken"].str.len_bytes().to_numpy().tobytes())
    for some in ordered["pretoken"].to_frame().iter_slices(1 << 16):
        found.update("".join(some["pretoken"]).encode())
    return found.hexdigest()[:12]


def checked(counts: pl.DataFrame) -> pl.DataFrame:
    """`counts` with the columns pretoken and count alone. Raises SchemaError where it has others or nulls."""
    types = {name: counts.schema.get(name) for name in SCHEMA}
    if types != dict(SCHEMA):
        raise SchemaError(f"counts need the columns {dict(SCHEMA)}; they have {dict(counts.schema)}")
    counts = counts.select(list(SCHEMA))
    if any(counts.null_count().row(0)) or (counts["count"] < 0).any():
        raise SchemaError("counts must have no nulls and no negative count")
    return counts


def normalised(texts: pl.Series, cut: Cut) -> pl.Series:
    """`texts` in the normal form of `cut`, as `tokenizers` makes it."""
    if cut.normalisation == "none":
        return texts
    from tokenizers import normalizers

    normalizer = normalizers.NFC() if cut.normalisation == "nfc" else normalizers.NFKC()
    odd = texts.str.len_bytes() > texts.str.len_chars()  # ASCII is in every normal form
    plain = [normalizer.normalize_str(text) for text in texts.filter(odd)]
    return texts.clone().scatter(odd.arg_true(), plain) if plain else texts


def _series(texts: Iterable[str] | pl.Series) -> Iterator[pl.Series]:
    if isinstance(texts, pl.Series):
        yield from (texts.slice(start, TEXTS_AT_ONCE) for start in range(0, len(texts), TEXTS_AT_ONCE))
        return
    iterator = iter(texts)
    while some := list(islice(iterator, TEXTS_AT_ONCE)):
        yield pl.Series(some, dtype=pl.String)


def _frame(strings: pl.Series, counts: object) -> pl.DataFrame:
    return pl.DataFrame({"pretoken": strings, "count": counts}, schema=SCHEMA)
