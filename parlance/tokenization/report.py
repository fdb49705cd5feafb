"""What a tokenizer makes of a corpus: exactness, tokens for each word and byte, the cut of numbers."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from parlance.errors import SchemaError
from parlance.tokenization.encoding import Encoder

ALL = "all languages"
BATCH = 1024
ORDER = 2.5  # of the entropy, which predicts translation best in Zouhar et al. 2023

# Languages written without spaces between words, by their two- and three-letter codes.
UNSPACED = ("zh", "wuu", "yue", "ja", "th", "lo", "km", "my", "bo", "zho", "jpn", "tha", "lao", "khm", "mya", "bod")

_RUN = r"\S+"
_WORD = r"[\p{L}\p{M}\p{N}](?:\S*[\p{L}\p{M}\p{N}])?"  # a run without the punctuation around it


def round_trip(path: str | Path, texts: Iterable[str]) -> list[str]:
    """The texts that encoding and decoding does not give back; none, for a tokenizer trained here on bytes or pieces.

    A text is given back when it decodes to itself in the normal form that the tokenizer names. WordPiece writes down
    neither white space nor, where it says so, capitals: of its texts the normalised characters alone must come back,
    without white space; one with a word that is unknown to it is not given back.
    """
    encoder = Encoder(path)
    checked = (frame for batch in _batches(texts) for frame in [_checked(encoder, pl.Series(batch, dtype=pl.String))])
    return [text for frame in checked for text in frame.filter("is_changed")["text"]]


def round_trips(path: str | Path, texts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """`round_trip` of all `texts` (columns text and language), counted by language.

    Columns: language, documents, changed, unknown (those with an unknown word, which are changed too), and the
    beginning of one that changed without an unknown word.
    """
    encoder = Encoder(path)
    rows = [
        _checked(encoder, batch["text"]).with_columns(batch["language"])
        for frame in texts
        for batch in frame.iter_slices(BATCH)
    ]
    schema = {"text": pl.String, "is_changed": pl.Boolean, "is_unknown": pl.Boolean, "language": pl.String}
    changed = pl.col("is_changed") & ~pl.col("is_unknown")
    brief = [frame.with_columns(pl.when(changed).then(pl.col("text").str.slice(0, 200))) for frame in rows]
    return (
        pl.concat([pl.DataFrame(schema=schema), *brief])
        .group_by("language")
        .agg(
            documents=pl.len().cast(pl.Int64),
            changed=pl.col("is_changed").sum().cast(pl.Int64),
            unknown=pl.col("is_unknown").sum().cast(pl.Int64),
            example=pl.col("text").drop_nulls().sort().first(),
        )
        .sort("language")
    )


def _checked(encoder: Encoder, texts: pl.Series) -> pl.DataFrame:
    """Columns text, is_changed and is_unknown: whether a text is not given back, and whether a word is unknown."""
    is_words = encoder.tokenizer.model.__class__.__name__ == "WordPiece"
    normal, unknown = encoder.normal_form, encoder.unknown_id
    ids, ends = encoder.encode(texts)
    rows = [row.tolist() for row in np.split(ids, ends[:-1])] if len(texts) else []
    decoded = encoder.tokenizer.decode_batch(rows, skip_special_tokens=False)
    wanted = [text if normal is None else normal.normalize_str(text) for text in texts]
    if is_words:
        wanted, decoded = [_without_space(text) for text in wanted], [_without_space(text) for text in decoded]
    return pl.DataFrame(
        {
            "text": texts,
            "is_changed": [one != other for one, other in zip(wanted, decoded, strict=True)],
            "is_unknown": [unknown is not None and unknown in row for row in rows],
        },
        schema={"text": pl.String, "is_changed": pl.Boolean, "is_unknown": pl.Boolean},
    )


def _without_space(text: str) -> str:
    return "".join(text.split())


def report(path: str | Path, texts: pl.DataFrame) -> pl.DataFrame:
    """How the tokenizer in `path` fits `texts` (columns text and language): first all languages, then each by name.

    Columns: language, documents, characters, bytes, tokens, words (runs without white space), fertility (tokens for
    each word), bytes_per_token, unknown_rate (share of tokens), continued_word_share (share of words, taken without
    the punctuation around them, that need more than one token), renyi_efficiency (entropy of order 2.5 of the tokens as
    a share of what the vocabulary could have: Zouhar et al. 2023) and token_tax (tokens for a character, as a multiple
    of that of the language with most documents: it grows with the script too, so compare tokenizers by it, not
    languages). Words, fertility and continued_word_share are null for languages written without spaces, which the first
    row leaves out of them too; a rate of nothing is null.
    """
    for column in ("text", "language"):
        if texts.schema.get(column) not in (pl.String, pl.Null):
            raise SchemaError(f"texts need a string column {column!r}; they have {dict(texts.schema)}")
    texts = texts.select(pl.col("text", "language").cast(pl.String))
    if texts["text"].null_count():
        raise SchemaError(f"column 'text' has {texts['text'].null_count()} nulls; none allowed")
    encoder = Encoder(path)
    texts = texts.with_columns(pl.col("language").fill_null("und"))
    measured = [_measured(encoder, batch) for batch in (texts.iter_slices(BATCH) if len(texts) else [texts])]
    rows = pl.concat([one for one, _ in measured])
    tokens = pl.concat([one for _, one in measured]).group_by("language", "token").agg(pl.col("count").sum())
    words = _continued(encoder, texts)
    together = pl.lit(ALL).alias("language")
    whole, spoken, used = (frame.with_columns(together) for frame in (rows, words, tokens))
    rates = [_rates(whole, spoken, used, encoder.vocab_size), _rates(rows, words, tokens, encoder.vocab_size)]
    return _taxed(pl.concat(rates))


def _taxed(rates: pl.DataFrame) -> pl.DataFrame:
    languages = rates.filter(pl.col("language") != ALL, pl.col("characters") > 0)
    most = languages.sort("documents", "language", descending=[True, False]).head(1)
    cost = pl.when(pl.col("characters") > 0).then(pl.col("tokens") / pl.col("characters"))
    reference = most.select(cost.alias("cost"))["cost"].item() if len(most) else None
    return rates.with_columns(token_tax=cost / pl.lit(reference, dtype=pl.Float64))


def digits(path: str | Path, lines: Sequence[str]) -> list[list[str]]:
    """How the tokenizer cuts each line; sums such as "4523646 - 67453156" show what a model must calculate with."""
    encodings = Encoder(path).tokenizer.encode_batch(list(lines), add_special_tokens=False)
    return [
        [line[start:end] for start, end in encoding.offsets] for line, encoding in zip(lines, encodings, strict=True)
    ]


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _measured(encoder: Encoder, texts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A row of numbers for each text, and how often each token occurs in each language."""
    ids, ends = encoder.encode(texts["text"])
    lengths = np.diff(ends, prepend=0)
    is_unknown = np.concatenate([[0], np.cumsum(ids == (-1 if encoder.unknown_id is None else encoder.unknown_id))])
    rows = texts.select(
        "language",
        characters=pl.col("text").str.len_chars().cast(pl.Int64),
        bytes=pl.col("text").str.len_bytes().cast(pl.Int64),
        tokens=pl.Series(lengths, dtype=pl.Int64),
        unknown=pl.Series(is_unknown[ends] - is_unknown[ends - lengths], dtype=pl.Int64),
        words=pl.when(_spaced()).then(pl.col("text").str.count_matches(_RUN).cast(pl.Int64)),
    )
    names = texts["language"].unique().sort()
    number = texts["language"].rank("dense").cast(pl.UInt32).to_numpy() - 1
    found = pl.DataFrame({"at": np.repeat(number, lengths), "token": ids}, schema={"at": pl.UInt32, "token": pl.Int32})
    counts = found.group_by("at", "token").agg(count=pl.len().cast(pl.Int64))
    return rows, counts.select(names.gather(counts["at"]).alias("language"), "token", "count")


def _continued(encoder: Encoder, texts: pl.DataFrame) -> pl.DataFrame:
    """Distinct words of each language with `count` and whether more than one token is needed in mid-sentence."""
    words = (
        texts.lazy()
        .filter(_spaced())
        .select("language", word=pl.col("text").str.extract_all(_WORD))
        .explode("word", empty_as_null=False)
        .group_by("language", "word")
        .agg(count=pl.len().cast(pl.Int64))
        .collect()
    )
    _, ends = encoder.encode(words.select(padded=pl.lit(" ") + pl.col("word").fill_null(""))["padded"])
    return words.select("language", "count", continued=pl.Series(np.diff(ends, prepend=0), dtype=pl.Int64) > 1)


def _rates(rows: pl.DataFrame, words: pl.DataFrame, tokens: pl.DataFrame, size: int) -> pl.DataFrame:
    shares = words.group_by("language").agg(
        continued_word_share=pl.col("count").filter("continued").sum() / pl.col("count").sum()
    )
    share = pl.col("count") / pl.col("count").sum()
    entropy = (share**ORDER).sum().log() / (1 - ORDER) / math.log(size)
    counts = tokens.group_by("language", "token").agg(pl.col("count").sum()).sort("language", "token")
    efficiency = counts.group_by("language").agg(renyi_efficiency=entropy)
    sums = rows.group_by("language").agg(
        pl.len().cast(pl.Int64).alias("documents"),
        pl.col("characters", "bytes", "tokens").sum(),
        words=pl.when(pl.col("words").count() > 0).then(pl.col("words").sum()),
        spaced_tokens=pl.col("tokens").filter(pl.col("words").is_not_null()).sum(),
        unknown=pl.col("unknown").sum(),
    )
    return (
        sums.join(shares, on="language", how="left")
        .join(efficiency, on="language", how="left")
        .select(
            pl.col("language", "documents", "characters", "bytes", "tokens", "words"),
            fertility=_ratio("spaced_tokens", "words"),
            bytes_per_token=_ratio("bytes", "tokens"),
            unknown_rate=_ratio("unknown", "tokens"),
            continued_word_share=pl.col("continued_word_share"),
            renyi_efficiency=pl.col("renyi_efficiency"),
        )
        .sort("language")
    )


def _ratio(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def _spaced() -> pl.Expr:
    return ~pl.col("language").is_in(UNSPACED)
