"""Vocabularies of four kinds, trained from counted pre-tokens; the same counts give the same file, byte for byte."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from parlance.errors import ConfigError
from parlance.tokenization import assembling
from parlance.tokenization.chat import SPECIAL_TOKENS, configuration
from parlance.tokenization.counting import checked, pretokens
from parlance.tokenization.cuts import PLAIN, Cut, Digits, known

Kind = Literal["byte_level_bpe", "sentencepiece_bpe", "unigram", "wordpiece"]

BYTES = assembling.BYTES
SPACE, ESCAPE = assembling.SPACE, assembling.ESCAPE
# Tokens beside bytes and special tokens that a kind cannot do without: the space, and an unknown token.
_ESSENTIAL = {"byte_level_bpe": 0, "sentencepiece_bpe": 1, "unigram": 2, "wordpiece": 5}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What makes a tokenizer of counts.

    `vocab_size` is an upper bound: a small corpus has fewer pairs that occur `min_frequency` times. `cut` is what the
    counts were made with. `digits`: `groups` as the pattern says, `single` for one token each, so that numbers are cut
    the same way wherever they stand. `lowercase` is for WordPiece alone.

    Raises ConfigError for an unknown kind, a vocabulary without room for what the kind needs, and bad special tokens.
    """

    kind: Kind
    vocab_size: int = 4096
    min_frequency: int = 2
    special_tokens: Sequence[str] = SPECIAL_TOKENS
    digits: Digits = "groups"
    cut: Cut = PLAIN
    lowercase: bool = True

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ConfigError(f"unknown tokenizer kind {self.kind!r}; known: {', '.join(get_args(Kind))}")
        known(self.digits, Digits, "digits")
        lacking = [token for token in SPECIAL_TOKENS if token not in self.special_tokens]
        if lacking or len(set(self.special_tokens)) < len(self.special_tokens) or "" in self.special_tokens:
            raise ConfigError(
                f"special_tokens {list(self.special_tokens)} must be distinct, not empty and hold those of the chat "
                f"template; lacking: {lacking}"
            )
        if self.vocab_size < self.least:
            raise ConfigError(
                f"vocab_size {self.vocab_size} is too small; {self.kind} needs at least {self.least}: "
                f"{self._bytes} bytes, {len(self.special_tokens)} special tokens and "
                f"{_ESSENTIAL[self.kind]} for spaces and what is unknown"
            )
        if self.min_frequency < 1:
            raise ConfigError(f"min_frequency {self.min_frequency} is too small; at least 1")

    @property
    def _bytes(self) -> int:
        return 0 if self.kind == "wordpiece" else BYTES

    @property
    def least(self) -> int:
        """The smallest vocabulary of the kind."""
        return self._bytes + len(self.special_tokens) + _ESSENTIAL[self.kind]


def train(
    texts: Iterable[str] | pl.Series,
    kind: Kind,
    vocab_size: int = 4096,
    *,
    min_frequency: int = 2,
    special_tokens: Sequence[str] = SPECIAL_TOKENS,
    digits: Digits = "groups",
    cut: Cut = PLAIN,
    lowercase: bool = True,
    path: str | Path,
) -> Path:
    """Trains a tokenizer into the folder `path`, which `transformers.AutoTokenizer.from_pretrained` loads offline.

    `byte_level_bpe` merges bytes; `sentencepiece_bpe` merges characters and `unigram` chooses pieces by likelihood,
    both write a space as "▁" and fall back to bytes for rare characters; these three have no unknown tokens and give
    every text back. `wordpiece` goes on within a word with "##", and forgets white space, capitals and what it does not
    know. The texts are read once and never held together. Settings and errors are those of `Settings`; ConfigError too
    where there is no text.
    """
    settings = Settings(
        kind=kind, vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=special_tokens, digits=digits,
        cut=cut, lowercase=lowercase,
    )  # fmt: skip
    _check_folder(Path(path))
    return train_from_counts(pretokens(texts, cut), settings, path=path)


def train_from_counts(counts: pl.DataFrame, settings: Settings, *, path: str | Path) -> Path:
    """As `train`, from how often each pre-token occurs (columns pretoken and count, as `counting` makes them).

    Counts of parts that were added up give the tokenizer that the whole text gives. Raises ConfigError where there are
    none, SchemaError where they are no counts.
    """
    counts = checked(counts).filter(pl.col("count") > 0)
    folder = _check_folder(Path(path))
    if counts.is_empty():
        raise ConfigError("there is no text to train a tokenizer on")
    tokenizer = assembling.assembled(
        counts.sort("pretoken"),
        settings.kind,
        size=settings.vocab_size,
        least=settings.min_frequency,
        special_tokens=list(settings.special_tokens),
        cut=settings.cut,
        digits=settings.digits,
        lowercase=settings.lowercase,
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    unknown = {"unk_token": assembling.UNKNOWN} if settings.kind == "wordpiece" else {}
    config = json.dumps(configuration() | unknown, indent=2)
    (folder / "tokenizer_config.json").write_text(config + "\n", encoding="utf-8")
    return folder


def _check_folder(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"path {str(folder)!r} is a file; a folder is needed")
    return folder
