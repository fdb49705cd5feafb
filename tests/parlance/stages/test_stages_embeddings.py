"""No chunk is embedded twice: not in a second materialisation, not after an edit, not after a crash."""

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from parlance import embedding, schemas
from parlance.embedding import encoder
from parlance.lake import Lake
from parlance.stages import embeddings as stages
from parlance.stages.embeddings import write_embeddings

DAYS = ["2026-11-02", "2026-11-03"]
TALK = [
    " ".join(f"Pump {pump} of line {line} was taken apart and cleaned on Tuesday." for pump in range(40))
    for line in range(3)
]


def keep(lake: Lake, texts: dict[str, str], day: str = DAYS[0]) -> None:
    """Makes `texts`, by document id, the kept documents of a day."""
    counts = {"masked": 0, "removed_lines": 0, "removed_characters": 0}
    rows = [
        {"id": name, "source": "slack", "text": text, "raw_ids": [name], "partition": day} | counts
        for name, text in texts.items()
    ]
    lake.table("slack/kept").replace([pa.RecordBatch.from_pylist(rows, schema=schemas.KEPT)], [day])


class Counting:
    """The encoder, which notes what it is given and fails when it has done `most` calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts: list[str] = []
        self.calls_left = 1000
        self._embed = encoder.embed
        monkeypatch.setattr(encoder, "embed", self)

    def __call__(self, texts: pl.Series, **settings: object) -> np.ndarray:
        if not self.calls_left:
            raise MemoryError("planted crash")
        self.calls_left -= 1
        self.texts += texts.to_list()
        return self._embed(texts, **settings)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setattr(stages, "CHUNKS_AT_ONCE", 2)
    return Counting(monkeypatch)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(root=str(tmp_path))
    keep(made, {f"d{number}": text for number, text in enumerate(TALK)})
    keep(made, {"other": "A document of another day."}, DAYS[1])
    return made


def rows(lake: Lake) -> pl.DataFrame:
    return lake.table("slack/embeddings").scan().sort("id").collect()


def shards(lake: Lake) -> list[Path]:
    return [path for path in Path(lake.root, "pending").rglob("*") if path.is_file()]


def test_a_second_materialisation_embeds_nothing(lake: Lake, counting: Counting) -> None:
    first = write_embeddings(lake, "slack", "minilm", DAYS)
    before = rows(lake)
    assert (first.chunks, first.reused, first.hit_rate) == (len(before), 0, 0.0)
    assert sorted(counting.texts) == sorted(before["text"])
    assert np.allclose(before["vector"].to_list(), embedding.embed(before["text"]), atol=1e-2)
    counting.texts.clear()
    again = write_embeddings(lake, "slack", "minilm", DAYS)
    assert (again.reused, again.hit_rate, counting.texts) == (first.chunks, 1.0, [])
    assert_frame_equal(rows(lake), before)


def test_an_edited_document_embeds_its_changed_chunks_alone(lake: Lake, counting: Counting) -> None:
    write_embeddings(lake, "slack", "minilm", DAYS)
    before = rows(lake)
    counting.texts.clear()
    edited = "A new beginning. " + TALK[2].replace("Tuesday", "Friday and Saturday", 1)
    keep(lake, {f"d{number}": text for number, text in enumerate(TALK)} | {"d2": edited})
    done = write_embeddings(lake, "slack", "minilm", DAYS)
    changed = set(rows(lake)["text"]) - set(before["text"])
    assert set(counting.texts) == changed
    assert 0 < len(counting.texts) <= before.filter(document_id="d2").height / 2
    assert done.chunks - done.reused == len(counting.texts)


def test_a_day_is_embedded_beside_another(lake: Lake, counting: Counting) -> None:
    write_embeddings(lake, "slack", "minilm", DAYS[:1])
    counting.texts.clear()
    assert write_embeddings(lake, "slack", "minilm", DAYS[1:]).reused == 0
    assert counting.texts == ["A document of another day."]
    assert set(rows(lake)["partition"]) == set(DAYS)


def test_another_version_of_the_model_embeds_anew(
    lake: Lake, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_embeddings(lake, "slack", "minilm", DAYS)
    monkeypatch.setattr(embedding, "version", lambda model: "0123456789ab")
    assert write_embeddings(lake, "slack", "minilm", DAYS).reused == 0
    assert len(counting.texts) == 2 * first.chunks
    assert rows(lake)["model_version"].unique().to_list() == ["0123456789ab"]


def test_after_a_crash_it_goes_on_where_it_was(lake: Lake, counting: Counting) -> None:
    counting.calls_left = 3
    with pytest.raises(MemoryError, match="planted"):
        write_embeddings(lake, "slack", "minilm", DAYS, shard_s=0)
    assert rows(lake).is_empty()
    assert len(shards(lake)) == 3
    done_before, counting.texts, counting.calls_left = counting.texts, [], 1000
    done = write_embeddings(lake, "slack", "minilm", DAYS, shard_s=0)
    assert (done.resumed, done.reused) == (6, 6)
    assert not set(counting.texts) & set(done_before)
    assert sorted(counting.texts + done_before) == sorted(rows(lake)["text"])
    assert shards(lake) == []


def test_shards_of_other_partitions_stay(lake: Lake, counting: Counting) -> None:
    counting.calls_left = 1
    with pytest.raises(MemoryError):
        write_embeddings(lake, "slack", "minilm", DAYS[:1], shard_s=0)
    counting.calls_left = 1000
    assert write_embeddings(lake, "slack", "minilm", DAYS[1:]).resumed == 0
    assert len(shards(lake)) == 1
    assert write_embeddings(lake, "slack", "minilm", DAYS).resumed == 2


def test_no_documents_give_no_chunks(tmp_path: Path) -> None:
    done = write_embeddings(Lake(root=str(tmp_path)), "slack", "minilm", DAYS)
    assert (done.chunks, done.hit_rate, done.written.rows) == (0, None, 0)
