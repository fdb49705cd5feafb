"""From counts to a tokenizer of each kind, as `tokenizers` and `transformers` read it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from parlance.errors import ConfigError
from parlance.tokenization.counting import recut
from parlance.tokenization.cuts import Cut, Digits, word_regex

BYTES = 256
CHARACTER_COVERAGE = 0.9995  # the default of SentencePiece
UNKNOWN, PREFIX = "<|unknown|>", "##"
MOST_CHARACTERS = 100  # of a word of WordPiece, as in BERT

# A space becomes "▁", so a "▁" of the text needs another name, and so does the character that the name begins with.
SPACE, ESCAPE = "▁", "\ue000"
ESCAPED_ESCAPE, ESCAPED_SPACE = ESCAPE + "0", ESCAPE + "1"
BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(BYTES)]

Points = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]


def assembled(
    counts: pl.DataFrame,
    kind: str,
    *,
    size: int,
    least: int,
    special_tokens: list[str],
    cut: Cut,
    digits: Digits,
    lowercase: bool,
) -> Tokenizer:
    """The tokenizer of `kind` with `size` tokens at most."""
    if kind == "wordpiece":
        counts = _each(counts, pl.col("pretoken").str.to_lowercase()) if lowercase else counts
        words = recut(counts, cut, digits, words=True)
        tokenizer = _wordpiece(words, size, least, special_tokens)
    elif kind == "byte_level_bpe":
        tokenizer = _byte_level(recut(counts, cut, digits), size, least, special_tokens)
    else:
        words = recut(_escaped(counts), cut, digits)
        words = _each(words, pl.col("pretoken").str.replace_all(" ", SPACE, literal=True))
        make = _sentencepiece if kind == "sentencepiece_bpe" else _unigram
        tokenizer = make(words, size, least, special_tokens)
    forms: dict[str, list[Any]] = {"none": [], "nfc": [normalizers.NFC()], "nfkc": [normalizers.NFKC()]}
    normal = forms[cut.normalisation]
    _outfit(tokenizer, kind, normal, cut.regex(digits), digits=digits, lowercase=lowercase)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special_tokens])
    return tokenizer


def _outfit(tokenizer: Tokenizer, kind: str, normal: list[Any], regex: str, *, digits: Digits, lowercase: bool) -> None:
    """What comes before and after the model."""
    split = pre_tokenizers.Split(Regex(regex), "isolated")
    if kind == "wordpiece":
        normal = [*normal, *([normalizers.Lowercase()] if lowercase else [])]
        more: Any = pre_tokenizers.Split(Regex(word_regex(digits)), "removed", invert=True)
        tokenizer.decoder = decoders.WordPiece(PREFIX, cleanup=False)
    elif kind == "byte_level_bpe":
        more = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.decoder = decoders.ByteLevel()
    else:
        normal = [*normal, normalizers.Replace(ESCAPE, ESCAPED_ESCAPE), normalizers.Replace(SPACE, ESCAPED_SPACE)]
        more = pre_tokenizers.Metaspace(SPACE, prepend_scheme="never", split=False)
        tokenizer.decoder = decoders.Sequence(
            [
                decoders.Metaspace(SPACE, prepend_scheme="never", split=False),
                decoders.ByteFallback(),
                decoders.Fuse(),
                decoders.Replace(ESCAPED_SPACE, SPACE),
                decoders.Replace(ESCAPED_ESCAPE, ESCAPE),
            ]
        )
    if normal:
        tokenizer.normalizer = normal[0] if len(normal) == 1 else normalizers.Sequence(normal)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, more])


def _escaped(counts: pl.DataFrame) -> pl.DataFrame:
    replaced = pl.col("pretoken").str.replace_all(ESCAPE, ESCAPED_ESCAPE, literal=True)
    return _each(counts, replaced.str.replace_all(SPACE, ESCAPED_SPACE, literal=True))


def _each(counts: pl.DataFrame, changed: pl.Expr) -> pl.DataFrame:
    """The counts of changed pre-tokens, of which several may have become one."""
    return counts.group_by(changed).agg(pl.col("count").sum()).sort("pretoken")


def byte_characters() -> dict[int, str]:
    """The character that stands for each byte in a byte-level vocabulary, after GPT-2's `bytes_to_unicode`.

    >>> byte_characters()[ord(" ")], byte_characters()[ord("a")]
    ('Ġ', 'a')
    """
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(BYTES) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {byte: chr(BYTES + i) for i, byte in enumerate(hidden)}


def _byte_level(counts: pl.DataFrame, size: int, least: int, special_tokens: list[str]) -> Tokenizer:
    from parlance.tokenization.compiled.counting import padded
    from parlance.tokenization.compiled.merging import merges

    character = byte_characters()
    order = sorted(character, key=lambda byte: character[byte])
    ids = np.empty(BYTES, np.int32)
    ids[order] = np.arange(BYTES) + len(special_tokens)
    data, starts = padded(counts["pretoken"])
    first, last = int(starts[0]), int(starts[-1])
    # A byte that begins no character stands for a special token, so that none is spelled like a merge.
    marked = [b"\xff" + token.encode() for token in special_tokens]
    found, tokens = merges(
        ids[data[first:last]], starts - first, counts["count"].to_numpy(), [*marked, *(bytes([b]) for b in order)],
        most=size, least=least,
    )  # fmt: skip
    shown = {byte: character[byte] for byte in range(BYTES)}
    spelled = special_tokens + ["".join(shown[byte] for byte in token) for token in tokens[len(special_tokens) :]]
    return Tokenizer(models.BPE(_numbered(spelled), [(spelled[left], spelled[right]) for left, right, _ in found]))


def _sentencepiece(counts: pl.DataFrame, size: int, least: int, special_tokens: list[str]) -> Tokenizer:
    from parlance.tokenization.compiled.merging import merges

    points, lengths = _points(counts["pretoken"])
    room = size - BYTES - len(special_tokens)
    alphabet = sorted(_alphabet(points, lengths, counts["count"].to_numpy(), room=room, first=[SPACE]))
    fixed = [*special_tokens, *BYTE_TOKENS]
    ids = _ids(alphabet, first=len(fixed))[points]
    symbols, starts = _without_unknown(ids, lengths)
    found, tokens = merges(
        symbols, starts, counts["count"].to_numpy(), [token.encode() for token in (*fixed, *alphabet)],
        most=size, least=least,
    )  # fmt: skip
    spelled = [token.decode() for token in tokens]
    pairs = [(spelled[left], spelled[right]) for left, right, _ in found]
    return Tokenizer(models.BPE(_numbered(spelled), pairs, byte_fallback=True))


def _unigram(counts: pl.DataFrame, size: int, least: int, special_tokens: list[str]) -> Tokenizer:
    from parlance.tokenization.compiled.counting import padded
    from parlance.tokenization.compiled.unigram import pieces

    frequent = counts.filter(pl.col("count") >= least)
    points, lengths = _points(counts["pretoken"])
    room = size - BYTES - len(special_tokens) - 1
    alphabet = _alphabet(points, lengths, counts["count"].to_numpy(), room=room, first=[SPACE])
    data, offsets = padded(frequent["pretoken"])
    found, scores = pieces(data, offsets, frequent["count"].to_numpy(), alphabet, most=room)
    # Digits that a machine may compute otherwise are left out, so that files are the same everywhere.
    scored = sorted(
        ((piece.decode(), round(float(score), 6)) for piece, score in zip(found, scores, strict=True)),
        key=lambda item: (-item[1], item[0]),
    )
    fixed = [(token, 0.0) for token in (*special_tokens, UNKNOWN, *BYTE_TOKENS)]
    return Tokenizer(models.Unigram([*fixed, *scored], unk_id=len(special_tokens), byte_fallback=True))


def _wordpiece(counts: pl.DataFrame, size: int, least: int, special_tokens: list[str]) -> Tokenizer:
    from parlance.tokenization.compiled.merging import merges

    if counts.is_empty():
        raise ConfigError("there is no word to train a tokenizer on")
    points, lengths = _points(counts["pretoken"])
    fixed = [*special_tokens, UNKNOWN]
    # Each character is there twice, at the beginning of a word and within.
    alphabet = sorted(_alphabet(points, lengths, counts["count"].to_numpy(), room=(size - len(fixed)) // 2, first=[]))
    is_first = np.zeros(len(points), bool)
    is_first[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
    ids = _ids(alphabet, first=len(fixed))[points]
    ids = np.where((ids >= 0) & ~is_first, ids + len(alphabet), ids)
    symbols, starts = _without_unknown(ids, lengths)
    listed = [*fixed, *alphabet, *(PREFIX + character for character in alphabet)]
    _, tokens = merges(
        symbols, starts, counts["count"].to_numpy(), [token.encode() for token in listed],
        most=size, least=least, prefix=True,
    )  # fmt: skip
    vocabulary = _numbered([token.decode() for token in tokens])
    return Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=MOST_CHARACTERS))


def _numbered(tokens: list[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(tokens)}


def _points(strings: pl.Series) -> tuple[Points, Numbers]:
    """The code points of all strings, one behind another, and how many each has."""
    text = "".join(strings)
    return np.frombuffer(text.encode("utf-32-le"), np.uint32), strings.str.len_chars().cast(pl.Int64).to_numpy()


def _alphabet(points: Points, lengths: Numbers, counts: Numbers, *, room: int, first: list[str]) -> list[str]:
    """`first` and the most frequent characters that cover the text, in at most half of `room` so that merges fit."""
    occurrences = np.zeros(0x110000, np.int64)
    np.add.at(occurrences, points, np.repeat(counts, lengths))
    left = int(occurrences.sum())
    uncovered = left * (1 - CHARACTER_COVERAGE)
    alphabet = list(first)  # a space even in a corpus without one: its bytes would come back as "▁"
    order = np.argsort(-occurrences, kind="stable")
    for point in order[: np.count_nonzero(occurrences)]:
        if left <= uncovered or len(alphabet) >= room // 2:
            break
        if chr(point) not in first:
            alphabet.append(chr(point))
        left -= int(occurrences[point])
    return alphabet


def _ids(alphabet: list[str], *, first: int) -> npt.NDArray[np.int32]:
    """The token of each code point, from `first` on in the order of `alphabet`; minus one where there is none."""
    ids = np.full(0x110000, -1, np.int32)
    ids[[ord(character) for character in alphabet]] = np.arange(len(alphabet), dtype=np.int32) + first
    return ids


def _without_unknown(ids: npt.NDArray[np.int32], lengths: Numbers) -> tuple[npt.NDArray[np.int32], Numbers]:
    """Known ids, and where each word begins and the last ends; their neighbours meet, as they do in `tokenizers`."""
    is_known = ids >= 0
    before = np.concatenate([[0], np.cumsum(is_known)])
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return ids[is_known], before[ends]
