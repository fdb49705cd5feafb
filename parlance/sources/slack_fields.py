"""The fields of channels and people that a raw row carries, so that it stands for itself."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

CHANNEL_FLAGS = ("is_private", "is_im", "is_mpim", "is_archived", "is_member", "is_ext_shared")
USER_FLAGS = ("is_bot", "deleted", "is_restricted", "is_ultra_restricted")


def channel_fields(channel: Json, **known: Any) -> Json:
    """`id`, `name` and what else is stated of a channel; what is false or empty is left out.

    `known` says what its place says, such as `is_im=True` for a channel of `dms.json`.

    >>> channel_fields({"id": "D1", "topic": {"value": ""}}, is_im=True)
    {'id': 'D1', 'name': 'D1', 'is_im': True}
    """
    name = channel.get("name")
    if isinstance(name, str) and name.startswith("mpdm-"):
        known["is_mpim"] = True
    found: Json = {"id": channel["id"], "name": name if isinstance(name, str) and name else channel["id"]}
    found |= {flag: True for flag in CHANNEL_FLAGS if channel.get(flag) is True or known.get(flag) is True}
    if isinstance(channel.get("created"), int):
        found["created"] = channel["created"]
    for name in ("topic", "purpose"):
        value = channel[name].get("value") if isinstance(channel.get(name), dict) else None
        if isinstance(value, str) and value:
            found[name] = value
    return found


def without_names(channel: Json) -> Json:
    """`channel` without what names the people of a direct message: its name, its topic and its purpose.

    >>> without_names({"id": "G1", "name": "mpdm-ada--bob--eve-1", "is_mpim": True})
    {'id': 'G1', 'name': 'G1', 'is_mpim': True}
    """
    if not channel.get("is_im") and not channel.get("is_mpim"):
        return channel
    named = channel | {"name": channel.get("id")}
    return {name: value for name, value in named.items() if name not in ("topic", "purpose")}


def user_fields(user: Json) -> Json:
    """`name` (the real one where there is one), `is_bot` and what else is stated of a person."""
    given = user.get("profile")
    profile: Json = given if isinstance(given, dict) else {}
    found: Json = {"name": _name(user, profile), "is_bot": is_bot(user)}
    found |= {flag: True for flag in USER_FLAGS if flag != "is_bot" and user.get(flag) is True}
    texts = {
        "tz": user.get("tz"),
        "display_name": profile.get("display_name"),
        "real_name": user.get("real_name") or profile.get("real_name"),
    }
    return found | {name: text for name, text in texts.items() if is_text(text)}


def is_bot(user: Mapping[str, Any]) -> bool:
    return user.get("is_bot") is True or user["id"] == "USLACKBOT"


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _name(user: Json, profile: Json) -> str:
    names = (user.get("real_name"), profile.get("real_name"), profile.get("display_name"), user.get("name"))
    return next((str(name) for name in names if is_text(name)), str(user["id"]))
