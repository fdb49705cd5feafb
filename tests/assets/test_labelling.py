"""Weak labels through Dagster, over utterances of two lanes."""

import json
from pathlib import Path

import dagster as dg
import polars as pl
import pyarrow as pa
import pytest

from assets.labelling import labelling_assets
from orchestration.lanes import lanes
from parlance import schemas
from parlance.lake import Lake
from parlance.speech_acts import labelling
from parlance.stages import labelling as stages
from resources.labels import LabelledUtterances
from resources.lake import LakeResource

SAMPLE = Path(__file__).parents[2] / "sample/speech_acts/labelled/mixed.jsonl"
# (document, message, author, turn, text) of chat, and of a page that has neither messages nor authors.
SAID = [
    ("k", "m1", "ann", 0, "Could you send the report?"),
    ("k", "m2", "bob", 1, "Sure."),
    ("k", "m2", "bob", 1, "I'll send it tonight."),
    ("k", "m3", "ann", 2, "Thanks a lot!"),
    ("l", "m4", "bob", 0, "The tide turns at six here."),
    ("l", "m5", "ann", 1, "Did it work?"),
    ("l", "m6", "bob", 2, "Yes."),
    ("l", "m7", "bob", 3, "please close the door?"),
]
WRITTEN = [("w", None, None, 0, "Click the button."), ("w", None, None, 0, "xyz")]


def utterances(lane: str, rows: list[tuple[str, str | None, str | None, int, str]], partition: str) -> pa.RecordBatch:
    found = []
    for number, (document, message, author, turn, text) in enumerate(rows):
        found.append(
            {
                "id": f"{document}#{number}",
                "source": lane,
                "document_id": document,
                "message_id": message,
                "author": author,
                "is_bot": False,
                "turn": turn,
                "start": number * 100,
                "end": number * 100 + len(text),
                "text": text,
                "form": "none",
                "form_score": 0.4,
                "function": "none",
                "function_score": 0.4,
                "function_alone": "none",
                "abstained": True,
                "partition": partition,
            }
        )
    return pa.RecordBatch.from_pylist(found, schema=schemas.UTTERANCES)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(root=str(tmp_path / "lake"))
    lake.table("slack/utterances").replace([utterances("slack", SAID, "2026-10-05")], ["2026-10-05"])
    lake.table("dump/utterances").replace([utterances("dump", WRITTEN, "pages")], ["pages"])
    return lake


def materialized(lake: Lake, labelled: Path = SAMPLE) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        labelling_assets(list(lanes().values())),
        resources={"lake": LakeResource(root=lake.root), "labelled_utterances": LabelledUtterances(path=str(labelled))},
        raise_on_error=False,
    )


def test_every_utterance_has_the_votes_on_it_and_their_label(lake: Lake) -> None:
    result = materialized(lake)
    assert result.success
    rows = lake.table("corpus/weak_labels").scan().collect()
    assert {(text, form, function) for text, form, function in zip(
        [row[4] for row in SAID + WRITTEN],
        rows.sort("source", "id", descending=[True, False])["form"],
        rows.sort("source", "id", descending=[True, False])["function"],
        strict=True,
    )} >= {
        ("Could you send the report?", "question", "directive"),
        ("Sure.", None, "commissive"),
        ("I'll send it tonight.", "commissive", "commissive"),
        ("Thanks a lot!", "expressive", "expressive"),
        ("Did it work?", "question", "question"),
        ("Click the button.", "directive", "directive"),
        ("xyz", None, None),
    }  # fmt: skip
    by_id = {row["id"]: row for row in rows.to_dicts()}
    assert "acceptance" in by_id["k#1"]["votes"]
    assert by_id["l#6"]["function"] == "representative"
    assert by_id["w#1"]["votes"] == []
    assert by_id["w#1"]["function_probability"] is None
    assert by_id["k#0"]["utterance_partition"] == "2026-10-05"
    (event,) = result.asset_materializations_for_node("corpus__labelling_functions")
    said = event.metadata
    assert said["dagster/row_count"].value == len(SAID) + len(WRITTEN)
    assert said["covered"].value == pytest.approx(rows["function"].is_not_null().mean())
    assert "polite_request" in said["functions_by_function"].value
    assert "image/svg" in said["coverage_by_form"].value


def test_figures_are_those_of_the_votes(lake: Lake) -> None:
    known = pl.read_ndjson(SAMPLE)
    found = stages.write_weak_labels(lake, ["slack", "dump"], known)
    frames = [frame for lane in ("slack", "dump") for frame in stages.in_documents(lake, lane)]
    votes = pl.concat([labelling.votes(frame) for frame in frames])
    slow = labelling.summary(votes)
    assert (
        found.summaries["function"]
        .select("name", "votes", "coverage", "overlap", "conflict")
        .equals(slow.select("name", "votes", "coverage", "overlap", "conflict"))
    )
    labelled = labelling.in_conversations(known)
    right = labelling.summary(labelling.votes(labelled), labelled["function"])
    assert found.summaries["function"]["accuracy"].equals(right["accuracy"])
    assert found.conflicts == lake.table("corpus/weak_labels").scan().select(pl.col("conflict").sum()).collect().item()


def test_context_goes_on_over_batches(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = ["id", "previous", "speaker_changed", "position", "medium"]
    whole = pl.concat(list(stages.in_documents(lake, "slack"))).select(columns)
    assert whole.rows()[:5] == [
        ("k#0", None, None, 0, "chat"),
        ("k#1", SAID[0][4], True, 1, "chat"),
        ("k#2", SAID[1][4], False, 2, "chat"),
        ("k#3", SAID[2][4], True, 3, "chat"),
        ("l#4", None, None, 0, "chat"),
    ]
    assert whole.row(7) == ("l#7", "Yes.", False, 3, "chat")
    for rows in (1, 2, 3):
        monkeypatch.setattr(stages, "BATCH_UTTERANCES", rows)
        assert pl.concat(list(stages.in_documents(lake, "slack"))).select(columns).equals(whole)


def test_conflicts_are_shown(lake: Lake) -> None:
    both = [("c", "m1", "ann", 0, f"Thanks a lot, with immediate effect {number}") for number in range(5)]
    batch = utterances("slack", [*both, ("c", "m2", "bob", 1, "I think it broke, isn't it?")], "2026-10-06")
    lake.table("slack/utterances").replace([batch], ["2026-10-06"])
    found = stages.write_weak_labels(lake, ["slack"], pl.read_ndjson(SAMPLE))
    rows = lake.table("corpus/weak_labels").scan().filter("conflict").collect()
    assert found.conflicts == rows.height > found.examples.height
    assert found.examples.group_by("acts").len()["len"].max() == stages.MOST_EXAMPLES
    assert ("expressive/declaration", both[0][4]) in found.examples.select("acts", "text").rows()
    for acts, votes in found.examples.select("acts", "votes").iter_rows():
        assert len(votes.split(", ")) >= len(acts.split("/")) > 1


def test_nothing_to_label_and_nothing_labelled(tmp_path: Path) -> None:
    nothing = Lake(root=str(tmp_path / "nothing"))
    assert materialized(nothing).success
    assert nothing.table("corpus/weak_labels").scan().collect().is_empty()
    missing = tmp_path / "missing.jsonl"
    result = materialized(nothing, missing)
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "do not exist" in str(failure.step_failure_data)


def test_without_labels_functions_count_the_same(lake: Lake) -> None:
    unlabelled = pl.DataFrame(
        [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()[:50]], infer_schema_length=None
    ).with_columns(form=pl.lit(None, pl.String), function=pl.lit(None, pl.String))
    found = stages.write_weak_labels(lake, ["slack"], unlabelled)
    assert found.summaries["function"]["accuracy"].null_count() == found.summaries["function"].height
    assert found.labelled["directive"] > 0
