"""The checkpoints of one training run, so that a run that was killed goes on where it stood.

The Trainer writes a checkpoint's `trainer_state.json` after everything else: a folder without it, or with a part of
it, was cut short. `fingerprint.txt` beside the checkpoints says which run they belong to.
"""

import json
import shutil
from pathlib import Path

FINGERPRINT = "fingerprint.txt"
STATE = "trainer_state.json"


def latest_checkpoint(folder: Path, *, fingerprint: str) -> Path | None:
    """The last complete checkpoint of the run `fingerprint`; null where there is none.

    Makes `folder`, and removes checkpoints of other runs and incomplete ones; other files there stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / FINGERPRINT
    is_ours = marker.exists() and marker.read_text(encoding="utf-8") == fingerprint
    complete = []
    for checkpoint in folder.glob("checkpoint-*"):
        if is_ours and step_of(checkpoint):
            complete.append(checkpoint)
        else:
            shutil.rmtree(checkpoint)
    marker.write_text(fingerprint, encoding="utf-8")
    return max(complete, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """The step at which a complete checkpoint was written; 0 for an incomplete one."""
    try:
        state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # a state cut short is no JSON
        return 0
    return int(state["global_step"])
