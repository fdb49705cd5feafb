"""Prompts as files: a Jinja template with a block `user` and, if you like, a block `system`."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from parlance.errors import ConfigError
from parlance.versions import content_version

ROLES = ("system", "user")
VARIABLES = ("question", "channel")


class Prompt:
    """A template whose blocks are the messages of a chat; `version` is made of its text.

    It runs in Jinja's sandbox, and a question is a value in it: template marks in a question stay text. Raises
    ConfigError for a template that is none, has no block `user`, or names what it is not given.

    >>> prompt = Prompt("{% block user %}In {{ channel }}: {{ question }}{% endblock %}")
    >>> prompt.messages({"question": "{{ 1 + 1 }}?", "channel": "help"})
    [{'role': 'user', 'content': 'In help: {{ 1 + 1 }}?'}]
    """

    def __init__(self, text: str, *, name: str = "prompt") -> None:
        self._name = name
        self.version = content_version([text])
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)
        try:
            self._template = environment.from_string(text)
        except TemplateError as error:
            raise ConfigError(f"prompt {name} is no template: {error}") from error
        blocks = set(self._template.blocks)
        if "user" not in blocks or blocks - set(ROLES):
            raise ConfigError(f"prompt {name} has the blocks {sorted(blocks)}; allowed: user, and system beside it")
        self.messages(dict.fromkeys(VARIABLES, "?"))  # what is wrong with it is told now

    def messages(self, values: Mapping[str, str]) -> list[dict[str, str]]:
        """The chat for one question; a block that comes out empty is no message, but for `user`."""
        context = self._template.new_context({name: values.get(name) or "" for name in VARIABLES})
        try:
            written = {
                role: "".join(self._template.blocks[role](context)).strip()
                for role in ROLES
                if role in self._template.blocks
            }
        except (TemplateError, TypeError, ValueError, ArithmeticError, OverflowError) as error:
            raise ConfigError(f"prompt {self._name} fails: {error}; it is given {', '.join(VARIABLES)}") from error
        return [{"role": role, "content": text} for role, text in written.items() if text or role == "user"]


def read(path: str) -> Prompt:
    """The prompt in a file. Raises ConfigError where it cannot be read or is none."""
    try:
        return Prompt(Path(path).read_text(encoding="utf-8"), name=repr(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"prompt {path!r} cannot be read: {error}") from error
