"""What a Slack message says, as plain text: blocks before `text`, then attachments; any JSON is taken."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

# What begins with a space is no markup: some apps send `a < b and c > d` as it is.
MARKUP = re.compile(r"<([^<>\s][^<>]*)>")
NAMED = re.compile(r"<[@#]([A-Z0-9]+)\|([^<>|]+)>")
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
ENTITY = re.compile("|".join(ENTITIES))


def render(message: Json, *, users: Mapping[str, str]) -> str:
    """The text of `message`; `users` gives names by id.

    >>> render({"text": "<@U1> see <https://x.org|the page> &amp; <#C1|hr-help>"}, users={"U1": "Ada"})
    '@Ada see the page (https://x.org) & #hr-help'
    """
    plain = _string(message.get("text"))
    names = _Names(users=users, named=dict(NAMED.findall(plain)))
    body = _blocks(message.get("blocks"), names) or mrkdwn(plain, names)
    attachments = (_attachment(one, names) for one in _objects(message.get("attachments")))
    return _joined([body, *attachments])


@dataclass(frozen=True, kw_only=True)
class _Names:
    """Names of people by id, and those that the message's own text gives: blocks hold bare ids."""

    users: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)

    def of(self, id: str) -> str:
        return self.users.get(id) or self.named.get(id) or id


def mrkdwn(text: str, names: _Names) -> str:
    """Slack's escaped markup as plain text; what is no markup stays as it is."""
    parts = MARKUP.split(text)
    return "".join(_markup(part, names) if index % 2 else _unescaped(part) for index, part in enumerate(parts))


def _unescaped(text: str) -> str:
    """Slack escapes these three and nothing else."""
    return ENTITY.sub(lambda found: ENTITIES[found[0]], text)


def _markup(inner: str, names: _Names) -> str:
    """What stands between `<` and `>`."""
    target, _, label = inner.partition("|")
    label, kind, rest = _unescaped(label), target[:1], target[1:]
    if kind == "@":
        return "@" + (names.users.get(rest) or label or rest)
    if kind == "#":
        return "#" + (label or names.of(rest))
    if kind == "!":
        return _special(rest, label)
    return _link(_unescaped(target), label)


def _special(command: str, label: str) -> str:
    """`<!here>`, `<!subteam^S1|@group>`, `<!date^...|fallback>`."""
    name, _, rest = command.partition("^")
    if name == "date":
        return label
    if name == "subteam":
        return "@" + (label or rest).removeprefix("@")
    return "@" + name


def _link(url: str, label: str) -> str:
    scheme, _, rest = url.partition(":")
    if scheme in ("mailto", "tel"):
        return label or rest
    # Slack links a bare address by itself and keeps as label what was typed.
    if not label or label == url or url.rstrip("/") in (f"http://{label}", f"https://{label}"):
        return label or url
    return f"{label} ({url})"


def _blocks(blocks: object, names: _Names) -> str:
    return _joined(_block(block, names) for block in _objects(blocks))


def _block(block: Json, names: _Names) -> str:
    texts: list[Any]
    match block.get("type"):
        case "rich_text":
            return _joined(_rich_block(one, names) for one in _objects(block.get("elements")))
        case "section":
            texts = [block.get("text"), *_objects(block.get("fields"))]
        case "header":
            texts = [block.get("text")]
        case "context":
            texts = _objects(block.get("elements"))
        case "markdown":
            return _string(block.get("text")).strip("\n")
        case "table":
            return _joined(_table_row(row, names) for row in _list(block.get("rows")))
        case _:
            return ""
    return _joined(_text_object(one, names) for one in texts)


def _text_object(value: object, names: _Names) -> str:
    if not isinstance(value, dict):
        return ""
    text = _string(value.get("text"))
    return mrkdwn(text, names) if value.get("type") == "mrkdwn" else text


def _table_row(row: object, names: _Names) -> str:
    cells = (_block(one, names) or _text_object(one, names) for one in _objects(row))
    return " | ".join(cell.replace("\n", " ") for cell in cells)


def _rich_block(block: Json, names: _Names) -> str:
    """One element of a `rich_text` block: these do not nest, a list names its depth as `indent`."""
    match block.get("type"):
        case "rich_text_list":
            return _rich_list(block, names)
        case "rich_text_quote":
            return "\n".join(f"> {line}" for line in _inline(block, names).strip("\n").split("\n"))
        case "rich_text_preformatted":
            code = _inline(block, names).strip("\n")
            return f"```\n{code}\n```"
        case _:
            return _inline(block, names).strip("\n")


def _rich_list(block: Json, names: _Names) -> str:
    indent = "  " * min(_number(block.get("indent")), 10)
    first = _number(block.get("offset")) + 1
    is_ordered = block.get("style") == "ordered"
    lines = []
    for index, item in enumerate(_objects(block.get("elements"))):
        mark = f"{first + index}." if is_ordered else "-"
        lines.append(f"{indent}{mark} {_inline(item, names)}")
    return "\n".join(lines)


def _inline(block: Json, names: _Names) -> str:
    return "".join(_inline_element(one, names) for one in _objects(block.get("elements")))


def _inline_element(element: Json, names: _Names) -> str:
    kind = element.get("type")
    render = INLINE.get(kind) if isinstance(kind, str) else None
    return render(element, names) if render else ""


def _inline_text(element: Json, names: _Names) -> str:
    text, style = _string(element.get("text")), element.get("style")
    return f"`{text}`" if text and isinstance(style, dict) and style.get("code") is True else text


# Unlike `text`, the elements of `rich_text` are not escaped.
INLINE: dict[str, Callable[[Json, _Names], str]] = {
    "text": _inline_text,
    "link": lambda element, names: _link(_string(element.get("url")), _string(element.get("text"))),
    "user": lambda element, names: "@" + names.of(_string(element.get("user_id"))),
    "usergroup": lambda element, names: "@" + names.of(_string(element.get("usergroup_id"))),
    "channel": lambda element, names: "#" + names.of(_string(element.get("channel_id"))),
    "broadcast": lambda element, names: "@" + _string(element.get("range")),
    "emoji": lambda element, names: f":{_string(element.get('name'))}:",
    "date": lambda element, names: _string(element.get("fallback")),
    "color": lambda element, names: _string(element.get("value")),
}


def _attachment(attachment: Json, names: _Names) -> str:
    """Pretext, title, text and fields, else blocks, else the fallback that stands for all of them."""
    fields = (
        _joined(mrkdwn(_string(one.get(key)), names) for key in ("title", "value")) for one in _fields(attachment)
    )
    parts = (mrkdwn(_string(attachment.get(key)), names) for key in ("pretext", "title", "text"))
    told = _joined([*parts, *fields])
    return told or _blocks(attachment.get("blocks"), names) or mrkdwn(_string(attachment.get("fallback")), names)


def _fields(attachment: Json) -> list[Json]:
    return _objects(attachment.get("fields"))


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(part for part in parts if part.strip()).strip()


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1_000_000 else 0


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[Json]:
    return [one for one in _list(value) if isinstance(one, dict)]
