"""What the annotation tools make of an exported file when somebody has answered it."""

import datetime as dt
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Said(NamedTuple):
    """What an annotator says of one utterance."""

    form: str
    function: str
    comment: str
    time: dt.datetime


def in_doccano(path: Path, said: Mapping[str, Said], *, name: str) -> Path:
    """What doccano 1.8.4 exports for one user, as it was recorded by benchmarks/doccano.py."""
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        row = json.loads(line)
        one = said.get(row["utterance_id"])
        meta = {key: value for key, value in row.items() if key not in ("text", "label")}
        labels = sorted([f"form: {one.form}", f"function: {one.function}"]) if one else []
        comments = [one.comment] if one and one.comment else []
        rows.append({"id": number, "text": row["text"], **meta, "label": labels, "Comments": comments})
    path = path.with_name(f"{name}.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def in_label_studio(path: Path, said: Mapping[str, Said], *, name: str) -> Path:
    """What Label Studio 1.x exports as JSON, with the fields of its documentation of tasks."""
    tasks = []
    for number, task in enumerate(json.loads(path.read_text()), start=1):
        one = said.get(task["data"]["utterance_id"])
        annotations = [_annotation(one, name)] if one else []
        tasks.append({"id": number, "project": 1, "data": task["data"], "annotations": annotations, "predictions": []})
    path = path.with_name("project-1-at-2026-03-02.json")
    path.write_text(json.dumps(tasks))
    return path


def _annotation(said: Said, name: str) -> dict[str, Any]:
    chosen = [
        {"from_name": target, "to_name": "text", "type": "choices", "value": {"choices": [getattr(said, target)]}}
        for target in ("form", "function")
    ]
    comment = {"from_name": "comment", "to_name": "text", "type": "textarea", "value": {"text": [said.comment]}}
    time = said.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "id": 7,
        "completed_by": {"id": 1, "email": name, "first_name": "", "last_name": ""},
        "result": [*chosen, *([comment] if said.comment else [])],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": time,
        "updated_at": time,
        "lead_time": 4.2,
    }


def in_prodigy(path: Path, said: Mapping[str, Said], *, name: str) -> Path:
    """What `prodigy db-out` writes for the choice interface; seconds are whole."""
    rows = []
    for line in path.read_text().splitlines():
        task = json.loads(line)
        if one := said.get(task["utterance_id"]):
            accept = [f"function: {one.function}", f"form: {one.form}"]
            added = {"_input_hash": 1, "_task_hash": 2, "_view_id": "blocks", "accept": accept, "answer": "accept"}
            session = {"_timestamp": int(one.time.timestamp()), "_annotator_id": f"speech-acts-{name}"}
            comment = {"comment": one.comment} if one.comment else {}
            rows.append({**task, **added, **session, **comment})
    path = path.with_name("answers.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


TOOLS: dict[str, Callable[..., Path]] = {
    "doccano": in_doccano,
    "label_studio": in_label_studio,
    "prodigy": in_prodigy,
}
