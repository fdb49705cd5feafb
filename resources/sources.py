"""Where raw rows come from: one resource for each lane, all with the same two calls."""

import datetime as dt
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import dagster as dg
import fsspec
import pyarrow as pa
from pydantic import Field

from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.sources import dumps, files

Parsed = tuple[pa.RecordBatch, pa.RecordBatch]
Entry = dict[str, Any]

# Files that are about the others.
ABOUT = ("readme", "license", "licence", "notice", "changelog")


class Source(dg.ConfigurableResource, ABC):
    """What a lane reads: `fetch` calls the outside, `raw` gives RAW batches, `documents` makes documents of them."""

    def fetch(self, context: dg.AssetExecutionContext, lake: Lake, partitions: Sequence[str]) -> dict[str, Any]:
        """What must happen before the rows can be read, such as a crawl; gives metadata for the UI."""
        return {}

    def ignored(self) -> list[str]:
        """Names of what lies in the source and is none of its partitions."""
        return []

    def arrivals(self) -> list[dt.datetime]:
        """When what lies in the source came, where the source itself knows."""
        return []

    def changed_at(self) -> dt.datetime | None:
        """When the one input that all partitions are read from was last changed; null where there is no such input."""
        return None

    @abstractmethod
    def raw(self, lake: Lake, partitions: Sequence[str], *, first: str) -> Iterator[pa.RecordBatch]:
        """The rows of `partitions`; `first` is the lane's first partition."""

    @abstractmethod
    def documents(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Parsed]:
        """Documents and ledger of RAW batches."""


class Dumps(Source):
    """An inbox of dumps: each file, manifest (`.paths`) or folder of files in it is one partition of its name."""

    folder: str = Field(description="The inbox: a folder or a prefix such as s3://bucket/dumps.")

    def names(self) -> dict[str, str]:
        """Name of every dump that can be read, with a mark that changes when the dump changes (size and time)."""
        return {name: _mark(found) for name, found in self._entries().items() if _is_dump(found)}

    def ignored(self) -> list[str]:
        """Names of what else lies in the inbox: no file name that a known format has."""
        return [name for name, found in self._entries().items() if not _is_dump(found)]

    def arrivals(self) -> list[dt.datetime]:
        """The newest file of each dump."""
        return sorted(max(map(_written_at, found)) for found in self._entries().values() if _is_dump(found))

    def _entries(self) -> dict[str, list[Entry]]:
        """The files of each entry of the inbox by the entry's name."""
        fs, inbox = fsspec.url_to_fs(self.folder)
        fs.invalidate_cache()
        if not fs.isdir(inbox):
            raise ConfigError(f"the dumps folder {self.folder} does not exist")
        entries: dict[str, list[Entry]] = {}
        for path, entry in sorted(fs.find(inbox, detail=True).items()):
            parts = PurePosixPath(path).relative_to(inbox).parts
            is_about = parts[-1].lower().startswith(ABOUT)
            if not is_about and not any(part.startswith((".", "_")) for part in parts):
                entries.setdefault(parts[0], []).append(entry)
        return entries

    def raw(self, lake: Lake, partitions: Sequence[str], *, first: str) -> Iterator[pa.RecordBatch]:
        """The records of the dumps, one after the other."""
        for name in partitions:
            yield from dumps.raw(f"{self.folder.rstrip('/')}/{name}", partition=name)

    def documents(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Parsed]:
        yield from dumps.documents(batches)


def _is_dump(entries: Sequence[Entry]) -> bool:
    """Whether any of the files has a name that a known format has; the others are told when they are read."""
    suffixes = (*files.MANIFESTS, *(suffix for format in dumps.FORMATS.values() for suffix in format.suffixes))
    return any(str(entry["name"]).lower().endswith(suffixes) for entry in entries)


def _written_at(entry: Entry) -> dt.datetime:
    """When a file was written: local stores say it in seconds, others as a time."""
    at = entry.get("mtime") or entry.get("LastModified") or 0
    return at.astimezone(dt.UTC) if isinstance(at, dt.datetime) else dt.datetime.fromtimestamp(at, dt.UTC)


def _mark(entries: Sequence[Entry]) -> str:
    marks = [
        f"{entry['size']}:{entry.get('ETag') or entry.get('mtime') or entry.get('LastModified')}" for entry in entries
    ]
    return marks[0] if len(marks) == 1 else hashlib.sha256("\n".join(marks).encode()).hexdigest()[:16]
