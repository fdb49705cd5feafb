"""People in the loop from the batch to the classifier in use, as Dagster runs it."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.data_version import StaleStatus
from polars.testing import assert_frame_equal

from assets.annotation import ANNOTATIONS, REJECTED
from assets.speech_act_model import GOLD, MODEL
from parlance.annotation.drawing import reserved
from parlance.errors import ConfigError
from parlance.stages import annotation as stages
from tests.assets.annotators import ADJUDICATOR, Office, failure, figures, utterances

BATCH, AGREEMENT = ["corpus", "annotation_batch"], ["corpus", "agreement"]
ADJUDICATION = ["corpus", "adjudication_batch"]
BACK = [ANNOTATIONS, REJECTED, AGREEMENT, GOLD, ADJUDICATION]
SETTINGS = {"size": 300, "random_share": 0.5, "shared": 0.3, "annotators": ["ann", "ben"]}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """An office with a batch that is out."""
    with dg.DagsterInstance.ephemeral() as instance:
        office = Office(tmp_path_factory.mktemp("office"), instance).open()
        assert office.materialize(BATCH, **SETTINGS).success
        return office


@pytest.fixture
def office(opened: Office, tmp_path: Path) -> Iterator[Office]:
    """A copy of it for one test."""
    shutil.copytree(opened.home, tmp_path / "office", symlinks=True)
    with dg.DagsterInstance.ephemeral() as instance:
        copy = Office(tmp_path / "office", instance, opened.truth)
        copy.acts = opened.acts
        yield copy


def careless(each: str, truth: tuple[str, str]) -> tuple[str, str]:
    """Takes some directives for questions: those whose id has a sum divisible by three."""
    return (truth[0], "question") if truth[1] == "directive" and sum(each.encode()) % 3 == 0 else truth


def test_what_two_annotators_and_an_adjudicator_say_becomes_gold(office: Office) -> None:
    office.put(office.answer("ann", "doccano"), "ann.zip")
    office.put(office.answer("ben", "prodigy", judge=careless), "ben.jsonl")
    result = office.materialize(*BACK)
    assert result.success
    items = office.rows(stages.ITEMS)
    both = items.filter("shared")["id"].to_list()
    assert office.rows("corpus/annotations").height == items.height + len(both)
    assert office.rows("corpus/annotations_rejected").is_empty()
    torn = [each for each in both if careless(each, office.truth[each]) != office.truth[each]]
    assert torn
    assert set(office.rows("corpus/gold")["id"]) == set(items["id"]) - set(torn)
    assert figures(result, GOLD)["open"] == len(torn)
    asked = json.loads((office.lake.files.folder("corpus/adjudication_batch") / "label_studio/carla.json").read_text())
    assert {task["data"]["utterance_id"] for task in asked} == set(torn)
    assert all("ann: " in task["data"]["labels_so_far"] and "ben: " in task["data"]["labels_so_far"] for task in asked)

    office.put(office.answer(ADJUDICATOR, "label_studio", name=stages.ADJUDICATION), "carla.json")
    result = office.materialize(*BACK)
    assert result.success
    assert figures(result, GOLD)["open"] == 0
    gold = office.rows("corpus/gold")
    decided = gold.filter("adjudicated")
    assert decided["id"].sort().to_list() == sorted(torn)
    assert decided.select("annotators").unique().rows() == [(["ann", "ben", ADJUDICATOR],)]
    found = {each: (form, function) for each, form, function in gold.select("id", "form", "function").rows()}
    assert all(found[each] == office.truth[each] for each in both)
    random = gold.filter(sample="random")
    assert set(random["id"]) == set(items.filter(reason="random")["id"])
    assert random["probability"].unique().to_list() == [150 / len(office.truth)]
    picked = gold.filter(sample="picked")
    assert picked["probability"].null_count() == picked.height > 0


def test_agreement_is_shown_and_the_adjudicator_does_not_count(office: Office) -> None:
    office.put(office.answer("ann", "doccano"), "ann.zip")
    office.put(office.answer("ben", "prodigy", judge=careless), "ben.jsonl")
    shown = figures(office.materialize(*BACK), AGREEMENT)
    rows = office.rows("corpus/agreement").filter(pl.col("label").is_null(), pl.col("one").is_null())
    alpha = dict(rows.filter(measure="krippendorff_alpha").select("target", "value").iter_rows())
    assert alpha["form"] == 1
    assert 0.5 < alpha["function"] < 1
    assert shown["krippendorff_alpha_function"] == alpha["function"]
    assert "data:image/svg" in shown["confusion"]
    assert "form: reliable" in shown["reading"]
    office.put(office.answer(ADJUDICATOR, "label_studio", name=stages.ADJUDICATION), "carla.json")
    again = figures(office.materialize(*BACK), AGREEMENT)
    assert again["krippendorff_alpha_function"] == alpha["function"]


def test_gold_makes_a_better_classifier_that_labels_the_corpus_better(office: Office) -> None:
    before = office.lake.files.latest("corpus/speech_act_model")
    assert office.materialize(GOLD, MODEL, utterances.key).success
    assert office.lake.files.latest("corpus/speech_act_model") == before
    for name in ("ann", "ben"):
        office.put(office.answer(name, "doccano"), f"{name}.zip")
    assert office.materialize(*BACK).success
    shown = figures(office.materialize(MODEL), MODEL)
    gold = office.rows("corpus/gold")
    exam = gold.filter(pl.col("sample") == "random", reserved(gold["id"]))
    assert shown["exam_items"] == exam.height > 50
    assert shown["gold_trained_on"] == gold.height - exam.height
    assert shown["exam_macro_f1_candidate"] > shown["exam_macro_f1_live"]
    assert shown["goes_live"] is True
    assert office.lake.files.latest("corpus/speech_act_model") == shown["live_version"] != before
    assert data_version(office) == shown["live_version"]
    assert office.status(utterances.key) == StaleStatus.STALE
    old = office.rows("slack/utterances")
    office.annotate()
    new = office.rows("slack/utterances")
    right = [
        sum(function == office.truth[each][1] for each, function in frame.select("id", "function").iter_rows())
        for frame in (old, new)
    ]
    assert right[1] > right[0]


def data_version(office: Office) -> str:
    event = office.instance.get_latest_materialization_event(MODEL)
    assert event is not None
    assert event.asset_materialization is not None
    return (event.asset_materialization.tags or {})["dagster/data_version"]


def test_a_worse_classifier_does_not_go_live(office: Office) -> None:
    """Annotators who give anything train a classifier that fails the exam of what they said with care."""
    live = office.lake.files.latest("corpus/speech_act_model")
    assert office.materialize(GOLD, MODEL, utterances.key).success

    def spoilt(each: str, truth: tuple[str, str]) -> tuple[str, str]:
        is_exam = reserved(pl.Series([each])).item()
        return truth if is_exam else ("none", "declaration" if truth[1] != "declaration" else "none")

    office.put(office.answer("ann", "doccano", judge=spoilt), "ann.zip")
    office.put(office.answer("ben", "doccano", judge=spoilt), "ben.zip")
    assert office.materialize(*BACK).success
    first = office.materialize(MODEL)
    shown = figures(first, MODEL)
    assert shown["goes_live"] is False
    assert shown["live_version"] == live != shown["candidate_version"]
    assert office.lake.files.latest("corpus/speech_act_model") == live
    assert office.lake.files.has("corpus/speech_act_model", shown["candidate_version"])
    assert data_version(office) == live
    assert "needed: strictly higher" in shown["decision"]
    assert office.status(utterances.key) == StaleStatus.FRESH
    assert figures(office.materialize(MODEL), MODEL)["decision"] == shown["decision"]


def test_without_enough_exam_it_goes_live_and_says_so(office: Office) -> None:
    office.put(office.answer("ann", "doccano"), "ann.zip")
    assert office.materialize(*BACK).success
    shown = figures(office.materialize(MODEL, least_exam=1000), MODEL)
    assert shown["goes_live"] is True
    assert "unexamined" in shown["decision"]
    again = figures(office.materialize(MODEL), MODEL)
    assert again["live_version"] == shown["live_version"]
    assert "nothing changed" in again["decision"]


def test_a_classifier_that_cannot_be_read_any_more_is_replaced(office: Office) -> None:
    office.put(office.answer("ann", "doccano"), "ann.zip")
    assert office.materialize(*BACK).success
    live = office.lake.files.folder("corpus/speech_act_model")
    (live / "meta.json").unlink()
    shown = figures(office.materialize(MODEL), MODEL)
    assert shown["goes_live"] is True
    assert "cannot be read any more" in shown["decision"]


def test_a_batch_that_is_out_is_exported_again_and_another_does_not_overlap(office: Office) -> None:
    version = office.lake.files.latest(stages.BATCH)
    again = office.materialize(BATCH, **SETTINGS)
    assert figures(again, BATCH)["is_new"] is False
    assert office.lake.files.latest(stages.BATCH) == version
    items = office.rows(stages.ITEMS)
    assert items.height == 300
    other = office.materialize(BATCH, **SETTINGS | {"size": 60, "another": True})
    assert figures(other, BATCH)["is_new"] is True
    items = office.rows(stages.ITEMS)
    assert sorted(items["number"].unique()) == [1, 2]
    assert items.filter("exported")["id"].is_unique().all()
    wrong = office.materialize(BATCH, **SETTINGS | {"another": True, "seed": 2})
    assert "one random sample, one seed" in failure(wrong)


def test_when_all_is_annotated_the_next_batch_is_made(office: Office) -> None:
    for name in ("ann", "ben"):
        office.put(office.answer(name, "prodigy"), f"{name}.jsonl")
    assert office.materialize(*BACK).success
    assert figures(office.materialize(BATCH, **SETTINGS), BATCH)["is_new"] is True


def test_a_crash_before_the_items_are_written_picks_the_same(office: Office, tmp_path: Path) -> None:
    """The files are published first: what was published without its items is published again."""
    settings = SETTINGS | {"another": True, "size": 40}
    table = Path(office.lake.table(stages.ITEMS).uri)
    shutil.copytree(table, tmp_path / "before")
    assert office.materialize(BATCH, **settings).success
    version, rows = office.lake.files.latest(stages.BATCH), office.rows(stages.ITEMS)
    shutil.rmtree(table)
    shutil.copytree(tmp_path / "before", table)
    assert office.materialize(BATCH, **settings).success
    assert office.lake.files.latest(stages.BATCH) == version
    assert_frame_equal(office.rows(stages.ITEMS), rows)


def test_the_same_file_twice_changes_nothing(office: Office) -> None:
    path = office.answer("ann", "doccano")
    office.put(path, "ann.zip")
    assert office.materialize(*BACK).success
    before = {name: office.rows(f"corpus/{name}") for name in ("annotations", "gold", "agreement", "annotation_files")}
    office.put(path, "ann.zip")
    (office.folder / "more").mkdir()
    office.put(path, "more/copy.zip")
    result = office.materialize(*BACK)
    assert figures(result, ANNOTATIONS)["new"] == figures(result, ANNOTATIONS)["changed"] == 0
    for name, rows in before.items():
        found = office.rows(f"corpus/{name}")
        assert_frame_equal(*(frame.drop("file", strict=False) for frame in (found, rows)))


def test_a_crash_between_the_tables_is_made_good_by_the_next_look(office: Office, tmp_path: Path) -> None:
    """The files were written down, the annotations not yet: the state after a crash between the two commits."""
    table = Path(office.lake.table("corpus/annotations").uri)
    assert office.materialize(*BACK).success
    shutil.copytree(table, tmp_path / "before")
    office.put(office.answer("ann", "doccano"), "ann.zip")
    assert office.materialize(*BACK).success
    rows, files = office.rows("corpus/annotations"), office.rows("corpus/annotation_files")
    shutil.rmtree(table)
    shutil.copytree(tmp_path / "before", table)
    (office.folder / "ann.zip").touch()
    assert office.materialize(*BACK).success
    assert_frame_equal(office.rows("corpus/annotations"), rows)
    assert_frame_equal(office.rows("corpus/annotation_files"), files)


def test_a_later_annotation_replaces_the_earlier_of_the_same_annotator(office: Office) -> None:
    office.put(office.answer("ann", "label_studio"), "ann.json")
    assert office.materialize(*BACK).success
    before = office.rows("corpus/annotations")
    tasks = json.loads((office.folder / "ann.json").read_text())
    (changed,) = tasks[0]["annotations"]
    changed["updated_at"] = "2027-01-01T00:00:00Z"
    changed["result"][0]["value"]["choices"] = ["commissive"]
    earlier = tasks[1]["annotations"][0]
    earlier["updated_at"] = "2020-01-01T00:00:00Z"
    earlier["result"][0]["value"]["choices"] = ["commissive"]
    (office.folder / "later.json").write_text(json.dumps(tasks[:2]))
    result = office.materialize(*BACK)
    assert figures(result, ANNOTATIONS)["changed"] == 1
    after = office.rows("corpus/annotations")
    assert after.height == before.height
    different = after.join(before, on=["id", "form"], how="anti")
    assert different.select("id", "form").rows() == [(tasks[0]["data"]["utterance_id"], "commissive")]
    (office.folder / "later.json").unlink()
    assert office.materialize(*BACK).success
    assert_frame_equal(office.rows("corpus/annotations"), after)  # what was taken stays


def test_a_file_that_cannot_be_read_is_named_and_changes_nothing(office: Office) -> None:
    office.put(office.answer("ann", "doccano"), "ann.zip")
    (office.folder / "notes.docx").write_bytes(b"not annotations")
    result = office.materialize(*BACK)
    assert not result.success
    assert "notes.docx" in failure(result)
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    assert office.rows("corpus/annotations").is_empty()
    (office.folder / "notes.docx").unlink()
    assert office.materialize(*BACK).success
    assert office.rows("corpus/annotations").height > 0


def test_wrong_rows_are_counted_and_the_others_taken(office: Office) -> None:
    path = office.answer("ann", "doccano")
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("ann.jsonl").decode().splitlines()
    rows = [json.loads(line) for line in lines]
    rows[0]["label"] = ["form: plea", "function: none"]
    rows[1]["text"] += "!"
    rows[2]["utterance_id"] = None
    (office.folder / "ann.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{torn\n")
    result = office.materialize(*BACK)
    assert result.success
    rejected = office.rows("corpus/annotations_rejected")
    reasons = {"unknown_label": 1, "text_changed": 1, "missing_id": 1, "unreadable": 1}
    assert dict(rejected.group_by("reason").len().iter_rows()) == reasons
    assert office.rows("corpus/annotations").height == len(rows) - 3
    (file,) = office.rows("corpus/annotation_files").to_dicts()
    assert (file["rows"], file["accepted"], file["rejected"]) == (len(rows) + 1, len(rows) - 3, 4)
    (check,) = result.get_asset_check_evaluations()
    assert check.passed


def test_the_check_finds_what_was_lost(office: Office) -> None:
    office.put(office.answer("ann", "doccano"), "ann.zip")
    assert office.materialize(*BACK).success
    table = office.lake.table("corpus/annotations")
    kept = table.scan().collect()
    table.replace(kept[1:].to_arrow().to_batches())
    lost = stages.lost(office.lake, str(office.folder))
    assert lost["id"].to_list() == [kept["id"][0]]


def test_without_anything_there_is_nothing(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        office = Office(tmp_path, instance)
        result = office.materialize(*BACK)
        assert result.success
        assert office.rows("corpus/gold").is_empty()
        assert "not known yet" in figures(result, AGREEMENT)["reading"]


def test_what_the_exam_asks_is_never_trained_on(office: Office) -> None:
    from parlance.annotation import exam
    from parlance.stages.speech_act_model import gold_rows

    for name in ("ann", "ben"):
        office.put(office.answer(name, "prodigy"), f"{name}.jsonl")
    assert office.materialize(*BACK).success
    train, asked = exam.split(office.rows("corpus/gold"))
    assert asked.height
    assert train.height + asked.height == office.rows("corpus/gold").height
    rows = gold_rows(train)
    labelled = rows.filter(pl.col("form").is_not_null())
    assert sorted(labelled["id"]) == sorted(train["id"])
    assert not set(labelled["id"]) & set(asked["id"])
    for conversation in rows.partition_by("conversation"):
        assert conversation["position"].to_list() == list(range(conversation.height))
        assert conversation["form"].null_count() == conversation.height - 1


def test_a_version_that_was_never_published_cannot_be_the_latest(office: Office) -> None:
    with pytest.raises(ConfigError, match="no version 'none'"):
        office.lake.files.make_latest("corpus/speech_act_model", "none")
