"""Who allowed which use of people's messages, who opted out, and whether people keep their names."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from parlance.errors import ConfigError
from parlance.storage import Files

Use = Literal["search", "annotation", "training", "evaluation", "drafts"]
People = Literal["named", "pseudonyms"]
USES, PEOPLE = get_args(Use), get_args(People)
_FILE = "rights.json"
ALLOWED = (
    "allowed: granted_by, granted_on, statement, uses, people, opt_out_users, opt_out_channels, direct_messages, "
    "imitation, as in sample/slack/rights.yaml"
)


@dataclass(frozen=True, kw_only=True)
class Rights:
    """A statement of rights and consent, as its file says it.

    `opt_out_channels` and `direct_messages` hold ids or names; direct messages are taken only where they are named.
    `imitation` are the ids of people who agreed that a model learns to write as they do; it is nobody unless named.
    """

    granted_by: str
    granted_on: date
    statement: str
    uses: tuple[str, ...]
    people: People = "pseudonyms"
    opt_out_users: frozenset[str] = field(default_factory=frozenset)
    opt_out_channels: frozenset[str] = field(default_factory=frozenset)
    direct_messages: frozenset[str] = field(default_factory=frozenset)
    imitation: frozenset[str] = field(default_factory=frozenset)

    @property
    def id(self) -> str:
        """12 hex digits that name the statement: rows carry them."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()[:12]

    def as_json(self) -> str:
        said = {name: value for name, value in asdict(self).items() if name != "imitation" or value}
        return json.dumps(said, default=_plain, sort_keys=True)

    def refusal(self, channel: Mapping[str, Any]) -> str | None:
        """Why nothing of `channel` may be taken (`id`, `name`, `is_im`, `is_mpim`); null where it may.

        >>> rights = Rights(granted_by="Ada", granted_on=date(2026, 1, 1), statement="", uses=("training",))
        >>> rights.refusal({"id": "D1", "name": "D1", "is_im": True})
        'direct message not named'
        """
        names = {channel.get("id"), channel.get("name")}
        if names & self.opt_out_channels:
            return "channel opted out"
        is_direct = channel.get("is_im") or channel.get("is_mpim")
        return "direct message not named" if is_direct and not names & self.direct_messages else None


def read(path: str) -> Rights:
    """The statement in a YAML file. Raises ConfigError that names what is missing or not allowed."""
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"rights file {path!r} cannot be read: {error}; {ALLOWED}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"rights file {path!r} holds {type(found).__name__}; {ALLOWED}")
    _check(found, path)
    sets = ("opt_out_users", "opt_out_channels", "direct_messages", "imitation")
    return Rights(
        granted_by=str(found["granted_by"]),
        granted_on=found["granted_on"],
        statement=str(found["statement"]),
        uses=tuple(sorted(set(found["uses"]))),
        people=found.get("people", "pseudonyms"),
        **{name: frozenset(found.get(name) or ()) for name in sets},
    )


def publish(files: Files, lane: str, rights: Rights) -> None:
    """Keeps the statement among the files of a lake under its id, which the raw rows of `lane` carry."""
    name = _folder(lane)
    if not files.has(name, rights.id):
        with files.publish(name, rights.id) as folder:
            (folder / _FILE).write_text(rights.as_json(), encoding="utf-8")


def published(files: Files, lane: str, id: str) -> dict[str, Any]:
    """The statement that `publish` kept, as its JSON says it. Raises ConfigError where there is none with that id."""
    text = (files.folder(_folder(lane), id) / _FILE).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _folder(lane: str) -> str:
    return f"rights/{lane}"


def _check(found: dict[str, Any], path: str) -> None:
    known = Rights.__dataclass_fields__
    if unknown := sorted(set(map(str, found)) - set(known)):
        raise ConfigError(f"rights file {path!r}: unknown {unknown}; {ALLOWED}")
    if missing := [name for name in ("granted_by", "granted_on", "statement", "uses") if not found.get(name)]:
        raise ConfigError(f"rights file {path!r} lacks {missing}; {ALLOWED}")
    if type(found["granted_on"]) is not date:
        day = repr(found["granted_on"])
        raise ConfigError(f"rights file {path!r}: granted_on is {day}; allowed: a day as YYYY-MM-DD, without quotes")
    listed = ("uses", "imitation")
    lists = {name: found.get(name) or [] for name in known if name in listed or name.startswith(("opt_", "direct_"))}
    for name, values in lists.items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise ConfigError(f"rights file {path!r}: {name} is {values!r}; allowed: a list of texts")
    if unknown := sorted(set(lists["uses"]) - set(USES)):
        raise ConfigError(f"rights file {path!r}: unknown uses {unknown}; allowed: {', '.join(USES)}")
    if found.get("people", "pseudonyms") not in PEOPLE:
        raise ConfigError(f"rights file {path!r}: people is {found['people']!r}; allowed: {', '.join(PEOPLE)}")


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)
