"""An official Slack export on disk: its files, its channels and its people; a zip is never unpacked."""

import json
import lzma
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

from parlance.errors import ConfigError
from parlance.sources.files import storage_errors
from parlance.sources.slack_fields import channel_fields, is_text, user_fields

# What each list says of the channels in it.
CHANNEL_LISTS = {
    "channels.json": {},
    "groups.json": {"is_private": True},
    "mpims.json": {"is_mpim": True, "is_private": True},
    "dms.json": {"is_im": True},
}
USER_LISTS = ("users.json", "org_users.json")
# Stands in a channel's folder and holds no messages.
NO_MESSAGES = ("canvas_in_the_conversation.json",)
UNKNOWN_TEAM = "unknown"

MEMBER_BYTES = 2 * 1024**3
RATIO = 200
RATIO_FROM_BYTES = 10 * 1024**2

# What zipfile and its decoders raise over bytes that are no zip, or no longer.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
)

Json = dict[str, Any]


class DamagedMemberError(Exception):
    """One file of the archive cannot be read; the others may be."""


@dataclass(frozen=True, kw_only=True)
class DayFile:
    """The messages of one channel on one day."""

    name: str
    folder: str
    day: str


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The files of an export by their names, which are relative with `/`."""

    path: str
    names: frozenset[str]
    read: Callable[[str], bytes]

    def day_files(self) -> list[DayFile]:
        """Every `<channel>/<day>.json`, by day and then by channel.

        Raises ConfigError for a JSON file in a channel's folder whose name is no day.
        """
        found = [PurePosixPath(name) for name in self.names]
        inside = (path for path in found if len(path.parts) == 2 and path.suffix == ".json")
        files = [self._day_file(path) for path in inside if path.name not in NO_MESSAGES]
        return sorted(files, key=lambda file: (file.day, file.folder))

    def _day_file(self, path: PurePosixPath) -> DayFile:
        if not is_day(path.stem):
            raise ConfigError(
                f"{self.path}: {str(path)!r} is not named after a day; allowed: <channel>/YYYY-MM-DD.json"
            )
        return DayFile(name=str(path), folder=path.parts[0], day=path.stem)

    def listed(self, name: str) -> list[Json]:
        """The objects of a list at the top of the export; none where the export lacks it."""
        if name not in self.names:
            return []
        try:
            found = json.loads(self.read(name))
        except (ValueError, RecursionError, DamagedMemberError) as error:
            raise ConfigError(
                f"{self.path}: {name} cannot be read: {error}; allowed: a JSON list of objects"
            ) from error
        if not isinstance(found, list):
            raise ConfigError(f"{self.path}: {name} holds {type(found).__name__}; allowed: a JSON list of objects")
        return [one for one in found if isinstance(one, dict)]


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Who and where: channels by folder, people by id."""

    team: str
    channels: dict[str, Json]
    users: dict[str, Json]

    def channel(self, folder: str) -> Json:
        """The fields of the channel in `folder`; id and name are the folder's where no list names it."""
        listed = self.channels.get(_mended(folder)) or self.channels.get(folder)
        return listed or channel_fields({"id": folder, "name": folder})


@contextmanager
def opened(path: str) -> Iterator[Archive]:
    """The export at `path`, a zip or a folder.

    Raises ConfigError where there is none, or one that no export tool wrote: names that lead out of the archive,
    members that inflate beyond bounds, no list of channels.
    """
    place = Path(path)
    if place.is_dir():
        found = (one for pattern in ("*.json", "*/*.json") for one in place.glob(pattern) if one.is_file())
        names = frozenset(one.relative_to(place).as_posix() for one in found)
        yield _checked(Archive(path=path, names=names, read=lambda name: _read_file(place / name)))
        return
    if not place.exists():
        raise ConfigError(f"no Slack export at {path!r}; allowed: the zip of an official export, or its folder")
    try:
        archive = zipfile.ZipFile(place)
    except BROKEN as error:
        raise ConfigError(f"{path!r} is no zip: {error}; allowed: the zip of an official export") from error
    with archive:
        for member in archive.infolist():
            _check_member(member, path)
        names = frozenset(member.filename for member in archive.infolist() if not member.is_dir())
        yield _checked(Archive(path=path, names=names, read=lambda name: _read_member(archive, name)))


def workspace(archive: Archive) -> Workspace:
    """What the lists of the export say. The team is the one that most people belong to."""
    people = [user for name in USER_LISTS for user in archive.listed(name) if is_text(user.get("id"))]
    teams = Counter(user["team_id"] for user in people if is_text(user.get("team_id")))
    channels: dict[str, Json] = {}
    for name, said in CHANNEL_LISTS.items():
        for channel in archive.listed(name):
            if is_text(channel.get("id")):
                found = channel_fields(channel, **said)
                for folder in (found["name"], found["id"]):
                    channels.setdefault(folder, found)
    return Workspace(
        team=min(teams, key=lambda team: (-teams[team], team), default=UNKNOWN_TEAM),
        channels=channels,
        users={user["id"]: user_fields(user) for user in people},
    )


def is_day(text: str) -> bool:
    """Whether `text` is a day as `YYYY-MM-DD`."""
    try:
        return len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _checked(archive: Archive) -> Archive:
    if not archive.names & set(CHANNEL_LISTS):
        raise ConfigError(
            f"{archive.path!r} is no Slack export: its top level holds none of {', '.join(CHANNEL_LISTS)}; "
            "allowed: the zip of an official export, or its folder"
        )
    return archive


def _check_member(member: zipfile.ZipInfo, path: str) -> None:
    name = member.filename
    if name.startswith("/") or "\\" in name or ":" in name.split("/")[0][:2] or ".." in name.split("/"):
        raise ConfigError(f"{path}: the member {name!r} leads out of the archive; allowed: relative names without '..'")
    if member.flag_bits & 0x1:
        raise ConfigError(f"{path}: the member {name!r} is encrypted; allowed: a zip without a password")
    if member.file_size > MEMBER_BYTES:
        raise ConfigError(f"{path}: the member {name!r} inflates to {member.file_size} bytes; allowed: {MEMBER_BYTES}")
    if member.file_size > RATIO_FROM_BYTES and member.file_size > RATIO * member.compress_size:
        raise ConfigError(
            f"{path}: the member {name!r} inflates from {member.compress_size} to {member.file_size} bytes; "
            f"allowed: {RATIO} times"
        )


def _read_file(place: Path) -> bytes:
    with storage_errors(str(place)):
        return place.read_bytes()


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except BROKEN as error:
        raise DamagedMemberError(str(error)) from error


def _mended(folder: str) -> str:
    """A UTF-8 name that a zip without the UTF-8 flag gave as code page 437."""
    try:
        return folder.encode("cp437").decode()
    except UnicodeError:
        return folder
