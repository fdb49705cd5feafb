"""A store of a few chunks."""

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from parlance import embedding, search
from parlance.search.store import COLUMNS, fingerprint

DAY = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
# Source, text, channel, language, days after the first, speech acts.
CHUNKS = [
    ("slack", "How do I reset my password?", "help", "en", 0, ["question"]),
    ("slack", "The printer is broken again.", "help", "en", 1, ["representative"]),
    ("slack", "Lunch is at noon, please be there.", "random", "en", 2, ["representative", "directive"]),
    ("o'web", "Cats sleep most of the day.", None, "en", None, ["representative"]),
    ("o'web", "A guide to forgotten passwords.", None, None, 3, []),
]


class Chunks:
    """Makes batches of rows for a store."""

    def __call__(
        self, rows: Sequence[tuple[str, str, str | None, str | None, int | None, list[str]]] = CHUNKS, **columns: object
    ) -> list[pa.RecordBatch]:
        names = ["source", "text", "channel", "language", "days", "speech_acts"]
        types = [pl.String, pl.String, pl.String, pl.String, pl.Int64, pl.List(pl.String)]
        frame = pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")
        return self.of(frame, columns)

    def texts(self, *texts: str, **columns: object) -> list[pa.RecordBatch]:
        return self([("web", text, None, "en", 0, []) for text in texts], **columns)

    def numbered(self, rows: int, *, dimension: int = 16, seed: int = 1) -> list[pa.RecordBatch]:
        """Rows whose vectors point anywhere."""
        vectors = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        frame = pl.DataFrame({"source": "web", "text": [f"Number {row}" for row in range(rows)]}).with_columns(
            channel=pl.lit(None, pl.String),
            language=pl.lit("en"),
            days=pl.lit(0),
            speech_acts=pl.lit([], pl.List(pl.String)),
        )
        return self.of(frame, {}, pl.Series(vectors))

    def of(
        self, frame: pl.DataFrame, columns: Mapping[str, object], vectors: pl.Series | None = None
    ) -> list[pa.RecordBatch]:
        made = frame.with_columns(
            id="c" + pl.col("text"),
            partition=pl.lit("2026-11-02"),
            document_id="d" + pl.col("text"),
            start=pl.lit(0, pl.Int32),
            end=pl.col("text").str.len_chars().cast(pl.Int32),
            url=pl.lit(None, pl.String),
            created_at=pl.lit(DAY).dt.cast_time_unit("us") + pl.duration(days="days"),
            model=pl.lit("minilm"),
            model_version=pl.lit("1"),
            vector=pl.Series(embedding.embed(frame["text"])) if vectors is None else vectors,
        ).with_columns(**{name: pl.lit(value) for name, value in columns.items()})
        rows = made.with_columns(fingerprint=fingerprint()).select(*COLUMNS, "vector")
        return rows.to_arrow().to_batches(max_chunksize=2 if vectors is None else None)


@pytest.fixture(scope="session")
def chunks() -> Chunks:
    return Chunks()


@pytest.fixture(scope="session")
def index(chunks: Chunks, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that nobody changes."""
    uri = str(tmp_path_factory.mktemp("vectors"))
    store = search.Store(uri)
    assert store.upsert(chunks()) == len(CHUNKS)
    store.tidy()
    return uri
