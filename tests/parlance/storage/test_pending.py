"""Shards on a local folder; on an object store: test_s3_vectors."""

from pathlib import Path

import polars as pl
import pytest

from parlance.errors import TransientError
from parlance.storage import Pending


def test_a_torn_shard_is_no_shard(tmp_path: Path) -> None:
    pending = Pending(str(tmp_path / "shards"), ["a"])
    pending.add(pl.DataFrame({"id": ["1"], "partition": ["a"]}))
    (whole,) = (tmp_path / "shards").iterdir()
    (tmp_path / "shards" / f"{whole.name}.part").write_bytes(whole.read_bytes()[:20])
    assert [frame["id"].to_list() for frame in Pending(str(tmp_path / "shards"), ["a"]).rows()] == [["1"]]


def test_a_storage_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "shards").write_text("no folder")
    with pytest.raises(TransientError, match="a shard could not be written to"):
        Pending(str(tmp_path / "shards"), ["a"]).add(pl.DataFrame({"id": ["1"], "partition": ["a"]}))
