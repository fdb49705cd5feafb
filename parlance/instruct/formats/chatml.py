"""OpenAI's `messages`, which a tokenizer's chat template turns into ChatML; TRL calls it conversational."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from parlance.instruct.chat import Chat, Messages, messages

SCHEMA = pa.schema(
    [pa.field("messages", pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])))]
)
HOLDS_TURNS = True
LLAMA_FACTORY = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages"},
    "tags": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    },
}
AXOLOTL = {
    "type": "chat_template",
    "field_messages": "messages",
    "message_property_mappings": {"role": "role", "content": "content"},
    "roles_to_train": ["assistant"],
    "train_on_eos": "turn",
}


def row(chat: Chat) -> dict[str, Any]:
    """The messages as they are.

    >>> from parlance.instruct.chat import Example, single
    >>> row(Chat(single("Why?", "So."), Example("Why?", "", "So.")))
    {'messages': [{'role': 'user', 'content': 'Why?'}, {'role': 'assistant', 'content': 'So.'}]}
    """
    return {"messages": [message._asdict() for message in chat.messages]}


def parse(row: Mapping[str, Any]) -> Messages:
    """The messages of a row."""
    return messages((message["role"], message["content"]) for message in row["messages"])
