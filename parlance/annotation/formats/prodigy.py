"""Prodigy: tasks of the choice interface, https://prodi.gy/docs/api-interfaces#choice."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from parlance.annotation import json_lines
from parlance.annotation.answers import Answer, State, label_names, sorted_out, text_or_none
from parlance.annotation.items import shown

HOW_TO = """
Put `prodigy.json` where Prodigy is started, run `prodigy mark speech_acts ./<annotator>.jsonl --view-id blocks` and
open it with `?session=<annotator>`. Choose one form and one function, then accept; what is rejected or ignored counts
as skipped. Export by `prodigy db-out speech_acts > answers.jsonl`. Prodigy puts the name of the dataset before that of
the annotator; it is taken off again where the file was made for this annotator.
"""
_META: Final = ("before", "speaker", "labels_so_far")


def write(items: pl.DataFrame, folder: Path) -> None:
    """`<annotator>.jsonl`, tasks with all labels as options, and `prodigy.json`."""
    options = [{"id": name, "text": name} for name in label_names()]
    for annotator in items["annotators"].explode().drop_nulls().unique().sort():
        rows = shown(items, annotator)
        tasks = [{**row, "options": options, "meta": {name: row[name] for name in _META if row[name]}} for row in rows]
        json_lines.write(folder / f"{annotator}.jsonl", tasks)
    blocks = [{"view_id": "choice"}, {"view_id": "text_input", "field_id": "comment", "field_label": "Comment"}]
    settings = {"choice_style": "multiple", "blocks": blocks}
    (folder / "prodigy.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def recognises(path: Path) -> bool:
    """JSON lines with `options`, or with the `answer` that Prodigy adds."""
    row = json_lines.first(path.read_bytes())
    return row is not None and ("options" in row or "answer" in row)


def read(path: Path) -> Iterator[Answer]:
    """The answers of `prodigy db-out`; `_timestamp` is in seconds since 1970."""
    for number, row in json_lines.rows(path.read_bytes()):
        try:
            yield Answer(number, state=State.UNREADABLE) if row is None else _answer(number, row)
        except (ValueError, OverflowError):  # no time
            yield Answer(number, state=State.UNREADABLE)


def _answer(line: int, row: Mapping[str, Any]) -> Answer:
    accepted, seconds = row.get("accept"), row.get("_timestamp")
    is_time = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    return Answer(
        line,
        id=text_or_none(row.get("utterance_id")),
        text=row["text"] if isinstance(row.get("text"), str) else None,
        **sorted_out(accepted if isinstance(accepted, list) else [])._asdict(),
        annotator=_annotator(row),
        annotated_at=dt.datetime.fromtimestamp(float(seconds), dt.UTC) if is_time and seconds is not None else None,
        comment=text_or_none(row.get("comment")),
        guide_version=text_or_none(row.get("guide_version")),
        state=State.ANSWERED if row.get("answer", "accept") == "accept" else State.SKIPPED,
    )


def _annotator(row: Mapping[str, Any]) -> str | None:
    """The session's name without that of the dataset before it, where the file was made for that annotator."""
    said = text_or_none(row.get("_annotator_id")) or text_or_none(row.get("_session_id"))
    meant = text_or_none(row.get("annotator"))
    return meant if said is None or (meant and said.endswith(f"-{meant}")) else said
