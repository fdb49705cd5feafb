"""Documents cut into chunks of a bounded number of tokens, on sentence borders where there are any."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice, pairwise
from zlib import crc32

import polars as pl
from tokenizers import Tokenizer

from parlance.errors import ConfigError, SchemaError

MAX_TOKENS = 200
OVERLAP = 20
BATCH = 256

CHUNKS = {
    "document_id": pl.String,
    "start": pl.Int32,
    "end": pl.Int32,
    "text": pl.String,
    "id": pl.String,
}

Span = tuple[int, int]

_WORD = re.compile(r"\S+")


def split(
    documents: pl.DataFrame,
    *,
    tokenizer: Tokenizer,
    model: str = "minilm",
    max_tokens: int = MAX_TOKENS,
    overlap: int = OVERLAP,
) -> pl.DataFrame:
    """Chunks of `documents` (columns id and text), in order: document_id, start, end, text, id.

    Offsets are code points, half-open. Every character that is not white space lies in a chunk. A chunk holds
    whole sentences; a sentence of more than `max_tokens` tokens is cut between words, a word of more between its
    tokens. The sentences that end a chunk, as far as `overlap` tokens hold them, begin the next one as well.
    Tokens are counted sentence by sentence, without special ones; `tokenizer` must neither pad nor truncate.

    The id is a hash of model, text and document id, with the count of equal chunks before it in the document: a
    chunk that an edit leaves alone keeps its id, wherever it moves to, and most chunks behind an edit are left alone.
    """
    _check(documents, max_tokens, overlap)
    rows = (
        row
        for batch in documents.select("id", "text").iter_slices(BATCH)
        for row in _rows(batch, tokenizer, model=model, max_tokens=max_tokens, overlap=overlap)
    )
    return pl.DataFrame(rows, schema=CHUNKS, orient="row")


def _check(documents: pl.DataFrame, max_tokens: int, overlap: int) -> None:
    if max_tokens < 1:
        raise ConfigError(f"max_tokens {max_tokens} is too small; at least 1")
    if not 0 <= overlap < max_tokens:
        raise ConfigError(f"overlap {overlap} is out of range; at least 0 and below max_tokens {max_tokens}")
    for column in ("id", "text"):
        if documents.schema.get(column) != pl.String:
            raise SchemaError(f"documents need a string column {column!r}; they have {dict(documents.schema)}")
        if documents[column].null_count():
            raise SchemaError(f"column {column!r} has {documents[column].null_count()} nulls; none allowed")


def _rows(
    documents: pl.DataFrame, tokenizer: Tokenizer, *, model: str, max_tokens: int, overlap: int
) -> Iterator[tuple[str, int, int, str, str]]:
    from parlance.speech_acts.segmentation import utterances

    sentences = [utterances(text) for text in documents["text"]]
    counts = _counts(tokenizer, documents["text"], sentences)
    for (document_id, text), spans, sizes in zip(documents.iter_rows(), sentences, counts, strict=True):
        units = _refined(text, list(zip(spans, sizes, strict=True)), tokenizer, max_tokens)
        seen: dict[str, int] = {}
        for start, end in _packed(text, units, max_tokens, overlap):
            piece = text[start:end]
            occurrence = seen[piece] = seen.get(piece, -1) + 1
            yield document_id, start, end, piece, _id(model, piece, document_id, occurrence)


def _counts(tokenizer: Tokenizer, texts: Iterable[str], spans: list[list[Span]]) -> list[list[int]]:
    """The number of tokens of each span, in one call for all texts; what has none counts as one, to bound a chunk."""
    pieces = [text[start:end] for text, own in zip(texts, spans, strict=True) for start, end in own]
    sizes = (max(len(encoding), 1) for encoding in tokenizer.encode_batch_fast(pieces, add_special_tokens=False))
    return [list(islice(sizes, len(own))) for own in spans]


def _refined(
    text: str, sentences: list[tuple[Span, int]], tokenizer: Tokenizer, max_tokens: int
) -> Iterator[tuple[Span, int]]:
    """Units to pack: sentences, the words of those that are too long, the tokens of words that are too long."""
    for sentence, size in sentences:
        if size <= max_tokens:
            yield sentence, size
            continue
        words = [match.span() for match in _WORD.finditer(text, *sentence)]
        for word, tokens in zip(words, _counts(tokenizer, [text], [words])[0], strict=True):
            if tokens <= max_tokens:
                yield word, tokens
            else:
                yield from _pieces(text, word, tokenizer)


def _pieces(text: str, word: Span, tokenizer: Tokenizer) -> Iterator[tuple[Span, int]]:
    start, end = word
    offsets = tokenizer.encode(text[start:end], add_special_tokens=False).offsets
    tokens = Counter(start + offset for offset, _ in offsets)
    for piece in pairwise(sorted({start, end, *tokens})):
        yield piece, max(tokens[piece[0]], 1)


def _packed(text: str, units: Iterable[tuple[Span, int]], max_tokens: int, overlap: int) -> Iterator[Span]:
    """Spans over neighbouring units of at most `max_tokens` tokens together, of half as many at least where they can.

    Between half and whole the border is after the unit whose text has the lowest checksum, so that after an edit the
    borders soon are those of before: with chunks as long as they get, a new sentence would move all that follow.
    """
    held: list[tuple[Span, int]] = []
    repeated = 0  # units that the chunk before has as well
    for unit in units:
        while held and sum(size for _, size in held) + unit[1] > max_tokens:
            border = _border(text, held, least=max_tokens / 2, after=repeated)
            yield held[0][0][0], held[border - 1][0][1]
            rest = held[border:]
            room = max_tokens - unit[1] - sum(size for _, size in rest)
            tail = _tail(held[:border], min(overlap, room))
            held, repeated = tail + rest, len(tail)
        held.append(unit)
    if len(held) > repeated:
        yield held[0][0][0], held[-1][0][1]


def _border(text: str, held: list[tuple[Span, int]], *, least: float, after: int) -> int:
    """How many of the units `held` make the chunk: more than `after`."""
    sizes = accumulate(size for _, size in held)
    fitting = [count for count, size in enumerate(sizes, start=1) if count > after and size >= least]
    return min(fitting, key=lambda count: (crc32(text[slice(*held[count - 1][0])].encode()), -count), default=len(held))


def _tail(units: list[tuple[Span, int]], tokens: int) -> list[tuple[Span, int]]:
    """The last units that `tokens` hold, never all of them."""
    kept = len(units)
    while kept > 1 and units[kept - 1][1] <= tokens:
        kept -= 1
        tokens -= units[kept][1]
    return units[kept:]


def _id(model: str, text: str, document_id: str, occurrence: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in (model, text, document_id, str(occurrence)):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()
