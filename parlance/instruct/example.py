"""The three texts of an example, apart from where they come from."""

from typing import NamedTuple


class Example(NamedTuple):
    """A question, the dialogue that explains it (empty where there is none), and the answer."""

    instruction: str
    input: str
    output: str

    @property
    def prompt(self) -> str:
        """What a user would say in one message: the instruction and, below it, the input.

        >>> Example("Why?", "", "So.").prompt, Example("Why?", "Helper: What?", "So.").prompt
        ('Why?', 'Why?\\n\\nHelper: What?')
        """
        return f"{self.instruction}\n\n{self.input}" if self.input else self.instruction
