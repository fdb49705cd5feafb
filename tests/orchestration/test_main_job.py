"""The main job from raw files to drafts, as `make run` calls it, and what stands in the lake afterwards."""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pytest
from polars.testing import assert_frame_equal

from parlance.instruct import trace
from parlance.schemas import EXAMPLES
from parlance.search import search
from tests.orchestration.conftest import QUICK_RUN, Workspace

pytestmark = pytest.mark.slow
LANES = ("slack", "crawl", "dump")
# Of the sample nobody has annotated anything yet.
BY_PEOPLE = {
    f"corpus/{name}" for name in ("annotations", "annotations_rejected", "annotation_files", "agreement", "gold")
}
# And no model generates examples unless it is named, nor is a draft posted unless posting is switched on.
ASKED_FOR = {"instruct/synthetic", "instruct/synthetic_rejected", "models/posted_drafts"}


def assert_same_rows(found: pl.DataFrame, wanted: pl.DataFrame) -> None:
    """Equal to the byte, but for vectors: those of a text depend in the last digits on the texts beside it."""
    if "vector" in wanted.columns:
        vectors = [np.array(frame["vector"].to_list()) for frame in (found, wanted)]
        np.testing.assert_allclose(*vectors, atol=1e-5)
        found, wanted = found.drop("vector"), wanted.drop("vector")
    assert_frame_equal(found, wanted, check_exact=True)


def assert_no_process_is_left(workspace: Workspace, *, limit_s: float = 20) -> None:
    """What was started for the workspace ends, at the latest soon after what started it."""
    _, alive = psutil.wait_procs(workspace.processes(), timeout=limit_s)
    assert alive == []


def by_partition(frame: pl.DataFrame) -> dict[str, int]:
    return dict(frame.group_by("partition").len().iter_rows())


def test_every_table_has_rows(sample: Workspace) -> None:
    empty = {name for name, frame in sample.tables().items() if frame.is_empty()}
    assert empty == BY_PEOPLE | ASKED_FOR


@pytest.mark.parametrize("lane", LANES)
def test_raw_rows_are_in_documents_or_rejected(sample: Workspace, lane: str) -> None:
    raw = sample.rows(f"{lane}/raw").group_by(partition="document_partition").len()
    documents = sample.rows(f"{lane}/documents").with_columns(pl.col("raw_ids").list.len())
    kept = dict(documents.group_by("partition").agg(pl.col("raw_ids").sum()).iter_rows())
    rejected = by_partition(sample.rows(f"{lane}/rejected"))
    for partition, rows in raw.iter_rows():
        assert rows == kept.get(partition, 0) + rejected.get(partition, 0), partition


@pytest.mark.parametrize("lane", LANES)
def test_documents_are_kept_or_dropped_with_a_reason(sample: Workspace, lane: str) -> None:
    documents, kept, dropped = (sample.rows(f"{lane}/{table}") for table in ("documents", "kept", "dropped"))
    assert sorted(documents["id"]) == sorted([*kept["id"], *dropped["id"]])
    assert dropped["reason"].null_count() == 0
    assert (dropped["reasons"].list.first() == dropped["reason"]).all()


def test_the_planted_rows_were_found(sample: Workspace) -> None:
    reasons = set(sample.rows("dump/dropped")["rule"]) | set(sample.rows("dump/rejected")["rule"])
    assert {"exact_duplicate", "near_duplicate", "language_score", "gopher_words", "unreadable"} <= reasons
    events = set(sample.rows("slack/rejected")["rule"])
    assert {"channel_event", "deleted"} <= events


def test_no_secret_of_the_sample_is_in_a_kept_text(sample: Workspace) -> None:
    texts = pl.concat([sample.rows(f"{lane}/kept").select("text") for lane in LANES])["text"]
    for planted in ("ghp_", "AKIA", "xoxb-", "4111 1111 1111 1111", "@brightwater.example", "198.51.100."):
        assert texts.str.contains(planted, literal=True).sum() == 0, planted


def test_slices_of_kept_documents_are_what_they_say(sample: Workspace) -> None:
    texts = dict(pl.concat([sample.rows(f"{lane}/kept").select("id", "text") for lane in LANES]).iter_rows())
    for table in ("utterances", "embeddings"):
        for lane in LANES:
            for document, start, end, text in (
                sample.rows(f"{lane}/{table}").select("document_id", "start", "end", "text").iter_rows()
            ):
                assert texts[document][start:end] == text


def test_all_seven_speech_acts_occur(sample: Workspace) -> None:
    acts = {"expressive", "commissive", "directive", "declaration", "verdictive", "question", "representative"}
    assert acts <= set(sample.rows("slack/utterances")["function"])


def test_exports_load_as_data_sets(sample: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    folder = sample.lake.files.folder("instruct/exports")
    files = {split: str(folder / "chatml" / f"{split}.jsonl") for split in ("train", "validation", "test")}
    loaded = datasets.load_dataset("json", data_files=files, cache_dir=str(tmp_path))
    examples = sample.rows("instruct/examples")
    assert {split: loaded[split].num_rows for split in files} == dict(examples.group_by("split").len().iter_rows())
    assert examples.columns == EXAMPLES.names


@pytest.mark.parametrize(
    ("lane", "kinds"),
    [("slack", {"answer", "dialogue", "person"}), ("crawl", {"faq", "forum", "passage"}), ("dump", {"faq", "passage"})],
)
def test_an_example_can_be_traced_to_what_was_sent(sample: Workspace, lane: str, kinds: set[str]) -> None:
    examples = sample.rows("instruct/examples").filter(source=lane)
    assert kinds <= set(examples["kind"])
    raw = {row["id"]: row for row in sample.rows(f"{lane}/raw").iter_rows(named=True)}
    for id in examples.group_by("kind", maintain_order=True).first()["id"]:
        found = trace(sample.lake, id)
        assert sorted(found.raw["id"]) == sorted(found.example["raw_ids"])
        sent = [raw[one] for one in found.raw["id"]]
        of_files = [f"{row['shard']}#{row['position']}" for row in sent]
        assert found.sources == ([row["id"] for row in sent] if lane == "slack" else of_files)
        assert found.document["id"] == found.signals["id"] == found.example["document_id"]
        assert found.utterances.height > 0
        assert set(found.together["split"]) <= {found.example["split"]}
        if lane == "slack":
            assert all(row["rights"] for row in sent)


def test_an_example_says_where_it_is_from(sample: Workspace) -> None:
    example = sample.rows("instruct/examples").filter(source="crawl").row(0, named=True)
    said = sample.python("orchestration.why", example["id"])
    assert said.returncode == 0, said.stderr
    (source,) = trace(sample.lake, example["id"]).sources
    assert source in said.stdout.replace("\n", "")
    assert f"Split {example['split']}" in said.stdout
    unknown = sample.python("orchestration.why", "0" * 32)
    assert unknown.returncode == 1
    assert "ids are in the tables" in unknown.stdout.replace("\n", " ")


def test_examples_and_what_was_passed_over_are_all_kept_documents(sample: Workspace) -> None:
    kept = sorted(id for lane in LANES for id in sample.rows(f"{lane}/kept")["id"])
    whole = sample.rows("instruct/passed_over").filter("whole")["document_id"]
    assert sorted([*sample.rows("instruct/examples")["document_id"].unique(), *whole]) == kept


def test_only_who_agreed_is_imitated(sample: Workspace) -> None:
    persons = sample.rows("instruct/examples").filter(kind="person")["messages"]
    said = {messages[0]["content"] for messages in persons.to_list()}
    assert all("Priya" in text for text in said)


def test_one_draft_for_each_question_that_nobody_answered(sample: Workspace) -> None:
    drafts = sample.rows("models/predictions")
    assert drafts["message_id"].is_unique().all()
    assert drafts["model"].unique().to_list() == [sample.lake.files.latest("models/fine_tuned_model")]
    kept = sample.rows("slack/kept").select("author", document_id="id")
    said = (
        sample.rows("slack/utterances")
        .join(kept, on="document_id", suffix="_root")
        .join(drafts, on="document_id", how="semi")
    )
    by_others = said.filter(~pl.col("is_bot"), pl.col("author") != pl.col("author_root"))
    asks_back = (pl.col("form") == "question") & (pl.col("function") == "directive")
    answers = by_others.filter(~pl.col("function").is_in(["question", "expressive", "none"]), ~asks_back)
    assert answers.is_empty()


def test_report_names_every_reason(sample: Workspace) -> None:
    page = (sample.lake.files.folder("report") / "report.html").read_text(encoding="utf-8")
    for lane in LANES:
        for table in ("rejected", "dropped"):
            for rule in sample.rows(f"{lane}/{table}")["rule"].unique():
                assert rule in page


def test_models_hold_safetensors_only(sample: Workspace) -> None:
    files = [path for path in (sample.home / "lake" / "files" / "models").rglob("*") if path.is_file()]
    assert any(path.suffix == ".safetensors" for path in files)
    assert not [path for path in files if path.suffix in {".bin", ".pt", ".pth", ".pkl"}]


def test_no_process_survives(sample: Workspace) -> None:
    assert_no_process_is_left(sample)


def test_search_command_finds_the_leave_policy(sample: Workspace) -> None:
    question = "how many days of leave carry over to next year?"
    done = sample.python("parlance.search", sample.lake.vectors, question, "--k", "1")
    assert done.returncode == 0, done.stderr
    best = search(sample.lake.vectors, question, k=1)
    assert best["document_id"].item() in done.stdout
    assert "up to 5 carry over" in best["text"].item()


def run_again(workspace: Workspace) -> None:
    done = workspace.python(*QUICK_RUN)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_run_leaves_the_same_rows(sample: Workspace) -> None:
    before, days = sample.tables(), sample.crawled()
    run_again(sample)
    if sample.crawled() != days:  # it was the first of its day
        before = sample.tables()
        run_again(sample)
    for name, frame in sample.tables().items():
        assert_same_rows(frame, before[name])


def test_a_range_backfill_twice_leaves_each_partition_once(sample: Workspace) -> None:
    before = {name: frame for name, frame in sample.tables().items() if name.startswith("slack/")}
    for _ in range(2):
        done = sample.python(
            "dagster", "asset", "materialize", "-m", "orchestration.definitions", "--select", "group:slack",
            "--partition-range", "2026-10-07...2026-10-13",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    for name, frame in before.items():
        assert_same_rows(sample.rows(name), frame)


def test_a_killed_fine_tune_fails_alone_and_its_retry_resumes(sample: Workspace, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    settings = {"max_steps": 60, "save_steps": 2, "seed": 7}
    config.write_text(json.dumps({"ops": {"models__fine_tuned_model": {"config": settings}}}))
    command = ["dagster", "asset", "materialize", "-m", "orchestration.definitions", "--config", str(config)]
    command += ["--select", "key:models/fine_tuned_model or key:instruct/exports"]
    process = psutil.Popen(
        [sys.executable, "-m", *command], cwd=Path(__file__).parents[2], env=sample.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    kill_training_after_a_checkpoint(sample)
    assert process.wait(timeout=300) == 0
    steps = event_types(sample, "models__fine_tuned_model")
    assert "STEP_UP_FOR_RETRY" in steps
    assert "STEP_RESTARTED" in steps
    assert "STEP_SUCCESS" in event_types(sample, "instruct__exports")
    folder = sample.lake.files.folder("models/fine_tuned_model")
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert 0 < report["resumed_from"] < 60
    assert_no_process_is_left(sample)


def kill_training_after_a_checkpoint(workspace: Workspace, *, limit_s: float = 200) -> None:
    """Waits for a checkpoint of the fine-tuning, then kills its process."""
    checkpoints = workspace.home / "checkpoints" / "models" / "fine_tuned_model"
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        training = workspace.processes(command="resources.training")
        if training and list(checkpoints.glob("*/checkpoint-*/trainer_state.json")):
            training[0].kill()
            return
        time.sleep(0.05)
    raise AssertionError(f"no checkpoint under {checkpoints} after {limit_s} s")


def event_types(workspace: Workspace, step: str) -> list[str]:
    """Types of the events of a step in the last run, in order."""
    runs = workspace.home / "dagster" / "history" / "runs"
    newest = max(
        (path for path in runs.glob("*.db") if path.stem not in {"index"}), key=lambda path: path.stat().st_mtime
    )
    with sqlite3.connect(newest) as events:
        rows = events.execute(
            "select dagster_event_type from event_logs"
            " where step_key = ? and dagster_event_type is not null order by id",
            (step,),
        )
        return [kind for (kind,) in rows]
