"""Label Studio's own library on our export: are configuration, tasks and annotations valid, and is all of it read back?

python -m benchmarks.label_studio

The library comes from PyPI into an environment of its own (`python -m benchmarks.peers`). It stands in for the server,
whose interface it describes; the annotations are of the controls that it found in our configuration.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import dagster as dg
import polars as pl

from benchmarks import peers
from parlance.annotation import formats
from parlance.annotation.answers import frame
from parlance.annotation.judging import judge
from parlance.speech_acts.labels import LABELS
from tests.assets.annotators import Office

PEER = "label-studio-sdk"
SCRIPT = Path(__file__).parent / "peers" / "label_studio_reading.py"


def main() -> int:
    python = peers.python(PEER)
    if python is None:
        print(f"{PEER} is not installed: python -m benchmarks.peers makes its environment", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.ephemeral() as instance:
        office = Office(Path(folder), instance).open()
        assert office.materialize(["corpus", "annotation_batch"], size=100, annotators=["ann"]).success
        batch = office.lake.files.folder("corpus/annotation_batch") / "label_studio"
        export = Path(folder, "export.json")
        command = [str(python), str(SCRIPT), str(batch / "label_config.xml"), str(batch / "ann.json"), str(export)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        judged = judge(frame(formats.read(export)[1]), office.rows("corpus/annotation_items"))
        said = {
            (
                task["data"]["utterance_id"],
                *(result["value"]["choices"][0] for result in task["annotations"][0]["result"][:2]),
            )
            for task in json.loads(export.read_text(encoding="utf-8"))
        }
    accepted = judged.filter(pl.col("reason").is_null())
    equal = len(said & set(accepted.select("id", "form", "function").iter_rows()))
    print(f"{PEER} {peers.version(PEER)}: {found['valid']} of {found['tasks']} tasks are valid")
    used = [accepted[target].n_unique() for target in ("form", "function")]
    print(f"{equal} annotations read back equal, with {used[0]} forms and {used[1]} functions of {len(LABELS)}")
    return 0 if found["valid"] == found["tasks"] == equal else 1


if __name__ == "__main__":
    sys.exit(main())
