"""The file of references: what it may say, and that everything else is refused by name."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from parlance import references
from parlance.errors import ConfigError
from parlance.references import SIGNALS, References

SAMPLE = Path(__file__).parents[3] / "sample" / "references.yaml"
ITEM = {
    "question": "How many days of leave may be carried over into the next year?",
    "answer": {"text": ["five", None]},
}


def written(folder: Path, text: str, **files: str | bytes) -> str:
    """A references file beside the `files` it names; `__` stands for a dot in their names."""
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name.replace("__", ".")).write_bytes(data)
    (folder / "references.yaml").write_text(text, encoding="utf-8")
    return str(folder / "references.yaml")


def compiled(folder: Path, text: str, **files: str | bytes) -> tuple[references.Report, References]:
    named = references.read(written(folder, text, **files))
    made = folder / "made"
    made.mkdir()
    return references.compile(named, made), references.load(made)


def test_the_sample_has_every_kind(tmp_path: Path) -> None:
    report = references.compile(references.read(str(SAMPLE)), tmp_path)
    assert (report.hosts, report.words, report.lines_without_host) == (4, 4, 0)
    assert report.sets == [{"set": "water_questions", "items": 7, "too_short": 1, "sequences": 113}]
    assert report.quality is not None
    assert report.quality["roc_auc"] > 0.9
    assert references.read_report(tmp_path) == report
    loaded = references.load(tmp_path)
    assert None not in (loaded.hosts, loaded.words, loaded.evaluations, loaded.quality)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"], ids=["empty", "a comment", "no setting"])
def test_nothing_may_be_named(tmp_path: Path, text: str) -> None:
    report, loaded = compiled(tmp_path, text)
    assert report == references.Report()
    found = loaded.compare(pl.DataFrame({"text": ["a", ""]}))
    assert dict(found.schema) == SIGNALS
    assert found.rows() == [(0.0, 0, 0.0, None, None)] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "holds ['a']; allowed: blocked_hosts, blocked_words, evaluation_sets, quality"),
        ("blocked_host: [a.txt]", "unknown settings ['blocked_host']; known: blocked_hosts"),
        ("blocked_hosts: a.txt", "blocked_hosts is 'a.txt'; allowed: a list"),
        ("blocked_hosts: []", "blocked_hosts is []; allowed: a list of one text or more"),
        ("blocked_hosts:", "blocked_hosts is None; allowed: a list"),
        ("blocked_words: [3]", "blocked_words is [3]"),
        ("blocked_words: [gone.txt]", "gone.txt"),
        ("evaluation_sets: {}", "evaluation_sets is {}; allowed: sets by name"),
        ("evaluation_sets: {a: {}}", "'a' has no files"),
        ("evaluation_sets: {a: {files: [a.txt], field: [b]}}", "unknown settings ['field']; known: files, fields"),
        ("evaluation_sets: {a: [a.txt]}", "evaluation set 'a' holds ['a.txt']; allowed: files, fields"),
        ("quality: {positive: [a.txt]}", "quality lacks ['negative']"),
        ("quality: []", "quality holds []"),
        ("a: [", "cannot be read"),
    ],
)
def test_what_may_not_be_said_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text, a__txt="a.example\n")
    with pytest.raises(ConfigError) as error:
        references.read(path)
    assert message in str(error.value)
    assert "references.yaml" in str(error.value)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        references.read(str(tmp_path / "none.yaml"))


QUESTIONS = "evaluation_sets: {hr: {files: [a.txt], fields: [question]}}"
PLAIN = "evaluation_sets: {hr: {files: [a.txt]}}"
CLASSES = "quality: {positive: [a.jsonl], negative: [b.jsonl]}"


@pytest.mark.parametrize(
    ("text", "content", "message"),
    [
        ("blocked_hosts: [a.txt]", b"", "no entry in"),
        ("blocked_hosts: [a.txt]", b"# only\n \n#comments\n", "no entry in"),
        ("blocked_hosts: [a.txt]", b"not a host\n", "such as 'not a host'"),
        ("blocked_words: [a.txt]", b"\xef\xbb\xbf\r\n", "no entry in"),
        ("blocked_words: [a.txt]", b"a\0b", "no text: it has NUL bytes"),
        ("blocked_words: [a.txt]", gzip.compress(b"word\n" * 9, mtime=0)[:-12], "damaged"),
        ("blocked_words: [a.txt]", b"word " * 49, "too many words; allowed: up to 48"),
        (PLAIN, b"", "no item in"),
        (PLAIN, b"too short\n", "no item has 8 words or more"),
        (PLAIN, b'{"question": "a"}', "has fields; allowed: to name those"),
        (PLAIN, b"PAR1", "has fields"),
        (QUESTIONS, b"How many?\n", "has no fields ['question']"),
        (QUESTIONS, b'{"query": "a"}', "item 1 has no field 'question'; known: query"),
        (QUESTIONS, b'{"question": "a"}\n{"question": ', "item 2: "),
        (QUESTIONS, b"PAR1 and no more", "no Parquet file"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, content: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        compiled(tmp_path, text, a__txt=content)
    assert message in str(error.value)


def test_too_few_texts_for_a_classifier_are_counted(tmp_path: Path) -> None:
    line = json.dumps({"text": "a text"})
    with pytest.raises(ConfigError, match="positive has 1 different texts"):
        compiled(tmp_path, CLASSES, a__jsonl=line, b__jsonl=json.dumps({"text": "another"}))


@pytest.mark.parametrize("form", ["lines", "list", "parquet", "packed"])
def test_items_are_read_from_every_form(tmp_path: Path, form: str) -> None:
    rows = [ITEM, ITEM | {"question": "Who is asked first when the heating in the north wing fails again?"}]
    data = {
        "lines": "\ufeff" + "\r\n".join(json.dumps(row) for row in rows) + "\r\n",
        "list": json.dumps(rows, indent=1),
        "packed": gzip.compress("\n".join(map(json.dumps, rows)).encode()),
    }
    if form == "parquet":
        pl.DataFrame(rows).write_parquet(tmp_path / "a.txt")
    else:
        written(tmp_path, "", a__txt=data[form])
    text = "evaluation_sets: {hr: {files: [a.txt], fields: [question, answer.text]}}"
    report, loaded = compiled(tmp_path, text)
    assert report.sets == [{"set": "hr", "items": 2, "too_short": 0, "sequences": 4}]
    found = loaded.compare(pl.DataFrame({"text": ["x " + rows[1]["question"] + " five", ITEM["question"] + " Five."]}))
    assert found["contaminated_by"].to_list() == ["hr#2", "hr#1"]
    assert found["contamination"].to_list() == [1.0, 1.0]


def test_only_what_is_named_changes_the_version(tmp_path: Path) -> None:
    text = "blocked_hosts: [a.txt]\nquality: {positive: [b.txt], negative: [c.txt]}"
    path = written(tmp_path, text, a__txt="a.example\n", b__txt="good", c__txt="bad")
    before = references.read(path).version
    written(tmp_path, f"# a comment\n{text}")
    assert references.read(path).version == before
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert references.read(written(other, text, a__txt="a.example\n", b__txt="good", c__txt="bad")).version == before
    swapped = written(tmp_path, text.replace("b.txt", "d.txt").replace("c.txt", "b.txt").replace("d.txt", "c.txt"))
    assert references.read(swapped).version != before
    written(tmp_path, text, a__txt="b.example\n")
    assert references.read(path).version != before
