"""Plain text with landmark lines, for models that are trained on text alone."""

import re
from collections.abc import Mapping
from typing import Any

from parlance.instruct.example import Example

_LANDMARK = re.compile(r"^(\\*)###(Instruction|Input|Response)$", re.MULTILINE)
_ESCAPED = re.compile(r"^\\(\\*###(?:Instruction|Input|Response))$", re.MULTILINE)
_LAYOUT = "###Instruction\n{}\n\n###Input\n{}\n\n###Response\n{}"
_READ = re.compile(r"###Instruction\n(.*?)\n\n###Input\n(.*?)\n\n###Response\n(.*)", re.DOTALL)


def row(example: Example) -> dict[str, Any]:
    r"""One column, text; a line of a message that reads like a landmark gets a backslash.

    >>> print(row(Example("Why?", "", "So."))["text"])
    ###Instruction
    Why?
    <BLANKLINE>
    ###Input
    <BLANKLINE>
    <BLANKLINE>
    ###Response
    So.
    """
    return {"text": _LAYOUT.format(*(_LANDMARK.sub(r"\\\g<0>", text) for text in example))}


def parse(row: Mapping[str, Any]) -> Example:
    """The example of a row."""
    match = _READ.fullmatch(row["text"])
    if match is None:
        raise ValueError(f"the landmark lines are missing; expected {_LAYOUT!r}")
    return Example(*(_ESCAPED.sub(r"\1", text) for text in match.groups()))
