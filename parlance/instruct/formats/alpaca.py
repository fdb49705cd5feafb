"""Alpaca: https://github.com/tatsu-lab/stanford_alpaca#data-release."""

from collections.abc import Mapping
from typing import Any

from parlance.instruct.example import Example


def row(example: Example) -> dict[str, Any]:
    """Columns instruction, input, output.

    >>> row(Example("Why?", "", "So."))
    {'instruction': 'Why?', 'input': '', 'output': 'So.'}
    """
    return example._asdict()


def parse(row: Mapping[str, Any]) -> Example:
    """The example of a row."""
    return Example(row["instruction"], row["input"], row["output"])
