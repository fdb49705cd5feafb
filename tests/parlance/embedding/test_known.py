import hashlib

import numpy as np
import polars as pl
import pytest

from parlance.embedding.known import Known
from parlance.errors import SchemaError


def frame(*names: int) -> pl.DataFrame:
    ids = [hashlib.blake2b(str(name).encode(), digest_size=16).hexdigest() for name in names]
    vectors = [[float(name), float(-name)] for name in names]
    return pl.DataFrame({"id": ids, "vector": vectors}, schema={"id": pl.String, "vector": pl.List(pl.Float32)})


def test_vectors_are_found_by_id_and_others_are_not() -> None:
    with Known([frame(*range(100)), frame(), frame(*range(100, 150))], dimension=2) as known:
        assert len(known) == 150
        places, vectors = known.find(frame(149, 1000, 3, 2000, 0)["id"])
        assert places.tolist() == [0, 2, 4]
        assert vectors.tolist() == [[149, -149], [3, -3], [0, 0]]
        assert vectors.dtype == np.float32


def test_halves_of_an_id_are_not_the_id() -> None:
    known_id = frame(1)["id"][0]
    with Known([frame(1)], dimension=2) as known:
        for other in (known_id[:16] + "0" * 16, "0" * 16 + known_id[16:]):
            assert known.find(pl.Series([other]))[0].size == 0


def test_nothing_known_and_nothing_asked() -> None:
    with Known([], dimension=2) as known:
        assert known.find(frame(1)["id"])[0].size == 0
        assert known.find(frame()["id"])[1].shape == (0, 2)


def test_other_ids_are_named() -> None:
    with pytest.raises(SchemaError, match="chunk id 'c1' is not 32 hex digits"):
        Known([pl.DataFrame({"id": ["c1"], "vector": [[1.0, 2.0]]})], dimension=2)
