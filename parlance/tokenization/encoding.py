"""Texts to token ids, the ones that `tokenizers` gives: each distinct pre-token is encoded once and looked up after.

What a pre-token becomes does not depend on what is around it. So a text is cut by compiled code, and only pre-tokens
that were never seen are encoded: by compiled merges in a byte-level vocabulary, else by `tokenizers` itself. A text
that spells a special token, and a tokenizer that cuts in another way, go through `tokenizers` as a whole.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import polars as pl
from tokenizers import Tokenizer, models

from parlance.errors import ConfigError
from parlance.tokenization import assembling
from parlance.tokenization.cuts import Cut, Digits, Pattern

Ids = npt.NDArray[np.int32]
Ends = npt.NDArray[np.int64]

MOST_BYTES = 512 << 20  # of pre-tokens that are remembered
_PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
_DIGITS: tuple[Digits, ...] = get_args(Digits)
_CUTS = [(Cut(pattern=pattern), digits) for pattern in _PATTERNS for digits in _DIGITS]
# What may come after the pattern, with the settings that leave pre-tokens independent of each other.
_AFTER_SPLIT: dict[str, dict[str, Any]] = {
    "ByteLevel": {"use_regex": False, "add_prefix_space": False},
    "Metaspace": {"split": False, "prepend_scheme": "never"},
    "Split": {},
}
_UNCUT = {"truncation": None, "padding": None}
_SAFE = {"NFC", "NFKC"}  # normalisers that change nothing in ASCII


class Encoder:
    """The tokenizer in the folder `path`. Raises ConfigError where there is none."""

    def __init__(self, path: str | Path) -> None:
        file = Path(path, "tokenizer.json")
        if not file.is_file():
            raise ConfigError(
                f"no tokenizer in {str(path)!r}: a folder with tokenizer.json is needed, as train() writes"
            )
        content = json.loads(file.read_text(encoding="utf-8"))
        self._specials = [token["content"] for token in content["added_tokens"]]
        self._normalizer, self._needing = _normalizer(content["normalizer"])
        self._normal_form = _normal_form(content)
        self._content = content
        self._cut = None if self._needing is None else _cut(content)
        self._merges = _merges(content) if self._cut else None
        self._forget()

    @property
    def is_compiled(self) -> bool:
        """Whether texts are cut by compiled code, which is what makes it fast."""
        return self._cut is not None

    @property
    def vocab_size(self) -> int:
        """How many tokens there are, special ones included."""
        size: int = self._plain.get_vocab_size()
        return size

    def token_id(self, token: str) -> int:
        """The id of `token`. Raises ConfigError where the vocabulary lacks it."""
        found: int | None = self._plain.token_to_id(token)
        if found is None:
            raise ConfigError(f"the vocabulary of {self.vocab_size} tokens has no {token!r}")
        return found

    @property
    def unknown_id(self) -> int | None:
        """The id of what is unknown; null where every text has ids."""
        token = getattr(self._plain.model, "unk_token", None)
        return None if token is None else self._plain.token_to_id(token)

    @property
    def normal_form(self) -> Any:
        """The normaliser that texts come back in, if there is one: capitals are lost in WordPiece alone."""
        return self._normal_form

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer itself."""
        return self._plain

    def encode(self, texts: pl.Series) -> tuple[Ids, Ends]:
        """The ids of all texts, one behind another, and where each text ends; without special tokens around them."""
        if self._cut is None:
            return _joined(self._whole(texts))
        is_plain = texts.str.contains_any(self._specials)
        ids, ends = self._looked_up(self._normalised(texts.set(is_plain, "") if is_plain.any() else texts))
        rows = is_plain.arg_true().to_list()
        return _spliced(ids, ends, rows, self._whole(texts.gather(rows))) if rows else (ids, ends)

    def _whole(self, texts: pl.Series) -> list[Ids]:
        encodings = self._plain.encode_batch_fast(texts.to_list(), add_special_tokens=False)
        return [np.array(encoding.ids, np.int32) for encoding in encodings]

    def _normalised(self, texts: pl.Series) -> pl.Series:
        if self._normalizer is None or self._needing is None:
            return texts
        rows = texts.to_frame("text").select(self._needing).to_series().arg_true()
        if not len(rows):
            return texts
        return texts.clone().scatter(rows, [self._normalizer.normalize_str(text) for text in texts.gather(rows)])

    def _forget(self) -> None:
        from parlance.tokenization.compiled.counting import Pretokens
        from parlance.tokenization.compiled.cutting import MOST_DIGITS, STYLES

        if self._cut is None:
            return
        cut, digits = self._cut
        self._known = Pretokens(style=STYLES[cut.pattern], most=MOST_DIGITS[cut.pattern, digits])
        self._pool, self._starts, self._lengths = np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int32)

    def _looked_up(self, texts: pl.Series) -> tuple[Ids, Ends]:
        from parlance.tokenization.compiled.encoding import expanded, room

        if self._known.size_bytes + self._pool.nbytes > MOST_BYTES:
            self._forget()
        first = len(self._known)
        sequence, stops = self._known.sequence(texts)
        self._learn(first)
        ids = np.empty(room(sequence, self._lengths), np.int32)
        ends = np.zeros(len(texts), np.int64)
        expanded(sequence, stops, self._pool, self._starts, self._lengths, ids, ends)
        return ids, ends

    def _learn(self, first: int) -> None:
        """Encodes the pre-tokens from entry `first` on."""
        if first == len(self._known):
            return
        if self._merges is not None:
            ids, ends = self._merged(first)
        else:
            ids, ends = _joined(self._alone(self._known.strings(first)))
        starts = np.concatenate([[0], ends[:-1]])
        self._starts = np.concatenate([self._starts, starts + len(self._pool)])
        self._lengths = np.concatenate([self._lengths, (ends - starts).astype(np.int32)])
        self._pool = np.concatenate([self._pool, ids])

    def _merged(self, first: int) -> tuple[Ids, Ends]:
        from parlance.tokenization.compiled.encoding import LONGEST, Merges, merged

        assert self._merges is not None
        byte_ids, merges = self._merges
        if not isinstance(merges, Merges):
            merges = Merges(merges)
            self._merges = byte_ids, merges
        data, ends = self._known.spelled()
        into, starts = np.empty(int(ends[-1] - ends[first]), np.int32), np.zeros(len(ends) - first, np.int64)
        written = merged(data, ends, first, byte_ids, merges.keys, merges.values, into, starts)
        long = np.flatnonzero(np.diff(ends[first:]) > LONGEST)
        if not len(long):
            return into[:written], starts[1:]
        alone = self._alone(self._known.strings(first).gather(long))
        return _spliced(into[:written], starts[1:], long.tolist(), alone)

    @cached_property
    def _plain(self) -> Tokenizer:
        """The tokenizer as it stands in its file; compiled code may never need it."""
        return Tokenizer.from_str(json.dumps(self._content | _UNCUT))

    @cached_property
    def _bare(self) -> Tokenizer:
        """The tokenizer for text that is in its normal form already."""
        return Tokenizer.from_str(json.dumps(self._content | _UNCUT | {"normalizer": None}))

    def _alone(self, pretokens: pl.Series) -> list[Ids]:
        encodings = self._bare.encode_batch_fast(pretokens.to_list(), add_special_tokens=False)
        return [np.array(encoding.ids, np.int32) for encoding in encodings]


def _joined(rows: list[Ids]) -> tuple[Ids, Ends]:
    ends = np.cumsum([len(ids) for ids in rows], dtype=np.int64)
    return np.concatenate([np.empty(0, np.int32), *rows]), ends


def _spliced(ids: Ids, ends: Ends, rows: list[int], those: list[Ids]) -> tuple[Ids, Ends]:
    """`ids` with `those` in the place of `rows`, which are empty so far."""
    lengths = np.diff(ends, prepend=0)
    parts, place = [], 0
    for row, more in zip(rows, those, strict=True):
        parts += [ids[place : ends[row]], more]
        place = int(ends[row])
        lengths[row] = len(more)
    return np.concatenate([*parts, ids[place:]]).astype(np.int32), np.cumsum(lengths)


def _cut(content: dict[str, Any]) -> tuple[Cut, Digits] | None:
    """The cut that a tokenizer.json describes; null where it is none of ours."""
    before = content["pre_tokenizer"] or {}
    parts = before.get("pretokenizers", [before])
    first = parts[0] if parts else {}
    if first.get("type") == "ByteLevel" and len(parts) == 1:
        return (Cut(pattern="gpt2"), "groups") if first["use_regex"] and not first["add_prefix_space"] else None
    rest = [part["type"] for part in parts[1:]]
    if first.get("type") != "Split" or first["behavior"] != "Isolated" or first["invert"] or len(rest) != 1:
        return None
    plain = _AFTER_SPLIT.get(rest[0])
    if plain is None or any(parts[1].get(name) != value for name, value in plain.items()):
        return None
    return next((known for known in _CUTS if first["pattern"] == {"Regex": known[0].regex(known[1])}), None)


def _normalizer(content: dict[str, Any] | None) -> tuple[Any, pl.Expr | None]:
    """The normaliser, and which texts it may change; null where that is not known."""
    if content is None:
        return None, pl.col("text").is_null()
    parts = content.get("normalizers", [content])
    is_replaced = [part["pattern"].get("String") for part in parts if part["type"] == "Replace"]
    kinds = {part["type"] for part in parts} - {"Replace"}
    if None in is_replaced or not kinds <= {*_SAFE, "Lowercase"}:
        return None, None
    made = _made(content)
    text = pl.col("text")
    if "Lowercase" in kinds:
        return made, text.is_not_null()
    needing = text.str.contains_any(is_replaced) if is_replaced else text.is_null()
    return made, needing | (text.str.len_bytes() > text.str.len_chars()) if kinds else needing


def _normal_form(content: dict[str, Any]) -> Any:
    """The part of a tokenizer's normaliser that it does not take back."""
    stated = content["normalizer"] or {"normalizers": []}
    lasting = {*_SAFE, "Lowercase"} if content["model"]["type"] == "WordPiece" else _SAFE
    parts = [part for part in stated.get("normalizers", [stated]) if part["type"] in lasting]
    return _made({"type": "Sequence", "normalizers": parts}) if parts else None


def _made(normalizer: dict[str, Any]) -> Any:
    shell = json.loads(Tokenizer(models.BPE()).to_str())
    return Tokenizer.from_str(json.dumps(shell | {"normalizer": normalizer})).normalizer


def _merges(content: dict[str, Any]) -> tuple[npt.NDArray[np.int32], Any] | None:
    """Ids of bytes and merges as ids, of a byte-level vocabulary that merges in the common way; else null."""
    model = content["model"]
    last = (content["pre_tokenizer"] or {}).get("pretokenizers", [content["pre_tokenizer"]])[-1]
    odd = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges", "byte_fallback")
    if model["type"] != "BPE" or last["type"] != "ByteLevel" or any(model.get(name) for name in odd):
        return None
    vocabulary: dict[str, int] = model["vocab"]
    characters = assembling.byte_characters()
    if any(characters[byte] not in vocabulary for byte in range(assembling.BYTES)):
        return None
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    rows = [(vocabulary[left], vocabulary[right], vocabulary[left + right]) for left, right in pairs]
    byte_ids = np.array([vocabulary[characters[byte]] for byte in range(assembling.BYTES)], np.int32)
    return byte_ids, np.array(rows, np.int64).reshape(-1, 3)
