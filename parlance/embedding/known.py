"""Vectors that were made before, by chunk id: so that no chunk is embedded twice."""

import tempfile
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from parlance.errors import SchemaError

KEY_BYTES = 16  # an id has twice as many hex digits

Keys = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


class Known:
    """Vectors of `dimension` float32 by chunk id, in a temporary file; in memory are 24 bytes for each."""

    def __init__(self, frames: Iterable[pl.DataFrame], *, dimension: int) -> None:
        """`frames` have the columns id and vector. Of an id that comes twice either vector is taken."""
        self._dimension = dimension
        self._file = tempfile.TemporaryFile(prefix="parlance-known-")  # noqa: SIM115 - closed in __exit__
        try:
            parts = [self._added(frame) for frame in frames if frame.height]
        except BaseException:
            self._file.close()
            raise
        keys = np.concatenate(parts) if parts else np.empty((0, 2), np.uint64)
        self._order = np.argsort(keys[:, 0], kind="stable")
        self._keys = keys[self._order]
        self._file.flush()
        shape = (len(keys), dimension)
        self._vectors = np.memmap(self._file, np.float32, "r", shape=shape) if len(keys) else np.empty(shape, "f4")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, ids: pl.Series) -> tuple[Rows, npt.NDArray[np.float32]]:
        """Which places of `ids` are known, in order, and their vectors: (places, dimension)."""
        wanted = _keys(ids)
        at = np.searchsorted(self._keys[:, 0], wanted[:, 0])
        inside = np.flatnonzero(at < len(self._keys))
        # Two ids with equal first halves: the other one counts as unknown, which costs time and no truth.
        places = inside[(self._keys[at[inside]] == wanted[inside]).all(axis=1)]
        return places, self._vectors[self._order[at[places]]]

    def _added(self, frame: pl.DataFrame) -> Keys:
        vectors = frame["vector"].list.to_array(self._dimension).to_numpy()
        self._file.write(np.ascontiguousarray(vectors, np.float32).data)
        return _keys(frame["id"])


def _keys(ids: pl.Series) -> Keys:
    """Ids as two numbers each: (ids, 2). Raises SchemaError for one that is not 32 hex digits."""
    wrong = ids.filter(~ids.str.contains(rf"^[0-9a-f]{{{2 * KEY_BYTES}}}$"))
    if len(wrong):
        raise SchemaError(f"chunk id {wrong[0]!r} is not {2 * KEY_BYTES} hex digits")
    digits = "".join(ids.to_list())
    return np.frombuffer(bytes.fromhex(digits), ">u8").astype(np.uint64).reshape(-1, 2)
