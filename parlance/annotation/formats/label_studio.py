"""Label Studio: tasks as JSON and a labelling configuration, https://labelstud.io/guide/task_format."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from parlance.annotation.answers import FORM, FUNCTION, TARGETS, Answer, State, text_or_none
from parlance.annotation.items import shown
from parlance.speech_acts.labels import LABELS

HOW_TO = """
Make a project, paste `label_config.xml` under *Labeling Interface > Code*, and import `<annotator>.json`. Export as
JSON (not JSON-MIN). An annotator is who completed the annotation: the e-mail address where the export has it, else
`user <number>`.
"""
_COMMENT: Final = "comment"


def write(items: pl.DataFrame, folder: Path) -> None:
    """`<annotator>.json`, a list of tasks, and `label_config.xml`."""
    for annotator in items["annotators"].explode().drop_nulls().unique().sort():
        tasks = [{"data": row} for row in shown(items, annotator)]
        (folder / f"{annotator}.json").write_text(json.dumps(tasks, indent=1) + "\n", encoding="utf-8")
    (folder / "label_config.xml").write_text(label_config(), encoding="utf-8")


def label_config() -> str:
    """The labelling interface: what stands before, the utterance, one form, one function, a comment."""
    choices = [
        line
        for target in TARGETS
        for line in (
            f'  <Header value="{target.capitalize()}"/>',
            f'  <Choices name="{target}" toName="text" choice="single" required="true" showInline="true">',
            *(f'    <Choice value="{label}"/>' for label in LABELS),
            "  </Choices>",
        )
    ]
    lines = [
        "<View>",
        '  <Text name="before" value="$before"/>',
        '  <Text name="labels_so_far" value="$labels_so_far"/>',
        '  <Header value="$speaker"/>',
        '  <Text name="text" value="$text"/>',
        *choices,
        f'  <TextArea name="{_COMMENT}" toName="text" placeholder="Comment" maxSubmissions="1" required="false"/>',
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def recognises(path: Path) -> bool:
    """A JSON list of objects with `data`."""
    with path.open("rb") as file:
        if not file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
            return False
    tasks = json.loads(path.read_bytes().decode("utf-8-sig"))
    return any(isinstance(task, dict) and isinstance(task.get("data"), dict) for task in tasks)


def read(path: Path) -> Iterator[Answer]:
    """One answer for each annotation; one without labels for a task that has none. `line` is the answer's place."""
    asked = [
        (task, annotation)
        for task in json.loads(path.read_bytes().decode("utf-8-sig"))
        for annotation in ((task.get("annotations") if isinstance(task, dict) else None) or [{}])
    ]
    for number, (task, annotation) in enumerate(asked, start=1):
        try:
            yield _answer(number, task["data"], annotation)
        except (ValueError, TypeError, AttributeError, KeyError):  # no time, or no object where one must be
            yield Answer(number, state=State.UNREADABLE)


def _answer(line: int, data: Mapping[str, Any], annotation: Mapping[str, Any]) -> Answer:
    chosen: dict[str, list[str]] = {FORM: [], FUNCTION: []}
    other: list[str] = []
    comments: list[str] = []
    for result in annotation.get("result") or []:
        value, name = result.get("value") or {}, result.get("from_name")
        if name == _COMMENT:
            texts = value.get("text") or []
            comments += [texts] if isinstance(texts, str) else map(str, texts)
        else:
            chosen.get(name, other).extend(map(str, value.get("choices") or []))
    return Answer(
        line,
        id=text_or_none(data.get("utterance_id")),
        text=data["text"] if isinstance(data.get("text"), str) else None,
        forms=chosen[FORM],
        functions=chosen[FUNCTION],
        other=other,
        annotator=_annotator(annotation.get("completed_by")) if annotation else text_or_none(data.get("annotator")),
        annotated_at=_time(annotation.get("updated_at") or annotation.get("created_at")),
        comment=text_or_none("\n".join(comments)),
        guide_version=text_or_none(data.get("guide_version")),
        state=State.SKIPPED if annotation.get("was_cancelled") else State.ANSWERED,
    )


def _annotator(completed_by: Any) -> str | None:
    """Exports have a number, or an object with the user's fields."""
    if isinstance(completed_by, Mapping):
        return text_or_none(completed_by.get("email")) or _annotator(completed_by.get("id"))
    return None if completed_by is None else f"user {completed_by}"


def _time(value: Any) -> dt.datetime | None:
    if not value:
        return None
    time = dt.datetime.fromisoformat(str(value))
    return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
