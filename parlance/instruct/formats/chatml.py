"""OpenAI's `messages`, which a tokenizer's chat template turns into ChatML; TRL calls it conversational."""

from collections.abc import Mapping
from typing import Any

from parlance.instruct.example import Example


def row(example: Example) -> dict[str, Any]:
    """One user message and one assistant message.

    >>> row(Example("Why?", "", "So."))
    {'messages': [{'role': 'user', 'content': 'Why?'}, {'role': 'assistant', 'content': 'So.'}]}
    """
    return {
        "messages": [
            {"role": "user", "content": example.prompt},
            {"role": "assistant", "content": example.output},
        ]
    }


def parse(row: Mapping[str, Any]) -> Example:
    """The example of a row, with the whole user message as the instruction."""
    user, assistant = row["messages"]
    return Example(user["content"], "", assistant["content"])
