"""An example as a conversation, apart from where it comes from."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from parlance.errors import SchemaError
from parlance.instruct.example import Example

ROLES = ("system", "user", "assistant")


class Message(NamedTuple):
    """What one side says; `role` is system, user or assistant."""

    role: str
    content: str


Messages = tuple[Message, ...]


class Chat(NamedTuple):
    """The messages of an example, and their view as three texts for layouts that have no turns."""

    messages: Messages
    view: Example

    @property
    def system(self) -> str:
        """The system message; empty where there is none.

        >>> Chat(messages([("user", "Why?"), ("assistant", "So.")]), Example("Why?", "", "So.")).system
        ''
        """
        return self.messages[0].content if self.messages[0].role == "system" else ""

    @property
    def turns(self) -> list[tuple[str, str]]:
        """What the user said and what the assistant answered, in order; the last pair is what is learned."""
        spoken = [message.content for message in self.messages if message.role != "system"]
        return list(zip(spoken[::2], spoken[1::2], strict=True))

    @property
    def texts(self) -> Example:
        """Instruction, input and output of the last turn.

        The input stands apart where the view says the same as the user's message; else that message is the instruction.
        """
        asked, answer = self.turns[-1]
        if asked == self.view.prompt:
            return Example(self.view.instruction, self.view.input, answer)
        return Example(asked, "", answer)


def messages(pairs: Iterable[tuple[str, str]]) -> Messages:
    """Messages from roles and contents: a system message or none, then user and assistant in turns.

    Raises SchemaError where the roles are others.

    >>> [role for role, _ in messages([("system", "Be brief."), ("user", "Why?"), ("assistant", "So.")])]
    ['system', 'user', 'assistant']
    """
    found = tuple(Message(role, content) for role, content in pairs)
    roles = [role for role, _ in found]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if not spoken or len(spoken) % 2 or spoken != ["user", "assistant"] * (len(spoken) // 2):
        raise SchemaError(f"messages have the roles {roles}; allowed: system or none, then user and assistant in turns")
    return found


def read(row: Mapping[str, Any]) -> Chat:
    """The chat of a row of EXAMPLES with at least messages, instruction, input and output."""
    if row["messages"] is None:
        raise SchemaError("an example has no messages: it was made by an older version; materialise it again")
    said = messages((message["role"], message["content"]) for message in row["messages"])
    return Chat(said, Example(row["instruction"], row["input"], row["output"]))


def single(asked: str, answer: str, *, system: str = "") -> Messages:
    """One question and its answer; an empty `system` is no message."""
    said = [("system", system)] if system else []
    return messages([*said, ("user", asked), ("assistant", answer)])
