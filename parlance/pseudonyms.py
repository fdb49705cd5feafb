"""Pseudonyms of people by keyed hash: one for each person, everywhere; only the owner of the key finds back."""

import base64
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parlance.errors import ConfigError

KEY_BYTES = 16
# The fields whose value is a person, whatever it looks like.
PEOPLE = re.compile(r"(?:\w+_)?users?(?:_ids?)?|username|author_id|inviter|creator|created_by|members|participants")
# Ids in text: in mentions, which may carry a name (`<@U1|ada>`), and in Slack's links to people and their files.
WRITTEN = re.compile(r"<@([UW][A-Z0-9]{1,20})(?:\|[^<>]*)?>|(slack\.com/(?:files|team)/)([UW][A-Z0-9]{1,20})\b")
# An id as a whole value of any other field; no word is as long and has digits behind a U.
ID = re.compile(r"[UW](?=[A-Z]*[0-9])[A-Z0-9]{7,20}")
NAMES = frozenset({"user_profile", "author_name", "author_subname", "author_icon", "author_link"})


@dataclass(frozen=True)
class Pseudonyms:
    """Gives every person a pseudonym such as `person-k3j9x2qavd7e`.

    >>> Pseudonyms(b"sixteen bytes or more").of("U1") == Pseudonyms(b"another key of bytes").of("U1")
    False
    """

    key: bytes

    def __post_init__(self) -> None:
        if len(self.key) < KEY_BYTES:
            raise ConfigError(f"the key of pseudonyms has {len(self.key)} bytes; needed: at least {KEY_BYTES}")

    def of(self, author: str) -> str:
        """The pseudonym of whoever `author` names."""
        digest = hmac.new(self.key, author.encode(errors="surrogatepass"), hashlib.sha256).digest()
        return "person-" + base64.b32encode(digest[:10]).decode().lower()[:12]

    def in_json(self, value: object, field: str = "") -> Any:
        """A JSON value with pseudonyms for people, in texts too, and without their names; `field` is the one it is of.

        The fallback of what somebody wrote begins with a name, so it is left out.
        """
        if isinstance(value, str):
            return self.of(value) if value and PEOPLE.fullmatch(field) else self._in_text(value)
        if isinstance(value, list):
            return [self.in_json(one, field) for one in value]
        if not isinstance(value, dict):
            return value
        is_by_somebody = any(value.get(name) for name in ("author_id", "author_name", "author_subname"))
        left_out = NAMES | {"fallback"} if is_by_somebody else NAMES
        return {self._in_text(name): self.in_json(one, name) for name, one in value.items() if name not in left_out}

    def _in_text(self, text: str) -> str:
        if ID.fullmatch(text):
            return self.of(text)
        return WRITTEN.sub(lambda found: f"<@{self.of(found[1])}>" if found[1] else found[2] + self.of(found[3]), text)


def read_key(value: str, file: Path) -> bytes:
    """The key `value`, or where that is empty the one in `file`, which is made where it is absent.

    Raises ConfigError where the file cannot be read or written.
    """
    if value:
        return value.encode()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return file.read_bytes().strip()
        with open(handle, "wb") as new:
            new.write(secrets.token_hex(32).encode())
        return file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"the key of pseudonyms in {str(file)!r} can be neither read nor made: {error}") from error
