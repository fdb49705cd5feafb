from pathlib import Path

import polars as pl
import pytest

from parlance import schemas, tokenization
from parlance.errors import ConfigError
from parlance.tokenization.lengths import measure
from parlance.tokenization.masking import ChatTokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tokenization.train(["one two three"], "byte_level_bpe", 300, path=tmp_path_factory.mktemp("tokenizer"))


def frame(*answers: str) -> pl.DataFrame:
    rows = [
        {
            "id": f"e{number}",
            "split": "train",
            "kind": "answer",
            "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": answer}],
        }
        for number, answer in enumerate(answers)
    ]
    wanted = pl.Schema(schemas.EXAMPLES)
    return pl.DataFrame(rows, schema={name: wanted[name] for name in ("id", "split", "kind", "messages")})


def test_lengths_and_what_is_cut(folder: Path) -> None:
    found = measure([frame("xy"), frame(*["xy"] * 0)], folder, name="t", lengths=[3, 6, 99], length=6)
    # <|begin|> <|user|> ? <|end|> <|assistant|> x y <|end|>
    row = found.rows.row(0, named=True)
    assert (row["tokens"], row["response_tokens"], row["turns"], row["length"]) == (8, 3, 1, 6)
    assert (row["cut_tokens"], row["cut_response_tokens"]) == (2, 2)
    assert found.cuts.rows() == [(3, 0, 1, 1, 5 / 8, 1.0), (6, 0, 1, 0, 2 / 8, 2 / 3), (99, 1, 0, 0, 0.0, 0.0)]
    assert found.rows.schema == pl.Schema(schemas.TOKEN_COUNTS)


def test_cuts_are_what_a_trainer_cuts(folder: Path) -> None:
    answers = ["", "one", "one two three " * 9]
    chats = ChatTokenizer(folder)
    found = measure([frame(*answers)], folder, name="t", lengths=[7], length=7)
    for row, messages in zip(found.rows.iter_rows(named=True), frame(*answers)["messages"], strict=True):
        ids, mask = chats.masked(messages)
        assert row["cut_tokens"] == len(ids) - len(ids[:7])
        assert row["cut_response_tokens"] == sum(mask) - sum(mask[:7])
    assert found.cuts["fit"].item() == sum(row <= 7 for row in found.rows["tokens"])


def test_special_tokens_in_what_was_said(folder: Path) -> None:
    assert measure([frame("a<|end|>", "b")], folder, name="t", lengths=[9], length=9).with_marks == 1


def test_nothing(folder: Path) -> None:
    found = measure([], folder, name="t", lengths=[9], length=9)
    assert found.rows.is_empty()
    assert found.cuts.rows() == [(9, 0, 0, 0, 0.0, 0.0)]


def test_a_length_of_nothing(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"length 0 of \[9\]; allowed: 1 and above"):
        measure([], folder, name="t", lengths=[9], length=0)
