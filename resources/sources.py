"""Where raw rows come from: one resource for each lane, all with the same two calls."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

import dagster as dg
import fsspec
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from parlance.errors import ConfigError
from parlance.sources import dumps, slack

Parsed = tuple[pa.RecordBatch, pa.RecordBatch]


class Source(dg.ConfigurableResource, ABC):
    """What a lane reads. `raw` gives RAW batches of partitions, `documents` makes documents and a ledger of them."""

    @abstractmethod
    def raw(self, partitions: Sequence[str], *, first: str) -> Iterator[pa.RecordBatch]:
        """The rows of `partitions`; `first` is the lane's first partition."""

    @abstractmethod
    def documents(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Parsed]:
        """Documents and ledger of RAW batches."""


class SlackExport(Source):
    """An official Slack export; its partitions are days."""

    path: str = Field(description="The export: a zip file or the folder it unpacks to.")

    def raw(self, partitions: Sequence[str], *, first: str) -> Iterator[pa.RecordBatch]:
        """Messages of the days. A thread whose root is older than the first day stands in the first day."""
        if not self.path:
            raise ConfigError("no Slack export is set: name one by PARLANCE_SLACK_EXPORT")
        days = slack.days(self.path)
        if not days:
            raise ConfigError(f"{self.path} holds no messages: an export has files <channel>/<YYYY-MM-DD>.json")
        for batch in slack.raw(self.path, first=partitions[0], last=partitions[-1]):
            column = pc.max_element_wise(batch["document_partition"], pa.scalar(first))
            yield batch.set_column(batch.schema.get_field_index("document_partition"), "document_partition", column)

    def documents(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Parsed]:
        yield from slack.documents(batches)


class Dumps(Source):
    """A folder of dump files: each file (or folder) in it is one partition, named by its name."""

    folder: str = Field(description="The inbox: a folder or a prefix such as s3://bucket/dumps.")

    def names(self) -> dict[str, str]:
        """Name of every dump that can be read, with a mark that changes when the dump changes (size and time)."""
        return {name: _mark(entry) for name, entry in self._entries().items() if _is_dump(name)}

    def ignored(self) -> list[str]:
        """Names of what else lies in the folder: no file name that a known format has."""
        return [name for name in self._entries() if not _is_dump(name)]

    def _entries(self) -> dict[str, dict[str, object]]:
        fs, folder = fsspec.url_to_fs(self.folder)
        fs.invalidate_cache()
        if not fs.isdir(folder):
            raise ConfigError(f"the dumps folder {self.folder} does not exist")
        named = {PurePosixPath(entry["name"]).name: entry for entry in fs.ls(folder, detail=True)}
        return {name: named[name] for name in sorted(named) if not name.startswith(".")}

    def raw(self, partitions: Sequence[str], *, first: str) -> Iterator[pa.RecordBatch]:
        """The records of the dumps, one after the other."""
        for name in partitions:
            yield from dumps.raw(f"{self.folder.rstrip('/')}/{name}", partition=name)

    def documents(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Parsed]:
        yield from dumps.documents(batches)


def _is_dump(name: str) -> bool:
    return any(name.lower().endswith(format.suffixes) for format in dumps.FORMATS.values())


def _mark(entry: dict[str, object]) -> str:
    changed = entry.get("ETag") or entry.get("mtime") or entry.get("LastModified")
    return f"{entry['size']}:{changed}"
