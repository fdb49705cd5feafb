"""Files on this machine or behind a URL that fsspec knows, read forward or at any position.

What the network does wrong is a TransientError from here on; so an OSError that a decoder above raises is about
the data.
"""

import io
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileOpener
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from parlance.errors import ConfigError, ParlanceError, TransientError
from parlance.sources.compression import inflated

BUFFER_BYTES = 1024 * 1024
# At most one request a second to a host that fails, as Common Crawl asks for.
AGAIN = Retrying(
    retry=retry_if_exception_type(TransientError),
    stop=stop_after_attempt(4),
    wait=wait_exponential(multiplier=1, min=1, max=30),
    reraise=True,
)
MANIFESTS = (".paths", ".paths.gz")


@dataclass(frozen=True, kw_only=True)
class File:
    """One file: where it is, and the name that its rows carry as their shard."""

    filesystem: Any
    path: str
    name: str
    ranges: tuple[tuple[int, int], ...] = ()


def at(path: str) -> File:
    """The file at `path` itself, a manifest too. Nothing is asked yet."""
    filesystem, root = _filesystem(path)
    return File(filesystem=filesystem, path=root, name=_public(path) if _is_web(path) else path)


def _is_manifest(path: str) -> bool:
    return urlsplit(path).path.lower().endswith(MANIFESTS)


def _listed(manifest: File, at: str) -> Iterator[File]:
    """The files that a manifest lists, each as `expand` gives it.

    A line is a path or a URL; a relative one is taken from the manifest's folder, or from what a comment
    `# base: https://data.commoncrawl.org/` names. Lines of `URL offset length` are ranges of one file, as long as they
    follow each other.
    """
    base = at.rsplit("/", 1)[0] + "/" if "/" in at else ""
    ranges: list[tuple[int, int]] = []
    last = ""
    for number, line in enumerate(_manifest_lines(manifest), start=1):
        text = line.strip()
        if text.startswith("#"):
            name, _, value = text.lstrip("# ").partition(":")
            base = value.strip().rstrip("/") + "/" if name.strip() == "base" else base
        if not text or text.startswith("#"):
            continue
        path, *span = text.split()
        if len(span) not in (0, 2) or not all(part.isdecimal() for part in span) or _is_manifest(path):
            raise ConfigError(
                f"{manifest.name}: line {number} is {text[:200]!r}; allowed: a path or URL, also with offset and length"
            )
        place = path if urlsplit(path).scheme or path.startswith("/") else base + path
        if ranges and (place != last or not span):
            yield _with_ranges(last, ranges)
            ranges = []
        last = place
        if span:
            ranges.append((int(span[0]), int(span[1])))
        else:
            yield from expand(place)
    if ranges:
        yield _with_ranges(last, ranges)


def _manifest_lines(manifest: File) -> Iterator[str]:
    with opened(manifest) as stream:
        is_packed = manifest.path.lower().endswith(".gz")
        for line in inflated(stream, "gzip") if is_packed else stream:
            yield line.decode("utf-8", "replace")


def _with_ranges(path: str, ranges: list[tuple[int, int]]) -> File:
    """One file of which only the ranges are read, neighbours together."""
    (file,) = expand(path)
    merged: list[tuple[int, int]] = []
    for offset, length in sorted(set(ranges)):
        if merged and offset <= sum(merged[-1]):
            start = merged[-1][0]
            merged[-1] = (start, max(sum(merged[-1]), offset + length) - start)
        else:
            merged.append((offset, length))
    return replace(file, ranges=tuple(merged))


def expand(path: str) -> list[File]:
    """The file at `path`, the files that a manifest (`.paths`) lists, or those below a folder by their names.

    Names that start with `.` or `_` are left out: so systems call what they keep beside the data. A file here is
    named relative to the folder, one elsewhere by its URL without user, password and query.

    Raises ConfigError where nothing is at `path`, TransientError where the storage does not answer.
    """
    if not path:
        raise ConfigError(f"no file or folder at {path!r}; allowed: a local path, s3://, http:// or https://")
    filesystem, root = _filesystem(path)
    if _is_web(path):
        file = File(filesystem=filesystem, path=root, name=_public(path))
        return list(_listed(file, path)) if _is_manifest(path) else [file]
    with storage_errors(path):
        filesystem.invalidate_cache()
        if not filesystem.exists(root):
            raise ConfigError(f"no file or folder at {path!r}")
        if filesystem.isfile(root):
            file = File(filesystem=filesystem, path=root, name=_name(path, root, below=None))
            return list(_listed(file, path)) if _is_manifest(path) else [file]
        found = sorted(found for found in filesystem.find(root) if not _is_hidden(found[len(root) :]))
    if not found:
        raise ConfigError(f"no files in the folder {path!r}; allowed: at least one")
    return [File(filesystem=filesystem, path=one, name=_name(path, one, below=root)) for one in found]


@contextmanager
def opened(file: File) -> Iterator[BinaryIO]:
    """`file` for reading bytes; seekable unless it comes from a web server that knows no ranges."""
    inner = AGAIN(_opened, file)
    source = _Guarded(inner, file.name)
    with inner, io.BufferedReader(_Spans(source, file) if file.ranges else source, BUFFER_BYTES) as stream:
        yield stream


def places(file: File) -> Callable[[int], int]:
    """Where in the whole file a byte stands, by its position in what `opened` gives: the two differ in ranges.

    >>> place = places(File(filesystem=None, path="a", name="a", ranges=((100, 5), (200, 5))))
    >>> [place(position) for position in (0, 4, 5, 9, 10)]
    [100, 104, 200, 204, 205]
    """
    if not file.ranges:
        return lambda position: position
    offsets = [offset for offset, _ in file.ranges]
    starts = list(accumulate((length for _, length in file.ranges[:-1]), initial=0))

    def place(position: int) -> int:
        number = bisect_right(starts, position) - 1
        return offsets[number] + position - starts[number]

    return place


def _opened(file: File) -> Any:
    with storage_errors(file.name):
        return file.filesystem.open(file.path, "rb")


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
    """The bytes of `inner`, with the storage's errors sorted out.

    Where the network fails in the middle, reading goes on from the byte that was reached, if the server gives ranges.
    """

    def __init__(self, inner: Any, name: str) -> None:
        self._inner = inner
        self._name = name
        self._size = getattr(inner, "size", None) if inner.seekable() else None
        # No network can fail there, and a copy less is a tenth of the time of reading.
        self._reads_into = isinstance(inner, LocalFileOpener)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._inner.seekable())

    def readinto(self, buffer: Any, /) -> int:
        if self._reads_into:
            with storage_errors(self._name):
                return int(self._inner.readinto(buffer))
        if not self._inner.seekable():
            with storage_errors(self._name):
                data = self._inner.read(len(buffer))
        else:
            at = self._inner.tell()
            data = AGAIN(self._read, at, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read(self, at: int, size: int) -> bytes:
        """Bytes from `at` on; raises TransientError where there are fewer than the file has."""
        with storage_errors(self._name):
            self._inner.seek(at)
            data: bytes = self._inner.read(size)
        expected = size if self._size is None else min(size, max(0, self._size - at))
        if self._size is not None and len(data) < expected:
            raise TransientError(f"reading {_public(self._name)!r} failed: {len(data)} of {expected} bytes at {at}")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return int(self._inner.seek(offset, whence))

    def tell(self) -> int:
        return int(self._inner.tell())


class _Spans(io.RawIOBase):
    """The ranges of `file`, one after the other as one stream. Raises ConfigError where they are not to be had."""

    def __init__(self, inner: io.RawIOBase, file: File) -> None:
        if not inner.seekable():
            raise ConfigError("ranges of a file need a server that gives ranges")
        self._inner, self._name, self._ranges, self._left = inner, file.name, list(file.ranges), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._left and self._ranges:
            offset, self._left = self._ranges.pop(0)
            self._inner.seek(offset)
        data = self._inner.read(min(len(buffer), self._left)) or b""
        if self._left and not data:
            raise ConfigError(f"a range of {self._name!r} goes {self._left} bytes beyond the end of the file")
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


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
