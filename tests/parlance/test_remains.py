"""What `remains` finds: each place in which a word stands, of now and of before, and no other."""

import datetime as dt
import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance import remains
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.remains import Place, Words, in_lake
from parlance.search.store import COLUMNS, Store
from parlance.storage import Table
from parlance.storage.holdings import holdings
from tests.servers.s3 import s3

WORD = 'Zoë "Z" O\'Neill/42'
SCHEMA = pa.schema(
    [pa.field("id", pa.string()), pa.field("text", pa.large_string()), pa.field("partition", pa.string())]
)
DAYS = ["2026-11-01", "2026-11-02"]


@pytest.fixture(params=["folder", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    if request.param == "folder":
        yield Lake(root=str(tmp_path / "my lake"))
    else:
        with s3("lake"):
            yield Lake(root=f"s3://lake/{tmp_path.name}")  # the bucket outlives its server


def table(lake: Lake, name: str = "tickets/raw") -> Table:
    return Table(uri=f"{lake.root}/{name}", name=name, schema=SCHEMA)


def batch(day: str, *texts: str) -> pa.RecordBatch:
    rows = [{"id": str(number), "text": text, "partition": day} for number, text in enumerate(texts)]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def publish(lake: Lake, version: str, text: str, *, name: str = "report") -> None:
    with lake.files.publish(name, version) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "page.html").write_text(text, encoding="utf-8")


def found(lake: Lake, *words: str) -> dict[tuple[str, bool], tuple[int, str]]:
    return {
        (place.name, place.is_current): (place.count, place.unit) for place in in_lake(lake, Words(words or [WORD]))
    }


def test_a_lake_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert found(Lake(root=str(tmp_path / "none"))) == {}
    assert not (tmp_path / "none").exists()


def test_rows_of_a_table_are_of_now_until_they_are_replaced(lake: Lake) -> None:
    written = table(lake)
    written.replace([batch(DAYS[0], WORD, "nothing", f"by {WORD}"), batch(DAYS[1], WORD)], DAYS)
    table(lake, "tickets/documents").replace([batch(DAYS[0], "nothing")], DAYS)
    assert found(lake) == {("tickets/raw", True): (3, "rows")}
    written.replace([batch(DAYS[0], "nothing")], DAYS[:1])
    assert found(lake) == {("tickets/raw", True): (1, "rows"), ("tickets/raw", False): (2, "rows")}
    written.replace([], DAYS)
    assert found(lake) == {("tickets/raw", False): (3, "rows")}


def test_published_files_are_of_now_while_the_latest_version_has_them(lake: Lake) -> None:
    publish(lake, "1", f"<p>{WORD}</p>")
    assert found(lake) == {("files/report", True): (1, "files")}
    publish(lake, "2", "<p>Zo&euml;</p>")
    assert found(lake) == {("files/report", False): (1, "files")}
    publish(lake, "1", "<p>nothing</p>")  # the version has another content now, and the older one is kept for a day
    assert found(lake) == {("files/report", False): (1, "files")}
    lake.files.make_latest("report", "1")
    assert found(lake) == {("files/report", False): (1, "files")}


def test_what_a_crash_left_is_found(lake: Lake) -> None:
    fs, root = fsspec.url_to_fs(lake.root)
    table(lake).replace([batch(DAYS[0], "nothing")], DAYS)
    half = io.BytesIO()
    pq.write_table(pa.Table.from_batches([batch(DAYS[0], WORD)]), half, compression="none")
    fs.pipe_file(f"{root}/tickets/raw/partition={DAYS[0]}/part-half.parquet", half.getvalue()[:-20])
    fs.makedirs(f"{root}/pending/tickets/raw", exist_ok=True)
    fs.pipe_file(f"{root}/pending/tickets/raw/made", WORD.encode())
    assert found(lake) == {("tickets/raw", False): (1, "files"), ("pending/tickets/raw/made", True): (1, "files")}


def erased(lake: Lake, *words: str, age: dt.timedelta = dt.timedelta(minutes=-5)) -> int:
    return remains.erase(lake, Words(words or [WORD]), written_before=dt.datetime.now(dt.UTC) - age)


def test_only_what_is_of_before_and_has_the_word_is_erased(lake: Lake) -> None:
    written, other = table(lake), table(lake, "tickets/kept")
    for one, text in ((written, WORD), (other, "nothing")):
        one.replace([batch(DAYS[0], text), batch(DAYS[1], text)], DAYS)
        one.replace([batch(DAYS[0], "new")], DAYS[:1])
    now = [one.scan().sort("partition").collect().rows() for one in (written, other)]
    assert erased(lake, age=dt.timedelta(hours=1)) == 0  # somebody may have begun to write it an hour ago
    assert erased(lake) == 1
    assert found(lake) == {("tickets/raw", True): (1, "rows")}
    assert [one.scan().sort("partition").collect().rows() for one in (written, other)] == now
    assert not written.is_whole(1)
    assert [written.is_whole(2), *(other.is_whole(version) for version in range(3))] == [True] * 4
    assert other.scan(version=1).collect().height == 2
    assert erased(lake) == 0


def test_of_what_was_published_the_whole_version_is_erased(lake: Lake) -> None:
    publish(lake, "1", WORD)
    publish(lake, "2", "nothing")
    publish(lake, "3", WORD)
    publish(lake, "3", "other content of the same version")
    for name in ("models/fine_tuned_model", "rights/slack"):
        publish(lake, "1", WORD, name=name)
        publish(lake, "2", "nothing", name=name)
    assert erased(lake) == 2
    assert [lake.files.has("report", version) for version in "123"] == [False, True, True]
    assert (lake.files.folder("report") / "sub" / "page.html").read_text(encoding="utf-8").startswith("other")
    assert found(lake) == {
        (f"files/{name}", False): (1, "files") for name in ("models/fine_tuned_model", "rights/slack")
    }
    publish(lake, "1", "again")
    assert lake.files.has("report", "1")


def test_the_latest_version_cannot_be_erased(lake: Lake) -> None:
    publish(lake, "1", WORD)
    (held,) = holdings(lake.root, lake.files)
    assert held.is_current
    assert held.published is not None
    with pytest.raises(ConfigError, match="'1' of 'report' is its latest version"):
        lake.files.erase("report", *held.published)
    assert erased(lake) == 0
    assert lake.files.has("report", "1")


def test_a_lake_behind_a_link_keeps_what_is_of_now(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    lake = Lake(root=str(tmp_path / "link" / "lake"))
    publish(lake, "1", WORD)
    table(lake).replace([batch(DAYS[0], WORD)], DAYS)
    assert found(lake) == {("files/report", True): (1, "files"), ("tickets/raw", True): (1, "rows")}
    assert erased(lake) == 0


def test_names_of_partitions_that_are_encoded_are_of_now(lake: Lake) -> None:
    names = ["a b%20/ü.jsonl", "c=1&d?"]
    written = table(lake)
    written.replace([batch(name, WORD) for name in names], names)
    assert found(lake) == {("tickets/raw", True): (2, "rows")}
    written.replace([batch(names[0], "new")], names[:1])
    assert erased(lake) == 1
    assert sorted(written.scan().collect()["text"]) == sorted(["new", WORD])


def test_the_index_forgets_what_was_deleted_once_it_is_tidied(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    store = Store(lake.vectors)
    row = {"id": "1", "source": "web", "partition": DAYS[0], "document_id": "d", "start": 0, "end": 1, "text": WORD}
    row |= {"speech_acts": [], "model": "m", "model_version": "1", "fingerprint": 1, "vector": np.ones(4).tolist()}
    schema = pa.schema([*COLUMNS.items(), ("vector", pa.list_(pa.float32()))])
    other = row | {"id": "2", "text": "nothing"}
    store.upsert([pa.RecordBatch.from_pylist([row, other], schema=schema)])
    store.upsert([pa.RecordBatch.from_pylist([other | {"text": "still nothing"}], schema=schema)])
    assert found(lake) == {("vectors", True): (1, "rows")}  # and not once more in the version before
    store.delete(pl.Series("id", ["1"]))
    assert found(lake) == {("vectors", False): (1, "rows")}
    erased(lake)
    assert found(lake) == {}
    assert [frame["id"].to_list() for frame in store.rows(["id"])] == [["2"]]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([WORD]),
        pa.array([WORD.encode()]),
        pa.array([json.dumps({"user": WORD})]),
        pa.array([json.dumps(json.dumps([WORD])).encode()]),
        pa.array([WORD]).dictionary_encode(),
        pa.array([[None, f"by {WORD}"]]),
        pa.array([{"n": 1, "said": [{"by": WORD}]}]),
    ],
    ids=["text", "bytes", "JSON", "JSON in JSON", "categories", "list", "nested"],
)
def test_a_value_has_it_in_any_form(values: pa.Array, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    columns = {"n": [1, 2, 3], "value": pa.chunked_array([values, pa.nulls(2, values.type)]), "other": ["x", None, "y"]}
    pq.write_table(pa.table(columns), path)
    fs = fsspec.filesystem("file")
    assert remains.in_file(fs, str(path), Words([WORD])) == ("rows", 1)
    assert remains.in_file(fs, str(path), Words(["nobody"])) == ("rows", 0)


def test_a_table_of_numbers_has_no_word(tmp_path: Path) -> None:
    pl.DataFrame({"n": [123456], "vector": [[1.0, 2.0]]}).write_parquet(tmp_path / "n.parquet")
    assert remains.in_file(fsspec.filesystem("file"), str(tmp_path / "n.parquet"), Words(["123"])) == ("rows", 0)


def zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first", b"nothing")
        archive.writestr("sub/second", data)
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "is_found"),
    [
        ("a.txt", f"... {WORD} ...".encode(), True),
        ("a.json", json.dumps([WORD]).encode(), True),
        ("a.html", b"Zo\xc3\xab &quot;Z&quot; O&#x27;Neill/42", True),
        ("a.warc.gz", gzip.compress(b"nothing") + gzip.compress(WORD.encode()), True),
        ("a.zip", zipped(WORD.encode()), True),
        ("broken.gz", gzip.compress(WORD.encode())[:-9], True),
        ("none.gz", b"no gzip at all", False),
        ("broken.zip", zipped(WORD.encode())[:60], False),
        ("empty", b"", False),
        ("other.txt", WORD.lower().encode(), False),
    ],
)
def test_a_file_is_unpacked(name: str, data: bytes, is_found: bool, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert remains.in_file(fsspec.filesystem("file"), str(tmp_path / name), Words([WORD])) == ("files", int(is_found))


@given(
    st.binary(max_size=40), st.text("abc", min_size=3, max_size=6), st.integers(1, 9), st.booleans(), st.integers(0, 40)
)
def test_a_word_between_two_reads_is_found(data: bytes, word: str, size: int, is_there: bool, at: int) -> None:
    data = data[:at] + word.encode() + data[at:] if is_there else data
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(remains, "BYTES_AT_ONCE", size)
        assert Words([word]).are_in(io.BytesIO(data).read) == (word.encode() in data)


@pytest.mark.parametrize("word", ["", "ab", " a "])
def test_a_short_word_is_refused(word: str) -> None:
    with pytest.raises(ConfigError, match=f"{word!r} is too short"):
        Words(["long enough", word])


def test_places_are_sorted(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    for name in ("b/raw", "a/raw"):
        table(lake, name).replace([batch(DAYS[0], WORD)], DAYS)
    looked: list[str] = []
    assert list(in_lake(lake, Words([WORD]), looked.append)) == [
        Place(name=name, is_current=True, unit="rows", count=1) for name in ("a/raw", "b/raw")
    ]
    assert looked == ["a/raw", "b/raw", "vectors"]
