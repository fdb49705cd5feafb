from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance import embedding, schemas, search
from parlance.errors import ConfigError, SchemaError

TEXTS = {
    "slack": ["How do I reset my password?", "The printer is broken again.", "Lunch is at noon."],
    "o'web": ["Cats sleep most of the day.", "A guide to forgotten passwords."],
}


def batches(texts: dict[str, list[str]] = TEXTS, *, model: str = "minilm") -> list[pa.RecordBatch]:
    rows = [(source, text) for source, own in texts.items() for text in own]
    frame = pl.DataFrame(rows, schema={"source": pl.String, "text": pl.String}, orient="row").with_columns(
        id=pl.format("c{}", pl.int_range(pl.len())),
        document_id=pl.format("d{}", pl.int_range(pl.len())),
        start=pl.lit(0),
        end=pl.col("text").str.len_chars().cast(pl.Int32),
        model=pl.lit(model),
        partition=pl.lit("2026-11-01"),
        vector=pl.Series(embedding.embed(pl.Series([text for _, text in rows], dtype=pl.String))).arr.to_list(),
    )
    table = frame.select(schemas.EMBEDDINGS.names).to_arrow()
    return [
        schemas.conform(batch, schemas.EMBEDDINGS, table="embeddings") for batch in table.to_batches(max_chunksize=2)
    ]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    uri = str(tmp_path_factory.mktemp("vectors"))
    assert search.build(iter(batches()), uri) == 5
    return uri


def test_the_nearest_chunk_comes_first(index: str) -> None:
    found = search.search(index, "I forgot my password", k=3)
    assert found.schema == pl.Schema(search.HITS)
    assert found["rank"].to_list() == [1, 2, 3]
    assert found["score"].is_sorted(descending=True)
    assert set(found["text"][:2]) == {TEXTS["slack"][0], TEXTS["o'web"][1]}
    assert found.row(0, named=True)["end"] == len(found["text"][0])


def test_score_is_the_cosine(index: str) -> None:
    query = "Where is my lunch?"
    found = search.search(index, query)
    vectors = embedding.embed(found["text"])
    expected = vectors @ embedding.embed(pl.Series([query]))[0]
    assert found["score"].to_list() == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize(("k", "found"), [(1, 1), (5, 5), (search.MAX_K, 5)])
def test_k_bounds_what_is_found(index: str, k: int, found: int) -> None:
    assert len(search.search(index, "anything", k=k)) == found


@pytest.mark.parametrize("k", [0, -1, search.MAX_K + 1])
def test_k_out_of_range_is_refused(index: str, k: int) -> None:
    with pytest.raises(ConfigError, match=f"k {k} is out of range; 1 to 1000"):
        search.search(index, "anything", k=k)


@pytest.mark.parametrize(("source", "count"), [("slack", 3), ("o'web", 2), ("none", 0), ("", 0)])
def test_source_keeps_to_one(index: str, source: str, count: int) -> None:
    assert search.search(index, "anything", source=source)["source"].to_list() == [source] * count


@settings(deadline=None, max_examples=40)
@given(
    source=st.one_of(
        st.text(),
        st.sampled_from(["' OR '1'='1", "slack' --", "slack\\' OR 1=1", "''", "'; DROP TABLE chunks", '"slack"']),
    )
)
def test_source_cannot_inject(index: str, source: str) -> None:
    assert set(search.search(index, "anything", source=source)["source"]) <= {source}


@pytest.mark.parametrize("query", ["", " \n"])
def test_a_blank_query_is_refused(index: str, query: str) -> None:
    with pytest.raises(ConfigError, match="the query is blank"):
        search.search(index, query)


def test_a_missing_index_says_how_to_build_it(index: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no vector index 'chunks' at .*build it with parlance\.search\.build"):
        search.search(str(tmp_path / "none"), "anything")
    assert not (tmp_path / "none").exists()
    with pytest.raises(ConfigError, match="no vector index 'other'"):
        search.search(index, "anything", table="other")


def test_building_again_replaces_and_removes(tmp_path: Path) -> None:
    uri = str(tmp_path)
    search.build(batches({"slack": ["The secret word is xylophone."]}), uri)
    assert search.build(batches({"slack": ["Nothing to see here."]}), uri) == 1
    assert search.search(uri, "xylophone")["text"].to_list() == ["Nothing to see here."]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"xylophone" in path.read_bytes()]


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    assert search.build([], str(tmp_path)) == 0
    assert search.search(str(tmp_path), "anything").is_empty()
    assert search.build(batches()[:1], str(tmp_path)) == 2


def broken() -> Iterator[pa.RecordBatch]:
    yield from batches()
    raise SchemaError("the lake broke")


def other_length() -> list[pa.RecordBatch]:
    short = pl.DataFrame(batches()[0]).with_columns(pl.col("vector").list.head(8))
    return [*batches(), *short.to_arrow().to_batches()]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (broken, SchemaError, "the lake broke"),
        (lambda: [*batches(), *batches(model="other")], ConfigError, r"several models \['minilm', 'other'\]"),
        (other_length, SchemaError, "does not fit the index"),
        (lambda: [batch.drop_columns(["text"]) for batch in batches()], SchemaError, r"lack the columns \['text'\]"),
    ],
    ids=["source breaks", "two models", "two lengths", "no text"],
)
def test_a_failed_build_leaves_the_old_index(
    make: object, error: type[Exception], message: str, tmp_path: Path
) -> None:
    search.build(batches(), str(tmp_path))
    with pytest.raises(error, match=message):
        search.build(make(), str(tmp_path))  # type: ignore[operator]
    assert len(search.search(str(tmp_path), "anything")) == 5


def test_many_rows_get_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import lancedb

    words = [f"{number} {noun}" for noun in ("apples", "engines", "emperors", "oceans") for number in range(80)]
    rows = batches({"web": words})
    search.build(rows, str(tmp_path))
    exact = search.search(str(tmp_path), "ships at sea", k=5)
    assert lancedb.connect(tmp_path).open_table("chunks").list_indices() == []
    monkeypatch.setattr(search, "EXACT_ROWS", len(words))
    search.build(rows, str(tmp_path))
    assert [index.index_type for index in lancedb.connect(tmp_path).open_table("chunks").list_indices()] == ["IvfSq"]
    assert search.search(str(tmp_path), "ships at sea", k=5)["text"].to_list() == exact["text"].to_list()


def test_command_prints_a_table(index: str, capsys: pytest.CaptureFixture[str]) -> None:
    search.main([index, "forgotten password", "--k", "2", "--source", "o'web"])
    printed = capsys.readouterr().out
    assert "A guide to forgotten passwords." in printed
    assert "printer" not in printed


def test_command_ends_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"parlance\.search: no vector index"):
        search.main([str(tmp_path / "none"), "anything"])
