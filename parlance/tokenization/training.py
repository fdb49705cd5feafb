"""Byte-pair vocabularies trained with Hugging Face `tokenizers`; the same texts give the same file, byte for byte.

Both kinds cut text by the pattern of Llama 3 before merging, and both give back every text exactly.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import polars as pl
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from parlance.errors import ConfigError
from parlance.tokenization.chat import SPECIAL_TOKENS, configuration

Kind = Literal["byte_level_bpe", "sentencepiece_bpe"]

BYTES = 256
CHARACTER_COVERAGE = 0.9995  # the default of SentencePiece

# https://github.com/meta-llama/llama3/blob/main/llama/tokenizer.py: digits in groups of up to three, letters and
# digits never in one piece.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# A space becomes "▁", so a "▁" of the text needs another name, and so does the character that the name begins with.
SPACE, ESCAPE = "▁", "\ue000"
ESCAPED_ESCAPE, ESCAPED_SPACE = ESCAPE + "0", ESCAPE + "1"


def train(
    texts: Iterable[str] | pl.Series,
    kind: Kind,
    vocab_size: int = 4096,
    *,
    min_frequency: int = 2,
    special_tokens: Sequence[str] = SPECIAL_TOKENS,
    path: str | Path,
) -> Path:
    """Trains a tokenizer into the folder `path`, which `transformers.AutoTokenizer.from_pretrained` loads offline.

    `byte_level_bpe` merges bytes; `sentencepiece_bpe` merges characters, writes a space as "▁" and falls back to
    bytes for rare characters. Neither has unknown tokens. The texts are read once and never held together.
    `vocab_size` is an upper bound: a small corpus has fewer pairs that occur `min_frequency` times.
    Raises ConfigError for an unknown kind, a vocabulary without room for every byte, and where there is no text.
    """
    _check(kind, vocab_size, min_frequency, special_tokens)
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"path {str(path)!r} is a file; a folder is needed")
    characters: Counter[str] = Counter()
    trained = (_byte_level if kind == "byte_level_bpe" else _sentencepiece)(
        _counted(texts, characters), characters, vocab_size, min_frequency, list(special_tokens)
    )
    folder.mkdir(parents=True, exist_ok=True)
    trained.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration(), indent=2) + "\n", encoding="utf-8")
    return folder


def _check(kind: str, vocab_size: int, min_frequency: int, special_tokens: Sequence[str]) -> None:
    if kind not in get_args(Kind):
        raise ConfigError(f"unknown tokenizer kind {kind!r}; known: {', '.join(get_args(Kind))}")
    lacking = [token for token in SPECIAL_TOKENS if token not in special_tokens]
    if lacking or len(set(special_tokens)) < len(special_tokens) or "" in special_tokens:
        raise ConfigError(
            f"special_tokens {list(special_tokens)} must be distinct, not empty and hold those of the chat template; "
            f"lacking: {lacking}"
        )
    least = BYTES + len(special_tokens) + (kind == "sentencepiece_bpe")
    if vocab_size < least:
        raise ConfigError(
            f"vocab_size {vocab_size} is too small; {kind} needs at least {least}: {BYTES} bytes, "
            f"{len(special_tokens)} special tokens{' and the space' if kind == 'sentencepiece_bpe' else ''}"
        )
    if min_frequency < 1:
        raise ConfigError(f"min_frequency {min_frequency} is too small; at least 1")


def _counted(texts: Iterable[str], characters: Counter[str]) -> Iterator[str]:
    """The texts as they are; adds their characters to `characters` on the way and raises where there are none."""
    for text in texts:
        characters.update(text)
        yield text
    if not characters:
        raise ConfigError("there is no text to train a tokenizer on")


def _byte_level(
    texts: Iterator[str], _characters: Counter[str], vocab_size: int, min_frequency: int, special_tokens: list[str]
) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=min_frequency,
            special_tokens=special_tokens,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return tokenizer


def _sentencepiece(
    texts: Iterator[str], characters: Counter[str], vocab_size: int, min_frequency: int, special_tokens: list[str]
) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(ESCAPE, ESCAPED_ESCAPE), normalizers.Replace(SPACE, ESCAPED_SPACE)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.Metaspace(SPACE, prepend_scheme="never", split=False),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Metaspace(SPACE, prepend_scheme="never", split=False),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Replace(ESCAPED_SPACE, SPACE),
            decoders.Replace(ESCAPED_ESCAPE, ESCAPE),
        ]
    )
    # The trainer must know the alphabet before it reads: cutting it to a number of characters leaves ties to chance.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        for text in texts:
            spool.write(json.dumps(text) + "\n")
        spool.seek(0)
        alphabet = _alphabet(characters, room=vocab_size - BYTES - len(special_tokens))
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - BYTES,
            min_frequency=min_frequency,
            special_tokens=special_tokens,
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        )
        tokenizer.train_from_iterator(map(json.loads, spool), trainer)
    return _with_byte_tokens(tokenizer, after=len(special_tokens))


def _alphabet(characters: Counter[str], *, room: int) -> list[str]:
    """The space and the most frequent characters that cover the text, in at most half of `room` so that merges fit."""
    left = characters.total()
    uncovered = left * (1 - CHARACTER_COVERAGE)
    alphabet = [SPACE]  # even in a corpus without one: its bytes would come back as "▁"
    for character, count in sorted(characters.items(), key=lambda item: (-item[1], item[0])):
        if left <= uncovered or len(alphabet) >= room // 2:
            break
        if character not in (" ", SPACE):
            alphabet.append(character)
        left -= count
    return alphabet


def _with_byte_tokens(tokenizer: Tokenizer, *, after: int) -> Tokenizer:
    """`tokenizer` with `<0x00>` to `<0xFF>` behind the first `after` tokens.

    The trainer takes such tokens as special ones only, which would also match where a text spells them out.
    """
    content = json.loads(tokenizer.to_str())
    trained: dict[str, int] = content["model"]["vocab"]
    vocabulary = {token: id if id < after else id + BYTES for token, id in trained.items()}
    vocabulary |= {f"<0x{byte:02X}>": after + byte for byte in range(BYTES)}
    content["model"]["vocab"] = vocabulary
    return Tokenizer.from_str(json.dumps(content))
