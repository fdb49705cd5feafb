"""Messages as the tokens of a chat, with a mask of those that are learned.

The template is Jinja, and what stands between its `generation` marks is learned, as `apply_chat_template(...,
return_assistant_tokens_mask=True)` of transformers has it; neither transformers nor torch is loaded for that.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Encoding, Tokenizer

from parlance.errors import ConfigError

# Characters for private use: the first two that no message has stand around what is learned while a chat is rendered.
_PRIVATE: Final = range(0x10F000, 0x10FFFE)
_TOKENS: Final = ("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token")


class Masked(NamedTuple):
    """Token ids and, for each, 1 where it is learned and 0 elsewhere."""

    input_ids: list[int]
    mask: list[int]


class ChatTokenizer:
    """The tokenizer of a folder with its chat template, as `transformers` would load both."""

    def __init__(self, folder: Path) -> None:
        configuration = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        written = folder / "chat_template.jinja"
        template = written.read_text(encoding="utf-8") if written.exists() else configuration.get("chat_template")
        if not isinstance(template, str):
            raise ConfigError(f"the tokenizer in {str(folder)!r} has no chat template; chats need one")
        if "generation" not in template:
            raise ConfigError(f"the chat template in {str(folder)!r} has no generation marks: what is learned is open")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        environment = _environment()
        self._generation: _Generation = environment.extensions[_Generation.identifier]  # type: ignore[assignment]
        self._template = environment.from_string(template)
        self._special = {name: _text(configuration[name]) for name in _TOKENS if configuration.get(name)}
        added = self._tokenizer.get_added_tokens_decoder().values()
        self._marks = sorted({token.content for token in added if token.special})

    def masked(self, messages: Sequence[Mapping[str, str]]) -> Masked:
        """Ids and mask of one chat: roles and contents, as the canonical `messages` of an example."""
        return self.all_masked([messages])[0]

    def all_masked(self, chats: Iterable[Sequence[Mapping[str, str]]]) -> list[Masked]:
        """As `masked`, for many chats at once, which is far faster."""
        rendered = [self.rendered(messages) for messages in chats]
        encoded = self._tokenizer.encode_batch([text for text, _ in rendered], add_special_tokens=False)
        return [_masked(found, spans) for found, (_, spans) in zip(encoded, rendered, strict=True)]

    def rendered(self, messages: Sequence[Mapping[str, str]]) -> tuple[str, list[tuple[int, int]]]:
        """The chat as text, and the stretches of it that are learned (code points, half-open).

        Raises ConfigError where the template refuses the messages.
        """
        opens, closes = self._generation.marks = _unused(message["content"] for message in messages)
        try:
            marked = self._template.render(messages=list(messages), add_generation_prompt=False, **self._special)
        except jinja2.TemplateError as error:
            raise ConfigError(f"the chat template refuses {[one['role'] for one in messages]}: {error}") from error
        before, *rest = marked.split(opens)
        text, spans = before, []
        for part in rest:
            learned, _, after = part.partition(closes)
            spans.append((len(text), len(text) + len(learned)))
            text += learned + after
        return text, spans

    def marks_in(self, text: str) -> bool:
        """Whether `text` holds what would be read as a special token."""
        return any(mark in text for mark in self._marks)


def _masked(encoding: Encoding, spans: Sequence[tuple[int, int]]) -> Masked:
    mask = [0] * len(encoding.ids)
    for start, end in spans:
        first = encoding.char_to_token(start)
        last = encoding.char_to_token(end - 1) if end else None
        if first is not None:  # else the stretch lies beyond the text; transformers leaves it out too
            last = len(mask) - 1 if last is None else last
            mask[first : last + 1] = [1] * (last + 1 - first)
    return Masked(encoding.ids, mask)


class _Generation(Extension):
    """`{% generation %}...{% endgeneration %}`: writes its body between two marks."""

    tags = {"generation"}
    marks = ("", "")

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        call = self.call_method("_marked")
        return nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _marked(self, caller: Any) -> str:
        return f"{self.marks[0]}{caller()}{self.marks[1]}"


def _unused(texts: Iterable[str]) -> tuple[str, str]:
    used = set().union(*texts)
    free = (chr(code) for code in _PRIVATE if chr(code) not in used)
    return next(free), next(free)


def _environment() -> ImmutableSandboxedEnvironment:
    """As transformers renders templates."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _json
    environment.globals["raise_exception"] = _refuse
    return environment


def _json(value: object, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, **options)


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _text(token: str | Mapping[str, str]) -> str:
    return token if isinstance(token, str) else token["content"]
