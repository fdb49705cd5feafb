"""Files on this machine or behind a URL that fsspec knows, read forward or at any position.

What the network does wrong is a TransientError from here on; so an OSError that a decoder above raises is about
the data.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from fsspec.core import url_to_fs

from parlance.errors import ConfigError, ParlanceError, TransientError

BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class File:
    """One file: where it is, and the name that its rows carry as their shard."""

    filesystem: Any
    path: str
    name: str


def expand(path: str) -> list[File]:
    """The file at `path`, or the files below a folder in the order of their names.

    Names that start with `.` or `_` are left out: so systems call what they keep beside the data. A file here is
    named relative to the folder, one elsewhere by its URL without user, password and query.

    Raises ConfigError where nothing is at `path`, TransientError where the storage does not answer.
    """
    if not path:
        raise ConfigError(f"no file or folder at {path!r}; allowed: a local path, s3://, http:// or https://")
    filesystem, root = _filesystem(path)
    if _is_web(path):
        return [File(filesystem=filesystem, path=root, name=_public(path))]
    with storage_errors(path):
        filesystem.invalidate_cache()
        if not filesystem.exists(root):
            raise ConfigError(f"no file or folder at {path!r}")
        if filesystem.isfile(root):
            return [File(filesystem=filesystem, path=root, name=_name(path, root, below=None))]
        found = sorted(found for found in filesystem.find(root) if not _is_hidden(found[len(root) :]))
    if not found:
        raise ConfigError(f"no files in the folder {path!r}; allowed: at least one")
    return [File(filesystem=filesystem, path=one, name=_name(path, one, below=root)) for one in found]


@contextmanager
def opened(file: File) -> Iterator[BinaryIO]:
    """`file` for reading bytes; seekable unless it comes from a web server that knows no ranges."""
    with storage_errors(file.name):
        inner = file.filesystem.open(file.path, "rb")
    with inner, io.BufferedReader(_Guarded(inner, file.name), BUFFER_BYTES) as stream:
        yield stream


@contextmanager
def storage_errors(name: str) -> Iterator[None]:
    """What the storage raises about `name`, as ConfigError or TransientError."""
    try:
        yield
    except ParlanceError:
        raise
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        # fsspec calls every answer but 200 a missing file, a server that is down as well.
        if isinstance(error.__cause__, _network_errors(name)):
            raise _sorted_out(error.__cause__, name) from error
        raise ConfigError(
            f"cannot read {name!r}: {error}; allowed: a file or folder that this user may read"
        ) from error
    except _network_errors(name) as error:
        raise _sorted_out(error, name) from error


class _Guarded(io.RawIOBase):
    """The bytes of `inner`, with the storage's errors sorted out."""

    def __init__(self, inner: Any, name: str) -> None:
        self._inner = inner
        self._name = name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._inner.seekable())

    def readinto(self, buffer: Any, /) -> int:
        with storage_errors(self._name):
            data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return int(self._inner.seek(offset, whence))

    def tell(self) -> int:
        return int(self._inner.tell())


def _filesystem(path: str) -> tuple[Any, str]:
    try:
        filesystem, root = url_to_fs(path)
    except (ValueError, ImportError) as error:
        raise ConfigError(
            f"cannot read {path!r}: {error}; allowed: a local path, s3://, http:// or https://"
        ) from error
    return filesystem, str(root)


def _is_web(path: str) -> bool:
    return urlsplit(path).scheme in ("http", "https")


def _name(path: str, found: str, *, below: str | None) -> str:
    parts = urlsplit(path)
    if parts.scheme and parts.netloc:
        return _public(path) if below is None else _public(path).rstrip("/") + found[len(below.rstrip("/")) :]
    return found.rsplit("/", 1)[-1] if below is None else found[len(below) :].lstrip("/")


def _public(url: str) -> str:
    """`url` without what may be secret: user and password, and the query, where signatures stand."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in path.strip("/").split("/"))


def _network_errors(name: str) -> tuple[type[BaseException], ...]:
    """OSError, and what the clients raise that is none."""
    match urlsplit(name).scheme:
        case "http" | "https":
            import aiohttp

            return (OSError, aiohttp.ClientError)
        case "s3" | "s3a":
            from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

            return (OSError, BotoCoreError, ClientError)
        case _:
            return (OSError,)


def _sorted_out(error: BaseException, name: str) -> ParlanceError:
    """ConfigError for what a retry cannot help: no credentials, or a refusal by the web server."""
    status = getattr(error, "status", None)
    refused = isinstance(status, int) and 400 <= status < 500 and status not in (408, 429)
    if refused or type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        return ConfigError(f"cannot read {_public(name)!r}: {error}")
    return TransientError(f"reading {_public(name)!r} failed: {type(error).__name__}: {error}")
