"""Alpaca, with the `system` and `history` of LLaMA-Factory.

https://github.com/tatsu-lab/stanford_alpaca#data-release
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from parlance.instruct.chat import Chat, Messages, messages
from parlance.instruct.example import Example

SCHEMA = pa.schema(
    [
        pa.field("instruction", pa.string()),
        pa.field("input", pa.string()),
        pa.field("output", pa.string()),
        pa.field("system", pa.string()),
        pa.field("history", pa.list_(pa.list_(pa.string()))),
    ]
)
HOLDS_TURNS = True
LLAMA_FACTORY = {
    "columns": {
        "prompt": "instruction",
        "query": "input",
        "response": "output",
        "system": "system",
        "history": "history",
    }
}
# It reads no history: of a dialogue the last turn is all that it sees.
AXOLOTL = {"type": "alpaca_w_system"}


def row(chat: Chat) -> dict[str, Any]:
    """Columns instruction, input, output, system, history; the pairs of the history are earlier turns.

    >>> from parlance.instruct.chat import single
    >>> row(Chat(single("Why?", "So."), Example("Why?", "", "So.")))
    {'instruction': 'Why?', 'input': '', 'output': 'So.', 'system': '', 'history': []}
    """
    earlier = [list(turn) for turn in chat.turns[:-1]]
    return chat.texts._asdict() | {"system": chat.system, "history": earlier}


def parse(row: Mapping[str, Any]) -> Messages:
    """The messages of a row."""
    asked = Example(row["instruction"], row["input"], row["output"])
    said = [("system", row["system"])] if row["system"] else []
    for question, answer in [*row["history"], (asked.prompt, asked.output)]:
        said += [("user", question), ("assistant", answer)]
    return messages(said)
