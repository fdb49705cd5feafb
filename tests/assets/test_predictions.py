"""Drafts through Dagster: one run for two days, figures, the check that blocks, a process that is killed."""

import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.predictions import prediction_assets, prediction_checks
from orchestration.lanes import slack as slack_lane
from parlance import schemas
from parlance.lake import Lake
from parlance.stages.predictions import out_of_balance
from parlance.storage import record_batches
from resources.inference import Inference
from resources.lake import LakeResource
from resources.training import TrainingProcess
from tests.parlance.inference.questions import DAYS, write_questions
from tests.servers.chat_completions import Json, Model, served

ROOT = Path(__file__).parents[2]
FIRST, SECOND = ["Where is the key?", "Who has it?"], ["Why is it cold?", "Where is the key?"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(root=str(tmp_path / "lake"))
    write_questions(lake, FIRST, SECOND)
    return lake


def materialized(lake: Lake, folder: Path, url: str, **config: object) -> dg.ExecuteInProcessResult:
    lane = slack_lane.lane_from(DAYS[0])
    prompt = str(ROOT / "sample" / "prompts" / "draft.jinja")
    inference = Inference(writer="endpoint", url=url, model="tiny", cache=str(folder / "cache"), prompt=prompt)
    return dg.materialize(
        [*prediction_assets(lane), *prediction_checks(lane)],
        tags={"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[1]},
        resources={
            "lake": LakeResource(root=lake.root),
            "inference": inference,
            "training": TrainingProcess(checkpoints=str(folder / "checkpoints")),
        },
        run_config={"ops": {"models__predictions": {"config": config}}},
        raise_on_error=False,
    )


def refuses_who(body: Json) -> tuple[int, dict[str, str], str] | None:
    return (400, {}, "no names") if body["messages"][-1]["content"] == "Who has it?" else None


@pytest.mark.slow
def test_two_days_in_one_run_with_their_figures(lake: Lake, tmp_path: Path) -> None:
    with served(Model(faulty=refuses_who)) as model:
        result = materialized(lake, tmp_path, model.url, answer_price=1.0)
    assert result.success
    assert [(check.check_name, check.passed) for check in result.get_asset_check_evaluations()] == [
        ("one_row_a_question", True)
    ]
    events = {one.partition: one.metadata for one in result.asset_materializations_for_node("models__predictions")}
    assert set(events) == set(DAYS)
    shown = {name: value.value for name, value in events[DAYS[0]].items()}
    assert (shown["dagster/partition_row_count"], shown["drafted"], shown["failed"]) == (2, 1, 1)
    rows = lake.table("models/predictions").scan().collect()
    assert rows["status"].to_list().count("drafted") == 3
    # Two requests with an answer were paid, of 24 words each.
    assert rows.unique("request_id")["cost"].sum() == pytest.approx(2 * 24 / 1e6)


def test_a_lacking_a_strange_and_a_second_row_are_found(lake: Lake) -> None:
    asked = [("d7-0-0", "d7-0", FIRST[0]), ("d7-1-0", "d7-1", FIRST[1])]
    good = [_row(*one, day=DAYS[0]) for one in asked]
    wrong = {
        "without_row": good[:1],
        "without_question": [*good, _row("d7-2-0", "d7-2", "?", day=DAYS[0])],
        "repeated": [*good, good[0]],
    }
    for name, rows in {"": good, **wrong}.items():
        frame = pl.DataFrame(rows, schema=pl.Schema(schemas.PREDICTIONS))
        lake.table("models/predictions").replace(record_batches(frame, schemas.PREDICTIONS), [DAYS[0]])
        found = out_of_balance(lake, "slack", DAYS[:1])
        assert [kind for kind, messages in found.items() if messages] == [name] * bool(name)


def _row(message: str, document: str, question: str, *, day: str) -> dict[str, object]:
    empty = {name: 0 for name, kind in pl.Schema(schemas.PREDICTIONS).items() if kind.is_numeric()}
    texts = dict.fromkeys(("request_id", "model", "prompt_version", "sampling", "writer", "finish"), "")
    named = {"id": message, "document_id": document, "message_id": message, "question": question, "partition": day}
    made = {"status": "drafted", "draft": "Here.", "prompt_was_cut": False}
    made["answered_at"] = pl.select(pl.datetime(2026, 10, 9, time_zone="UTC")).item()
    return dict.fromkeys(schemas.PREDICTIONS.names) | empty | texts | made | named


KILLED = """
import sys
from pathlib import Path
from parlance.lake import Lake
from parlance.stages import predictions
from tests.parlance.inference.questions import DAYS, served
root, url = sys.argv[1:]
predictions.draft(Lake(root=f"{root}/lake"), "slack", DAYS, served(url, Path(root)), log=print)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_asks_nothing_twice_that_was_answered(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path / "lake"))
    texts = [f"Where is desk {number}?" for number in range(8)]
    write_questions(lake, texts)
    with served(Model(pause_s=0.1)) as model:
        command = [sys.executable, "-c", KILLED, str(tmp_path), model.url]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        while len(model.log) < 4:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    asked = [body["messages"][-1]["content"] for body in model.log]
    assert set(asked) == set(texts)
    assert len(asked) <= len(texts) + 1  # the one that was on its way
    rows = lake.table("models/predictions").scan().collect()
    assert sorted(rows["question"]) == texts
    assert lake.table("models/answers").scan().collect()["id"].is_unique().all()
