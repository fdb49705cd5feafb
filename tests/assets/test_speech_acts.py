"""What the corpus holds of speech acts, through Dagster, over utterances whose acts are known."""

from datetime import date
from pathlib import Path

import acts
import dagster as dg
import polars as pl
import pytest

from assets.insight import insight_assets
from orchestration.lanes import lanes
from parlance import schemas
from parlance.lake import Lake
from parlance.stages import insight, portions
from parlance.storage import record_batches
from resources.lake import LakeResource

THREADS = [
    [
        ("ann", "expressive question"),
        ("bob", "question/directive representative"),
        ("helpbot", "none"),
        ("ann", "representative/representative/none ~expressive"),
    ],
    [("ann", "representative"), ("bob", "verdictive")],
]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = acts.opened(tmp_path)
    acts.write(lake, "slack", THREADS)
    acts.write(lake, "slack", [[("cat", "~question"), ("cat", "representative")]], channel="general", day=2)
    return lake


def materialized(lake: Lake) -> dg.AssetMaterialization:
    result = dg.materialize(insight_assets(list(lanes().values())), resources={"lake": LakeResource(root=lake.root)})
    (event,) = result.asset_materializations_for_node("corpus__speech_acts")
    return event


def rows(lake: Lake, name: str) -> pl.DataFrame:
    return lake.table(name).scan().collect()


def test_every_utterance_is_counted_once_where_it_belongs(lake: Lake) -> None:
    event = materialized(lake)
    counts = rows(lake, "corpus/speech_acts")
    assert counts["utterances"].sum() == event.metadata["utterances"].value == 11
    assert dict(counts.group_by("role").agg(pl.col("utterances").sum()).iter_rows()) == {
        "asker": 4,
        "helper": 2,
        "bot": 1,
        "other": 4,
    }
    assert dict(counts.group_by("day").agg(pl.col("utterances").sum()).iter_rows()) == {
        date(2026, 10, 1): 9,
        date(2026, 10, 2): 2,
    }
    cell = counts.filter(form="question", function="directive").row(0, named=True)
    assert (cell["source"], cell["channel"], cell["role"], cell["utterances"]) == ("slack", "hr-help", "helper", 1)
    assert (counts["context_dependent"].sum(), counts["abstained"].sum()) == (1, 2)
    assert event.metadata["abstained_share"].value == pytest.approx(2 / 11, abs=1e-4)


def test_what_follows_what(lake: Lake) -> None:
    materialized(lake)
    steps = rows(lake, "corpus/speech_act_transitions")
    found = {(row[1], row[2], row[3]): row[4] for row in steps.iter_rows()}
    assert found == {
        ("same turn", "expressive", "question"): 1,
        ("next turn, other speaker", "question", "directive"): 1,
        ("same turn", "directive", "representative"): 1,
        ("next turn, other speaker", "representative", "none"): 1,
        ("next turn, other speaker", "none", "representative"): 1,
        ("same turn", "representative", "expressive"): 1,
        ("next turn, other speaker", "representative", "verdictive"): 1,
        ("next turn, same speaker", "question", "representative"): 1,
    }


def test_there_are_examples_of_every_cell(lake: Lake) -> None:
    event = materialized(lake)
    examples, counts = rows(lake, "corpus/speech_act_examples"), rows(lake, "corpus/speech_acts")
    cells = {tuple(cell) for cell in counts.select("form", "function").unique().iter_rows()}
    assert {tuple(cell) for cell in examples.select("form", "function").unique().iter_rows()} == cells
    assert examples.group_by("form", "function").len()["len"].max() <= insight.EXAMPLES_OF_A_CELL
    said = dict(rows(lake, "slack/utterances").select("id", "text").iter_rows())
    assert all(said[row["id"]] == row["excerpt"] for row in examples.iter_rows(named=True))
    assert "word of question as directive." in event.metadata["examples"].value
    assert examples.filter(form="question", function="question")["abstained"].to_list() == [False, True]


@pytest.mark.parametrize("most", [1, 2, 5])
def test_portions_change_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    names = ["corpus/speech_acts", "corpus/speech_act_transitions", "corpus/speech_act_examples"]
    materialized(lake)
    whole = [rows(lake, name) for name in names]
    monkeypatch.setattr(insight, "whole_documents", lambda *given: portions.whole_documents(*given, rows=most))
    materialized(lake)
    assert [rows(lake, name).equals(before) for name, before in zip(names, whole, strict=True)] == [True] * 3


def test_portions_hold_whole_documents(lake: Lake) -> None:
    table = lake.table("slack/utterances")
    frames = [frame for _, frame in portions.whole_documents(table, ["document_id", "id"], rows=2)]
    assert len(frames) > 2
    places = pl.concat([frame.select("document_id").unique() for frame in frames])["document_id"]
    assert places.is_unique().all()
    assert sorted(pl.concat(frames)["id"]) == sorted(rows(lake, "slack/utterances")["id"])


def test_an_empty_corpus_has_no_acts(tmp_path: Path) -> None:
    lake = acts.opened(tmp_path)
    event = materialized(lake)
    assert "no utterances" in event.metadata["functions"].value
    assert rows(lake, "corpus/speech_acts").schema == pl.Schema(schemas.SPEECH_ACTS)
    assert rows(lake, "corpus/speech_act_examples").is_empty()


def test_pages_without_people_and_days(tmp_path: Path) -> None:
    """Web pages have no turns: every author is another, and nothing has a day."""
    lake = acts.opened(tmp_path)
    acts.write(lake, "dump", [[("ann", "representative none")]])
    said, kept = rows(lake, "dump/utterances"), rows(lake, "dump/kept")
    nobody = said.with_columns(pl.lit(None, pl.String).alias("author"), pl.lit(None, pl.String).alias("message_id"))
    timeless = kept.with_columns(
        pl.lit(None, kept.schema["created_at"]).alias("created_at"), channel=pl.lit(None, pl.String)
    )
    for table, frame, schema in (("utterances", nobody, schemas.UTTERANCES), ("kept", timeless, schemas.KEPT)):
        lake.table(f"dump/{table}").replace(record_batches(frame, schema), ["2026-10-01"])
    materialized(lake)
    counts = rows(lake, "corpus/speech_acts")
    assert counts.select("role", "channel", "day").unique().rows() == [("other", None, None)]
    assert rows(lake, "corpus/speech_act_transitions")["step"].to_list() == ["same turn"]
