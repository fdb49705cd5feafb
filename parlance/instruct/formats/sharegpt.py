"""ShareGPT, as FastChat, axolotl and LLaMA-Factory read it."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from parlance.instruct.chat import Chat, Messages, messages

SCHEMA = pa.schema(
    [pa.field("conversations", pa.list_(pa.struct([pa.field("from", pa.string()), pa.field("value", pa.string())])))]
)
HOLDS_TURNS = True
LLAMA_FACTORY = {
    "formatting": "sharegpt",
    "columns": {"messages": "conversations"},
    "tags": {
        "role_tag": "from",
        "content_tag": "value",
        "user_tag": "human",
        "assistant_tag": "gpt",
        "system_tag": "system",
    },
}
AXOLOTL = {
    "type": "chat_template",
    "field_messages": "conversations",
    "message_property_mappings": {"role": "from", "content": "value"},
    "roles_to_train": ["assistant"],
    "train_on_eos": "turn",
}
_NAMES = {"system": "system", "user": "human", "assistant": "gpt"}
_ROLES = {name: role for role, name in _NAMES.items()}


def row(chat: Chat) -> dict[str, Any]:
    """Turns from system, human and gpt.

    >>> from parlance.instruct.chat import Example, single
    >>> row(Chat(single("Why?", "So."), Example("Why?", "", "So.")))
    {'conversations': [{'from': 'human', 'value': 'Why?'}, {'from': 'gpt', 'value': 'So.'}]}
    """
    return {"conversations": [{"from": _NAMES[role], "value": content} for role, content in chat.messages]}


def parse(row: Mapping[str, Any]) -> Messages:
    """The messages of a row."""
    return messages((_ROLES[turn["from"]], turn["value"]) for turn in row["conversations"])
