"""A real doccano in the loop: our export in, labels by two people through its API, its export back, nothing lost.

python -m benchmarks.doccano

Starts doccano from PyPI (environment by `python -m benchmarks.peers`) on loopback, makes users and projects by its REST
API, imports the exported batch through its upload, sets labels and comments as two annotators, exports, puts the
archives into the folder of annotations, lets the sensor see them and runs what it asks for. Then every row is compared.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks import peers
from benchmarks.doccano_server import PASSWORD, Client, running

ANNOTATORS = ("ann", "ben")
SIZE = 60
LEFT_OUT = 9  # every ninth stays without labels


class Said(NamedTuple):
    """What was set through the API."""

    form: str
    function: str
    comment: str


def said_of(utterance: str, annotator: str) -> Said | None:
    """Labels that depend on the id alone, all sixteen of them in use; null for those that stay without."""
    from parlance.speech_acts.labels import LABELS

    number = sum(utterance.encode()) + len(annotator) * (sum(utterance.encode()) % 5 == 0)
    if number % LEFT_OUT == 0:
        return None
    comment = 'Schwer: "ja" – oder \U0001f914?\nzweite Zeile' if number % 4 == 0 else ""
    return Said(LABELS[number % 8], LABELS[(number // 8 + number) % 8], comment)


def annotated(admin: Client, annotator: str, folder: Path) -> tuple[bytes, dict[str, Said]]:
    """Imports the file of one annotator, has them label it, and gives doccano's export and what was said."""
    project = _project(admin, annotator, folder)
    admin.file(f"{project}/category-type-upload", "file", "labels.json", (folder / "label_config.json").read_bytes())
    content = (folder / f"{annotator}.jsonl").read_bytes()
    upload = admin.file("/v1/fp/process/", "filepond", f"{annotator}.jsonl", content).decode()
    asked = {"format": "JSONL", "task": "DocumentClassification", "column_data": "text", "column_label": "label"}
    started = admin.json("POST", f"{project}/upload", asked | {"uploadIds": [upload], "encoding": "utf_8"})
    result = admin.wait(started["task_id"])
    if result.get("result", {}).get("error"):
        raise RuntimeError(f"doccano refused rows of {annotator}: {result}")
    said = _labelled(admin.log_in(annotator), project, annotator)
    started = admin.json("POST", f"{project}/download", {"format": "JSONL", "exportApproved": False})
    admin.wait(started["task_id"])
    return admin.send("GET", f"{project}/download?taskId={started['task_id']}", None, "application/json"), said


def _project(admin: Client, annotator: str, folder: Path) -> str:
    user = {"username": annotator, "password1": PASSWORD, "password2": PASSWORD}
    member = admin.json("POST", "/v1/users/create", user)
    settings = {
        "name": f"Speech acts, {annotator}",
        "description": "Forms and functions",
        "guideline": (folder.parent / "annotation_guide.md").read_text(encoding="utf-8"),
        "project_type": "DocumentClassification",
        "resourcetype": "TextClassificationProject",
        "random_order": False,
        "collaborative_annotation": False,
        "single_class_classification": False,
    }
    project = f"/v1/projects/{admin.json('POST', '/v1/projects', settings)['id']}"
    (role,) = [role["id"] for role in admin.json("GET", "/v1/roles") if role["name"] == "annotator"]
    admin.json("POST", f"{project}/members", {"user": member["id"], "role": role})
    return project


def _labelled(client: Client, project: str, annotator: str) -> dict[str, Said]:
    labels = {label["text"]: label["id"] for label in client.json("GET", f"{project}/category-types")}
    examples = client.json("GET", f"{project}/examples?limit=10000")["results"]
    said = {}
    for example in examples:
        utterance = example["meta"]["utterance_id"]
        one = said_of(utterance, annotator)
        if one is None:
            continue
        said[utterance] = one
        for name in (f"form: {one.form}", f"function: {one.function}"):
            client.json("POST", f"{project}/examples/{example['id']}/categories", {"label": labels[name]})
        if one.comment:
            client.json("POST", f"{project}/comments?example={example['id']}", {"text": one.comment})
    return said


def loop(home: Path) -> list[tuple[str, Any, Any]]:
    """What was wanted and what was found, by name."""
    import dagster as dg

    from orchestration.definitions import defs
    from parlance.lake import Lake
    from tests.assets.annotators import Office

    with dg.DagsterInstance.ephemeral() as instance:
        office = Office(home, instance).open()
        batch = ["corpus", "annotation_batch"]
        assert office.materialize(batch, size=SIZE, annotators=list(ANNOTATORS)).success
        folder = office.lake.files.folder("corpus/annotation_batch") / "doccano"
        (home / "doccano").mkdir()
        with running(home / "doccano") as admin:
            answers = {annotator: annotated(admin, annotator, folder) for annotator in ANNOTATORS}
        for annotator, (archive, _) in answers.items():
            (office.folder / f"{annotator}.zip").write_bytes(archive)
        sensor, cursor, requests = defs().resolve_sensor_def("finished_annotations"), None, []
        for _ in range(3):
            with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
                result = sensor(context)
            cursor, requests = result.cursor, requests + list(result.run_requests)
        assert len(requests) == 1, requests
        ran = (
            defs()
            .resolve_job_def("annotations")
            .execute_in_process(instance=instance, run_config=requests[0].run_config)
        )
        assert ran.success
    return _compared(Lake(root=str(home / "lake")), {name: said for name, (_, said) in answers.items()})


def _compared(lake: Any, said: dict[str, dict[str, Said]]) -> list[tuple[str, Any, Any]]:
    items = lake.table("corpus/annotation_items").scan().collect()
    found = lake.table("corpus/annotations").scan().collect()
    rejected = lake.table("corpus/annotations_rejected").scan().collect()
    wanted = {(each, name): one for name, mine in said.items() for each, one in mine.items()}
    rows = {
        (row["id"], row["annotator"]): Said(row["form"], row["function"], row["comment"] or "")
        for row in found.iter_rows(named=True)
    }
    asked = {name: items.filter(pl.col("annotators").list.contains(name)).height for name in said}
    left = sum(asked.values()) - len(wanted)
    compared = [("labels set and found", len(wanted), len(rows))]
    compared += [
        ("of them equal: form, function, comment", len(wanted), sum(rows.get(k) == v for k, v in wanted.items()))
    ]
    compared += [("guide version", ["1"], found["guide_version"].unique().to_list())]
    for name, mine in said.items():
        unlabelled = rejected.filter(pl.col("annotator") == name, pl.col("reason") == "unlabelled").height
        compared += [(f"rows of {name}: labelled and not", asked[name], len(mine) + unlabelled)]
    by_admin = rejected.filter(pl.col("annotator") == "admin").height
    compared += [("of the administrator, who labelled nothing", sum(asked.values()), by_admin)]
    return [*compared, ("rejected for any other reason", 0, rejected.height - left - by_admin)]


def main() -> int:
    if peers.python("doccano") is None:
        print("doccano is not installed: python -m benchmarks.peers makes its environment", file=sys.stderr)
        return 2
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        home.mkdir()
        os.environ |= {"PARLANCE_HOME": str(home)}
        for name in ("PARLANCE_LAKE", "PARLANCE_ANNOTATIONS"):
            os.environ.pop(name, None)
        rows = loop(home)
    grid = Table("what", "wanted", "found", title=f"doccano {peers.version('doccano')}, there and back")
    for what, wanted, found in rows:
        grid.add_row(what, str(wanted), str(found))
    Console().print(grid)
    Console().print(f"{time.perf_counter() - started:.0f} s")
    return 0 if all(wanted == found for _, wanted, found in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
