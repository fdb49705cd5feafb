"""doccano: text classification with several labels, https://doccano.github.io/doccano/."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from parlance.annotation import json_lines
from parlance.annotation.answers import Answer, State, label_names, sorted_out, text_or_none
from parlance.annotation.items import shown

HOW_TO = """
Make a project *Text Classification*, without *Allow single label* and without *Share annotations across all users*.
Import `label_config.json` under *Labels*, then `<annotator>.jsonl` under *Dataset* (format JSONL, columns `text` and
`label`); best is a project for each annotator. What stands before an utterance is in the table beside it. Export as
JSONL. The archive holds a file for each member, by the user's name; put it into the folder as it is, or the files in
it. Rows without labels, such as all of a member who only administers, are counted as rejected, `unlabelled`. doccano
exports no times: a label counts as given when its file was first seen.
"""
# In an archive with annotations shared by all, nobody is named by the file.
_NOBODY: Final = ("all", "unknown")
_COLOURS: Final = {"form": "#2a6f97", "function": "#e07a5f"}


def write(items: pl.DataFrame, folder: Path) -> None:
    """`<annotator>.jsonl` with an empty `label`; every other key becomes metadata that the export gives back."""
    for annotator in items["annotators"].explode().drop_nulls().unique().sort():
        rows = [{**row, "label": []} for row in shown(items, annotator)]
        json_lines.write(folder / f"{annotator}.jsonl", rows)
    labels = [{"text": name, "background_color": _COLOURS[name.split(":")[0]]} for name in label_names()]
    (folder / "label_config.json").write_text(json.dumps(labels, indent=1) + "\n", encoding="utf-8")


def recognises(path: Path) -> bool:
    """An archive of JSON lines, or JSON lines with a list `label`.

    Exports of doccano hold `id`, `text`, the metadata, `label` and `Comments`.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".jsonl") for name in archive.namelist())
    row = json_lines.first(path.read_bytes())
    return row is not None and isinstance(row.get("label"), list)


def read(path: Path) -> Iterator[Answer]:
    """The answers in an exported archive or in one file of it.

    In an archive the name of a file is who annotated, else the metadata `annotator` says for whom the file was made.
    `line` counts through the archive.
    """
    if not zipfile.is_zipfile(path):
        yield from _answers(path.read_bytes(), annotator=None, offset=0)
        return
    offset = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(name for name in archive.namelist() if name.endswith(".jsonl")):
                stem = Path(name).stem
                content = archive.read(name)
                yield from _answers(content, annotator=None if stem in _NOBODY else stem, offset=offset)
                offset += content.count(b"\n") + 1
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error


def _answers(content: bytes, *, annotator: str | None, offset: int) -> Iterator[Answer]:
    for number, row in json_lines.rows(content):
        if row is None:
            yield Answer(offset + number, annotator=annotator, state=State.UNREADABLE)
        else:
            yield _answer(offset + number, row, annotator)


def _answer(line: int, row: Mapping[str, Any], annotator: str | None) -> Answer:
    labels, comments = row.get("label"), row.get("Comments")
    return Answer(
        line,
        id=text_or_none(row.get("utterance_id")),
        text=row["text"] if isinstance(row.get("text"), str) else None,
        **sorted_out(labels if isinstance(labels, list) else [labels] if labels else [])._asdict(),
        annotator=annotator or text_or_none(row.get("annotator")),
        comment=text_or_none("\n".join(map(str, comments)) if isinstance(comments, list) else comments),
        guide_version=text_or_none(row.get("guide_version")),
    )
