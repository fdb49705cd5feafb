"""Plain text with landmark lines, for models that are trained on text alone.

It has no turns: of a dialogue the input says what was said before.
"""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from parlance.instruct.chat import Chat, Messages, single
from parlance.instruct.example import Example

SCHEMA = pa.schema([pa.field("text", pa.string())])
HOLDS_TURNS = False
# Training on plain text; `stage: pt` in LLaMA-Factory.
LLAMA_FACTORY = {"columns": {"prompt": "text"}}
AXOLOTL = {"type": "completion", "field": "text"}

_LANDMARK = re.compile(r"^(\\*)###(Instruction|Input|Response)$", re.MULTILINE)
_ESCAPED = re.compile(r"^\\(\\*###(?:Instruction|Input|Response))$", re.MULTILINE)
_LAYOUT = "###Instruction\n{}\n\n###Input\n{}\n\n###Response\n{}"
_READ = re.compile(
    r"(?:(.*?)\n\n)?###Instruction\n(.*?)\n\n###Input\n(.*?)\n\n###Response\n(.*)",
    re.DOTALL,
)


def row(chat: Chat) -> dict[str, Any]:
    r"""One column, text; a line of a message that reads like a landmark gets a backslash.

    A system message stands before the first landmark.

    >>> print(row(Chat(single("Why?", "So."), Example("Why?", "", "So.")))["text"])
    ###Instruction
    Why?
    <BLANKLINE>
    ###Input
    <BLANKLINE>
    <BLANKLINE>
    ###Response
    So.
    """
    texts = chat.texts if len(chat.turns) == 1 else chat.view
    system = f"{_escaped(chat.system)}\n\n" if chat.system else ""
    return {"text": system + _LAYOUT.format(*map(_escaped, texts))}


def parse(row: Mapping[str, Any]) -> Messages:
    """The question and answer of a row, with the input below the question."""
    match = _READ.fullmatch(row["text"])
    if match is None:
        raise ValueError(f"the landmark lines are missing; expected {_LAYOUT!r}")
    system, *texts = (_ESCAPED.sub(r"\1", text or "") for text in match.groups())
    example = Example(*texts)
    return single(example.prompt, example.output, system=system)


def _escaped(text: str) -> str:
    return _LANDMARK.sub(r"\\\g<0>", text)
