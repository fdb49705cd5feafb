"""Cutting, counting, merging and encoding, held against `tokenizers`."""

import json
from collections import Counter
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from parlance import tokenization
from parlance.errors import ConfigError, SchemaError
from parlance.tokenization import counting
from parlance.tokenization.cuts import Cut, Digits, Pattern, word_regex
from parlance.tokenization.encoding import Encoder

PIECES = [
    " ", "  ", "\n", "\r\n", "\t", "a", "B", "é", "ſ", "'", "'s", "'RE", "'ſ", "ll", "1", "٣", "12345", "½", "-", "…",
    "日本", "\u0301", "\u00a0", "\u2003", "\u200b", "\x85", "\x0b", "🙂", "\u200d", "ß", "İ", "Ⅷ", "<|end|>", "▁",
    "\ue000", "the", " and", "<0x41>", "\u2028",
]  # fmt: skip
hostile = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=20).map("".join)
CORPUS = ["It's the 3rd of 12 tokens: the token, then the other.\n", " Résumé ½ ▁ 日本語 don't 4523646 <|end|>x"] * 30
REGEX = Regex(Cut().regex("groups"))


def counted(texts: list[str], cut: Cut) -> dict[str, int]:
    return dict(tokenization.pretokens(texts, cut).iter_rows())


@pytest.mark.parametrize("pattern", get_args(Pattern))
@pytest.mark.parametrize("digits", get_args(Digits))
@settings(max_examples=40)
@given(texts=st.lists(hostile, max_size=5))
def test_cuts_are_those_of_the_regular_expression(pattern: Pattern, digits: Digits, texts: list[str]) -> None:
    cut = Cut(pattern=pattern)
    split = pre_tokenizers.Split(Regex(cut.regex(digits)), "isolated")
    expected = Counter(piece for text in texts for piece, _ in split.pre_tokenize_str(text))
    found = counting.recut(tokenization.pretokens(texts, cut), cut, digits)
    assert dict(found.iter_rows()) == expected


@settings(max_examples=40)
@given(texts=st.lists(hostile, max_size=5))
def test_words_are_those_of_the_regular_expression(texts: list[str]) -> None:
    within = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(REGEX, "isolated"),
            pre_tokenizers.Split(Regex(word_regex("groups")), "removed", invert=True),
        ]
    )
    expected = Counter(piece for text in texts for piece, _ in within.pre_tokenize_str(text))
    found = counting.recut(tokenization.pretokens(texts), Cut(), "groups", words=True)
    assert dict(found.iter_rows()) == expected


@settings(max_examples=40)
@given(texts=st.lists(hostile, max_size=8), place=st.integers(0, 8))
def test_counts_of_parts_add_up(texts: list[str], place: int) -> None:
    parts = [tokenization.pretokens(texts[:place]), tokenization.pretokens(texts[place:])]
    assert tokenization.merged(parts).equals(tokenization.pretokens(texts))
    assert "".join(sorted("".join(texts))) == "".join(
        sorted("".join(piece * count for piece, count in tokenization.pretokens(texts).iter_rows()))
    )


def test_tables_that_are_full_hand_their_counts_on() -> None:
    frames = [pl.DataFrame({"text": [f"w{number} x{number}"], "language": ["en"]}) for number in range(40)]
    handed = list(counting.counted(frames, ["language"], Cut(), most_bytes=1))
    assert len(handed) == 40
    assert tokenization.merged(handed).equals(tokenization.pretokens(pl.concat(frames)["text"]))


def test_many_and_long_pretokens() -> None:
    texts = [
        " ".join(f"w{chr(97 + number % 26)}{'x' * (number % 50)}{number}" for number in range(20_000)),
        "y" * 300_000,
    ]
    split = pre_tokenizers.Split(REGEX, "isolated")
    expected = Counter(piece for text in texts for piece, _ in split.pre_tokenize_str(text))
    assert counted(texts, Cut()) == expected


def test_merges_are_those_of_tokenizers(tmp_path: Path) -> None:
    path = Path(__file__).parents[3] / "README.md"
    texts = path.read_text(encoding="utf-8").splitlines(keepends=True)
    expected = Tokenizer(models.BPE())
    expected.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(REGEX, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    expected.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=2000, min_frequency=2, special_tokens=list(tokenization.SPECIAL_TOKENS), show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )  # fmt: skip
    folder = tokenization.train(texts, "byte_level_bpe", 2000, path=tmp_path)
    found = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    model = json.loads(expected.to_str())["model"]
    assert found["merges"] == model["merges"]
    assert found["vocab"] == model["vocab"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("encoders")
    made = {}
    for kind in get_args(tokenization.Kind):
        made[kind] = tokenization.train(CORPUS, kind, 500, path=root / kind)
        cut = Cut(pattern="gpt2", normalisation="nfkc")
        made[f"{kind} nfkc"] = tokenization.train(
            CORPUS, kind, 500, digits="single", cut=cut, path=root / f"{kind}-nfkc"
        )
    return made


@pytest.mark.parametrize("normal", ["", " nfkc"], ids=["plain", "nfkc"])
@pytest.mark.parametrize("kind", get_args(tokenization.Kind))
@settings(max_examples=40)
@given(texts=st.lists(hostile, max_size=5))
def test_ids_are_those_of_tokenizers(folders: dict[str, Path], kind: str, normal: str, texts: list[str]) -> None:
    encoder = Encoder(folders[kind + normal])
    assert encoder.is_compiled
    check(encoder, texts)


def check(encoder: Encoder, texts: list[str]) -> None:
    ids, ends = encoder.encode(pl.Series(texts, dtype=pl.String))
    expected = encoder.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    assert [ids[start:end].tolist() for start, end in zip([0, *ends], ends, strict=False)] == [
        one.ids for one in expected
    ]


def test_long_words_and_what_was_seen_before(folders: dict[str, Path]) -> None:
    encoder = Encoder(folders["byte_level_bpe"])
    for texts in (["the " * 300, "x" * 999 + " the"], ["", "x" * 999], ["<|end|>", "the<|user|>the"]):
        check(encoder, texts)


def test_another_tokenizer_is_left_to_tokenizers(tmp_path: Path) -> None:
    other = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    other.pre_tokenizer = pre_tokenizers.Whitespace()
    other.save(str(tmp_path / "tokenizer.json"))
    encoder = Encoder(tmp_path)
    assert not encoder.is_compiled
    assert encoder.encode(pl.Series(["a b", "", "a"]))[0].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("counts", "error", "message"),
    [
        (pl.DataFrame({"word": ["a"]}), SchemaError, "counts need the columns"),
        (pl.DataFrame({"pretoken": ["a"], "count": [-1]}), SchemaError, "no negative count"),
        (pl.DataFrame({"pretoken": ["a"], "count": [0]}), ConfigError, "no text"),
    ],
    ids=["columns", "negative", "none"],
)
def test_bad_counts_are_named(counts: pl.DataFrame, error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        tokenization.train_from_counts(counts, tokenization.Settings(kind="unigram"), path=tmp_path)


@pytest.mark.parametrize("name", ["llama", "llama3+nfd", ""])
def test_unknown_cuts_are_named(name: str) -> None:
    with pytest.raises(ConfigError, match="known: "):
        Cut.named(name)
