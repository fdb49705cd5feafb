"""TRL's conversational prompt and completion: its SFT trainer then has loss on the completion alone.

https://huggingface.co/docs/trl/dataset_formats
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from parlance.instruct.chat import Chat, Messages, messages

_MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
SCHEMA = pa.schema([pa.field("prompt", _MESSAGES), pa.field("completion", _MESSAGES)])
HOLDS_TURNS = True
LLAMA_FACTORY = None
AXOLOTL = None


def row(chat: Chat) -> dict[str, Any]:
    """All messages but the last as the prompt, the last as the completion.

    >>> from parlance.instruct.chat import Example, single
    >>> row(Chat(single("Why?", "So."), Example("Why?", "", "So.")))["completion"]
    [{'role': 'assistant', 'content': 'So.'}]
    """
    said = [message._asdict() for message in chat.messages]
    return {"prompt": said[:-1], "completion": said[-1:]}


def parse(row: Mapping[str, Any]) -> Messages:
    """The messages of a row."""
    return messages((message["role"], message["content"]) for message in [*row["prompt"], *row["completion"]])
