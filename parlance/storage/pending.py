"""Rows that a long step has made and not committed yet, in shards: after a crash it goes on behind them."""

import hashlib
import io
from collections.abc import Iterator, Sequence

import fsspec
import polars as pl

from parlance.errors import TransientError
from parlance.storage.parts import PARTITION, storage_failures

ENDING = ".parquet"


class Pending:
    """Shards under `root`, a local folder or an fsspec URL, of a step that makes the rows of `partitions`.

    A shard is there whole or not at all. Steps over other partitions may have theirs in the same place.
    Raises TransientError where the storage fails.
    """

    def __init__(self, root: str, partitions: Sequence[str]) -> None:
        self._partitions = set(partitions)
        self._fs, self._root = fsspec.url_to_fs(root)
        self._ours: set[str] = set()

    def add(self, rows: pl.DataFrame) -> None:
        """Writes `rows`, which have a column partition, as one shard."""
        buffer = io.BytesIO()
        rows.write_parquet(buffer)
        content = buffer.getvalue()
        path = f"{self._root}/{hashlib.blake2b(content, digest_size=12).hexdigest()}{ENDING}"
        try:
            self._fs.makedirs(self._root, exist_ok=True)
            # A file is whole when it has its name; an object store has no other way.
            self._fs.pipe_file(f"{path}.part", content)
            self._fs.mv(f"{path}.part", path)
        except storage_failures() as error:
            raise TransientError(f"a shard could not be written to {self._root}: {error}") from error
        self._ours.add(path)

    def rows(self) -> Iterator[pl.DataFrame]:
        """The rows of our partitions, shard by shard."""
        for path, frame in self._shards():
            if set(frame[PARTITION]) <= self._partitions:
                self._ours.add(path)
            yield frame.filter(pl.col(PARTITION).is_in(list(self._partitions)))

    def clear(self) -> None:
        """Removes the shards that hold nothing but our partitions: the step's rows are committed."""
        try:
            for path in sorted(self._ours):
                self._fs.rm_file(path)
        except storage_failures() as error:
            raise TransientError(f"shards in {self._root} could not be removed: {error}") from error
        self._ours.clear()

    def _shards(self) -> Iterator[tuple[str, pl.DataFrame]]:
        try:
            self._fs.invalidate_cache()  # of listings
            if not self._fs.isdir(self._root):
                return
            for path in sorted(self._fs.ls(self._root, detail=False)):
                if path.endswith(ENDING):
                    yield path, pl.read_parquet(io.BytesIO(self._fs.cat_file(path)))
        except storage_failures() as error:
            raise TransientError(f"shards in {self._root} could not be read: {error}") from error
