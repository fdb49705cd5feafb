"""What a tokenizer makes of a corpus: exactness, tokens for each word and byte, the cut of numbers."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import polars as pl
from tokenizers import Tokenizer

from parlance.errors import ConfigError, SchemaError

ALL = "all languages"
BATCH = 256

# Languages written without spaces between words, by their two- and three-letter codes.
UNSPACED = ("zh", "wuu", "yue", "ja", "th", "lo", "km", "my", "bo", "zho", "jpn", "tha", "lao", "khm", "mya", "bod")

_RUN = r"\S+"
_WORD = r"[\p{L}\p{M}\p{N}](?:\S*[\p{L}\p{M}\p{N}])?"  # a run without the punctuation around it


def round_trip(path: str | Path, texts: Iterable[str]) -> list[str]:
    """The texts that encoding and decoding does not give back exactly; none, for a tokenizer trained here."""
    tokenizer = load(path)
    lost = []
    for batch in _batches(texts):
        encodings = tokenizer.encode_batch_fast(batch, add_special_tokens=False)
        decoded = tokenizer.decode_batch([encoding.ids for encoding in encodings], skip_special_tokens=False)
        lost += [text for text, back in zip(batch, decoded, strict=True) if text != back]
    return lost


def report(path: str | Path, texts: pl.DataFrame) -> pl.DataFrame:
    """How the tokenizer in `path` fits `texts` (columns text and language): first all languages, then each by name.

    Columns: language, documents, characters, bytes, tokens, words (runs without white space), fertility (tokens for
    each word), bytes_per_token, unknown_rate (share of tokens), continued_word_share (share of words, taken without
    the punctuation around them, that need more than one token). Words, fertility and continued_word_share are null
    for languages written without spaces, which the first row leaves out of them too; a rate of nothing is null.
    """
    for column in ("text", "language"):
        if texts.schema.get(column) not in (pl.String, pl.Null):
            raise SchemaError(f"texts need a string column {column!r}; they have {dict(texts.schema)}")
    texts = texts.select(pl.col("text", "language").cast(pl.String))
    if texts["text"].null_count():
        raise SchemaError(f"column 'text' has {texts['text'].null_count()} nulls; none allowed")
    tokenizer = load(path)
    texts = texts.with_columns(pl.col("language").fill_null("und"))
    slices = texts.iter_slices(BATCH) if len(texts) else [texts]
    rows = pl.concat([_measured(tokenizer, batch) for batch in slices])
    words = _continued(tokenizer, texts)
    together = pl.lit(ALL).alias("language")
    return pl.concat([_rates(rows.with_columns(together), words.with_columns(together)), _rates(rows, words)])


def digits(path: str | Path, lines: Sequence[str]) -> list[list[str]]:
    """How the tokenizer cuts each line; sums such as "4523646 - 67453156" show what a model must calculate with."""
    encodings = load(path).encode_batch(list(lines), add_special_tokens=False)
    return [
        [line[start:end] for start, end in encoding.offsets] for line, encoding in zip(lines, encodings, strict=True)
    ]


def load(path: str | Path) -> Tokenizer:
    """The tokenizer in the folder `path`, without `transformers`."""
    file = Path(path, "tokenizer.json")
    if not file.is_file():
        raise ConfigError(f"no tokenizer in {str(path)!r}: a folder with tokenizer.json is needed, as train() writes")
    return Tokenizer.from_file(str(file))


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _measured(tokenizer: Tokenizer, texts: pl.DataFrame) -> pl.DataFrame:
    encodings = tokenizer.encode_batch_fast(texts["text"].to_list(), add_special_tokens=False)
    token = getattr(tokenizer.model, "unk_token", None)
    unknown = None if token is None else tokenizer.token_to_id(token)
    return texts.select(
        "language",
        characters=pl.col("text").str.len_chars().cast(pl.Int64),
        bytes=pl.col("text").str.len_bytes().cast(pl.Int64),
        tokens=pl.Series([len(encoding) for encoding in encodings], dtype=pl.Int64),
        unknown=pl.Series(
            [0 if unknown is None else encoding.ids.count(unknown) for encoding in encodings], dtype=pl.Int64
        ),
        words=pl.when(_spaced()).then(pl.col("text").str.count_matches(_RUN).cast(pl.Int64)),
    )


def _continued(tokenizer: Tokenizer, texts: pl.DataFrame) -> pl.DataFrame:
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
    lengths = [
        len(encoding)
        for batch in _batches(words["word"])
        for encoding in tokenizer.encode_batch_fast([f" {word}" for word in batch], add_special_tokens=False)
    ]
    return words.select("language", "count", continued=pl.Series(lengths, dtype=pl.Int64) > 1)


def _rates(rows: pl.DataFrame, words: pl.DataFrame) -> pl.DataFrame:
    shares = words.group_by("language").agg(
        continued_word_share=pl.col("count").filter("continued").sum() / pl.col("count").sum()
    )
    sums = rows.group_by("language").agg(
        pl.len().cast(pl.Int64).alias("documents"),
        pl.col("characters", "bytes", "tokens").sum(),
        words=pl.when(pl.col("words").count() > 0).then(pl.col("words").sum()),
        spaced_tokens=pl.col("tokens").filter(pl.col("words").is_not_null()).sum(),
        unknown=pl.col("unknown").sum(),
    )
    return (
        sums.join(shares, on="language", how="left")
        .select(
            pl.col("language", "documents", "characters", "bytes", "tokens", "words"),
            fertility=_ratio("spaced_tokens", "words"),
            bytes_per_token=_ratio("bytes", "tokens"),
            unknown_rate=_ratio("unknown", "tokens"),
            continued_word_share=pl.col("continued_word_share"),
        )
        .sort("language")
    )


def _ratio(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def _spaced() -> pl.Expr:
    return ~pl.col("language").is_in(UNSPACED)
