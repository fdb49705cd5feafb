"""Formats of annotation tools: what goes out comes back whole, and what is wrong in a file becomes a counted row."""

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parlance import schemas
from parlance.annotation import formats
from parlance.annotation.answers import frame, label_names
from parlance.annotation.guide import Guide, read_guide
from parlance.annotation.judging import judge
from parlance.errors import ConfigError
from parlance.speech_acts.labels import LABELS
from parlance.storage.tables import empty_frame
from tests.parlance.annotation.tools import TOOLS, Said, in_label_studio, in_prodigy

GUIDE = Guide(version="3", text="# Guide\n\nVersion 3.\n")
TIME = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)


def items(
    texts: Sequence[str], *, annotators: Sequence[str] = ("ann",), ids: Sequence[str] | None = None
) -> pl.DataFrame:
    ids = ids or [f"slack:C1/1700000000.{number}#0-{len(text)}" for number, text in enumerate(texts)]
    rows = {"id": ids, "text": list(texts), "start": range(len(texts))}
    frame = pl.DataFrame(rows, schema={"id": pl.String, "text": pl.String, "start": pl.Int32}).with_columns(
        number=pl.lit(1, dtype=pl.Int32),
        batch=pl.lit("001-abc"),
        author=pl.lit("user-1"),
        annotators=pl.lit(list(annotators)),
        guide_version=pl.lit(GUIDE.version),
        before=pl.lit([{"author": "user-2", "text": 'Und "nun"?'}]),
        exported=pl.lit(True),
    )
    empty = empty_frame(schemas.ANNOTATION_ITEMS)
    return pl.concat([empty, frame], how="diagonal_relaxed").select(empty.columns)


def exported(folder: Path, asked: pl.DataFrame) -> Path:
    folder.mkdir()
    formats.export(asked, folder, GUIDE)
    return folder


def work_of(folder: Path, tool: str, annotator: str) -> Path:
    (path,) = (folder / tool).glob(f"{annotator}.json*")
    return path


def test_every_format_is_tested() -> None:
    assert formats.formats() == sorted(TOOLS)


texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40).filter(str.strip)
answers = st.builds(
    Said,
    st.sampled_from(LABELS),
    st.sampled_from(LABELS),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20).map(str.strip),
    st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2035, 1, 1)).map(
        lambda time: time.replace(microsecond=0, tzinfo=dt.UTC)
    ),
)


@pytest.mark.parametrize("tool", TOOLS)
@given(
    said=st.lists(st.tuples(texts, answers), min_size=1, max_size=8), name=st.sampled_from(["ann", "a.b@c-d.example"])
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_nothing_is_lost_on_the_way(
    tool: str, said: list[tuple[str, Said]], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    asked = items([text for text, _ in said], annotators=[name])
    folder = exported(tmp_path_factory.mktemp("out") / "batch", asked)
    answers = dict(zip(asked["id"], [one for _, one in said], strict=True))
    path = TOOLS[tool](work_of(folder, tool, name), answers, name=name)
    found_tool, found = formats.read(path)
    assert found_tool == tool
    judged = judge(frame(found), asked)
    assert judged["reason"].null_count() == judged.height == len(said)
    for row in judged.iter_rows(named=True):
        one = answers[row["id"]]
        assert (row["form"], row["function"]) == (one.form, one.function)
        assert (row["comment"] or "") == one.comment
        assert (row["annotator"], row["guide_version"]) == (name, GUIDE.version)
        assert row["annotated_at"] == (None if tool == "doccano" else one.time)
    assert sorted(judged["text"]) == sorted(asked["text"])


@pytest.mark.parametrize("tool", TOOLS)
def test_each_annotator_has_their_own_file(tool: str, tmp_path: Path) -> None:
    asked = pl.concat([items(["both"], annotators=["ann", "ben"]), items(["hers"], annotators=["ann"], ids=["x#0-4"])])
    folder = exported(tmp_path / "batch", asked)
    said = dict.fromkeys(asked["id"], Said("none", "none", "", TIME))
    seen = {
        name: frame(formats.read(TOOLS[tool](work_of(folder, tool, name), said, name=name))[1])["text"].to_list()
        for name in ("ann", "ben")
    }
    assert seen == {"ann": ["both", "hers"], "ben": ["both"]}


def test_beside_the_files_are_guide_labels_and_how_to_import(tmp_path: Path) -> None:
    folder = exported(tmp_path / "batch", items(["one"]))
    assert (folder / "annotation_guide.md").read_text() == GUIDE.text
    readme = (folder / "README.md").read_text()
    assert "guide version 3" in readme
    assert all(f"## {tool}" in readme for tool in TOOLS)
    labels = json.loads((folder / "doccano" / "label_config.json").read_text())
    assert [label["text"] for label in labels] == label_names()
    view = ElementTree.fromstring((folder / "label_studio" / "label_config.xml").read_text())
    choices = {each.get("name"): [one.get("value") for one in each] for each in view.iter("Choices")}
    assert choices == {"form": list(LABELS), "function": list(LABELS)}
    (task,) = (folder / "prodigy" / "ann.jsonl").read_text().splitlines()
    assert [option["id"] for option in json.loads(task)["options"]] == label_names()


def test_annotators_see_neither_reason_nor_prediction(tmp_path: Path) -> None:
    asked = items(["one"]).with_columns(reason=pl.lit("uncertain"), form=pl.lit("commissive"))
    folder = exported(tmp_path / "batch", asked)
    assert "uncertain" not in (folder / "doccano" / "ann.jsonl").read_text()
    assert "commissive" not in (folder / "doccano" / "ann.jsonl").read_text()
    assert "uncertain" not in (folder / "label_studio" / "ann.json").read_text()


def doccano_row(asked: pl.DataFrame, **changed: Any) -> dict[str, Any]:
    row = {"text": asked["text"][0], "utterance_id": asked["id"][0], "annotator": "ann", "guide_version": "3"}
    return row | {"label": ["form: question", "function: directive"], "Comments": []} | changed


@pytest.mark.parametrize(
    ("changed", "reason", "detail"),
    [
        ({"label": []}, "unlabelled", None),
        ({"label": ["form: question", "function: plea"]}, "unknown_label", "plea"),
        ({"label": ["form: question", "function: directive", "spam"]}, "unknown_label", "spam"),
        ({"label": ["form: none", "form: question", "function: none"]}, "two_forms", "none, question"),
        ({"label": ["form: none", "function: question", "function: none"]}, "two_functions", "question, none"),
        ({"label": ["form: none"]}, "no_function", None),
        ({"label": ["function: none"]}, "no_form", None),
        ({"utterance_id": ""}, "missing_id", None),
        ({"utterance_id": "never asked"}, "unknown_id", None),
        ({"annotator": None}, "no_annotator", None),
        ({"text": "One?"}, "text_changed", None),
        ({"text": None}, "text_changed", None),
    ],
)
def test_what_is_wrong_is_said(changed: dict[str, Any], reason: str, detail: str | None, tmp_path: Path) -> None:
    asked = items(["one"])
    path = tmp_path / "ann.jsonl"
    path.write_text(json.dumps(doccano_row(asked)) + "\n" + json.dumps(doccano_row(asked, **changed)) + "\n{broken\n")
    judged = judge(frame(formats.read(path)[1]), asked)
    assert judged["reason"].to_list() == [None, reason, "unreadable"]
    assert judged["detail"].to_list() == [None, detail, None]
    assert judged["line"].to_list() == [1, 2, 3]


def test_tools_say_what_was_skipped(tmp_path: Path) -> None:
    asked = items(["one", "two", "three"])
    folder = exported(tmp_path / "batch", asked)
    said = dict.fromkeys(asked["id"], Said("none", "none", "", TIME))
    path = in_prodigy(work_of(folder, "prodigy", "ann"), said, name="ann")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["answer"], rows[1]["answer"], rows[2]["_timestamp"] = "ignore", "reject", 1e300
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    reasons = judge(frame(formats.read(path)[1]), asked)["reason"].to_list()
    assert reasons == ["skipped", "skipped", "unreadable"]
    path = in_label_studio(work_of(folder, "label_studio", "ann"), said, name="ann")
    tasks = json.loads(path.read_text())
    tasks[0]["annotations"][0]["was_cancelled"] = True
    tasks[1]["annotations"] = []
    tasks[2]["annotations"][0] |= {"completed_by": 12, "updated_at": "yesterday"}
    tasks.append("no task")
    path.write_text(json.dumps(tasks))
    reasons = judge(frame(formats.read(path)[1]), asked)["reason"].to_list()
    assert reasons == ["skipped", "unlabelled", "unreadable", "unreadable"]


def test_in_label_studio_who_annotated_counts_not_for_whom_it_was_made(tmp_path: Path) -> None:
    asked = items(["one"])
    path = in_label_studio(
        work_of(exported(tmp_path / "batch", asked), "label_studio", "ann"),
        {asked["id"][0]: Said("none", "none", "", TIME)},
        name="ben@example.org",
    )
    (task,) = json.loads(path.read_text())
    task["annotations"].append(task["annotations"][0] | {"completed_by": 12})
    path.write_text(json.dumps([task]))
    assert [answer.annotator for answer in formats.read(path)[1]] == ["ben@example.org", "user 12"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jsonl", b""),
        ("notes.txt", b"Call Ann back\n"),
        ("broken.json", b'[{"data": {'),
        ("table.csv", b"text,label\none,question\n"),
        ("binary.jsonl", b"\xff\xfe\x00\x00"),
        ("torn.zip", b"PK\x03\x04torn"),
        ("latin.jsonl", b'{"text": "gr\xfc\xdfe", "label": []}\n'),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=name):
        formats.read(tmp_path / name)


def test_a_guide_without_a_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text("# Guide\n")
    with pytest.raises(ConfigError, match="no line such as"):
        read_guide(str(path))
    path.write_text("# Guide\n\nVersion 2.1. Changed.\n")
    assert read_guide(str(path)).version == "2.1"
    with pytest.raises(ConfigError, match="does not exist"):
        read_guide(str(tmp_path / "none.md"))


def test_the_project_s_own_guide_has_a_version() -> None:
    assert read_guide(str(Path(__file__).parents[3] / "docs" / "annotation_guide.md")).version == "1"
