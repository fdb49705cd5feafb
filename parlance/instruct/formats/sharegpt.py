"""ShareGPT, as FastChat, Axolotl and LLaMA-Factory read it."""

from collections.abc import Mapping
from typing import Any

from parlance.instruct.example import Example


def row(example: Example) -> dict[str, Any]:
    """One turn of the human and one of gpt.

    >>> row(Example("Why?", "", "So."))
    {'conversations': [{'from': 'human', 'value': 'Why?'}, {'from': 'gpt', 'value': 'So.'}]}
    """
    return {
        "conversations": [
            {"from": "human", "value": example.prompt},
            {"from": "gpt", "value": example.output},
        ]
    }


def parse(row: Mapping[str, Any]) -> Example:
    """The example of a row, with the whole human turn as the instruction."""
    human, gpt = row["conversations"]
    return Example(human["value"], "", gpt["value"])
