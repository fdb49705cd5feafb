"""How long examples are as chats, and what a trainer that cuts at a length would lose."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from parlance import schemas
from parlance.errors import ConfigError
from parlance.tokenization.masking import ChatTokenizer, Masked

LENGTHS: Final = (256, 512, 1024, 2048, 4096)


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """`rows` are those of TOKEN_COUNTS; `cuts` says for each length what is lost.

    Columns of `cuts`: length, fit (examples), cut, without_response (nothing to learn is left), tokens_lost,
    response_tokens_lost (shares of all). `with_marks` counts examples whose text reads like a special token.
    """

    rows: pl.DataFrame
    cuts: pl.DataFrame
    with_marks: int


def measure(
    frames: Iterable[pl.DataFrame], tokenizer: Path, *, name: str, lengths: Sequence[int], length: int
) -> Lengths:
    """Counts the tokens of `frames` (id, split, kind, messages) by the chat template of `tokenizer`.

    A trainer that cuts at `length` keeps the first tokens. Raises ConfigError for a length below 1.
    """
    if min(*lengths, length) < 1:
        raise ConfigError(f"length {length} of {list(lengths)}; allowed: 1 and above")
    chats = ChatTokenizer(tokenizer)
    rows: list[dict[str, Any]] = []
    lost: dict[int, list[tuple[int, int, int]]] = {one: [] for one in lengths}
    with_marks = 0
    for frame in frames:
        named = list(frame.select("id", "split", "kind", "messages").iter_rows(named=True))
        for row, masked in zip(named, chats.all_masked(row["messages"] for row in named), strict=True):
            with_marks += any(chats.marks_in(message["content"]) for message in row["messages"])
            for one in lengths:
                lost[one].append(_lost(masked, one))
            cut, cut_response, _ = _lost(masked, length)
            rows.append(
                {
                    **{column: row[column] for column in ("id", "split", "kind")},
                    "tokenizer": name,
                    "turns": sum(message["role"] == "user" for message in row["messages"]),
                    "tokens": len(masked.input_ids),
                    "response_tokens": sum(masked.mask),
                    "length": length,
                    "cut_tokens": cut,
                    "cut_response_tokens": cut_response,
                }
            )
    found = pl.DataFrame(rows, schema=pl.Schema(schemas.TOKEN_COUNTS)).sort("id")
    return Lengths(rows=found, cuts=_cuts(found, lost), with_marks=with_marks)


def _lost(masked: Masked, length: int) -> tuple[int, int, int]:
    """Tokens and response tokens beyond `length`, and 1 where no response token is before it."""
    return (
        max(len(masked.input_ids) - length, 0),
        sum(masked.mask[length:]),
        int(not any(masked.mask[:length])),
    )


def _cuts(rows: pl.DataFrame, lost: dict[int, list[tuple[int, int, int]]]) -> pl.DataFrame:
    tokens, responses = max(rows["tokens"].sum(), 1), max(rows["response_tokens"].sum(), 1)
    table = []
    for length, each in lost.items():
        cut = sum(one[0] > 0 for one in each)
        table.append(
            {
                "length": length,
                "fit": len(each) - cut,
                "cut": cut,
                "without_response": sum(one[2] for one in each),
                "tokens_lost": sum(one[0] for one in each) / tokens,
                "response_tokens_lost": sum(one[1] for one in each) / responses,
            }
        )
    types = {"length": pl.Int64, "fit": pl.Int64, "cut": pl.Int64, "without_response": pl.Int64}
    return pl.DataFrame(table, schema=types | {"tokens_lost": pl.Float64, "response_tokens_lost": pl.Float64})
