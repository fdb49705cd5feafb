"""Pseudonyms of people by keyed hash: one for each person, everywhere; only the owner of the key finds back."""

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from parlance.errors import ConfigError

KEY_BYTES = 16
PERSON = re.compile(r"[UW][A-Z0-9]{1,20}")
# Ids in JSON: in mentions, which may carry a name (`<@U1|ada>`), and as whole values; no word has digits behind a U.
WRITTEN = re.compile(r'<@([UW][A-Z0-9]{1,20})(?:\|[^<>"]*)?>|"([UW](?=[A-Z]*[0-9])[A-Z0-9]{1,20})"')
NAMES = frozenset({"user_profile", "author_name", "author_subname", "author_icon", "author_link"})


@dataclass(frozen=True)
class Pseudonyms(Mapping[str, str]):
    """Gives every id of a person a pseudonym such as `person-k3j9x2qavd7e`, and none to ids of channels and groups.

    >>> Pseudonyms(b"sixteen bytes or more")["U1"] == Pseudonyms(b"another key of bytes")["U1"]
    False
    """

    key: bytes

    def __post_init__(self) -> None:
        if len(self.key) < KEY_BYTES:
            raise ConfigError(f"the key of pseudonyms has {len(self.key)} bytes; needed: at least {KEY_BYTES}")

    def __getitem__(self, id: str) -> str:
        if not PERSON.fullmatch(id):
            raise KeyError(id)
        return self.of(id)

    def of(self, author: str) -> str:
        """The pseudonym of whoever `author` names."""
        digest = hmac.new(self.key, author.encode(), hashlib.sha256).digest()
        return "person-" + base64.b32encode(digest[:10]).decode().lower()[:12]

    def __iter__(self) -> Iterator[str]:
        """Nobody is listed: there is a pseudonym for every id."""
        return iter(())

    def __len__(self) -> int:
        return 0

    def in_json(self, text: str) -> str:
        """`text` with every id of a person replaced, and the names that mentions carry left out."""
        return WRITTEN.sub(lambda found: f"<@{self.of(found[1])}>" if found[1] else f'"{self.of(found[2])}"', text)


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
