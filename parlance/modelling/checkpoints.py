"""The checkpoints of one training run, so that a run that was killed goes on where it stood.

The Trainer writes a checkpoint's `trainer_state.json` after everything else: a folder without it, or with a part of
it, was cut short. `fingerprint.txt` beside the checkpoints says which run they belong to.
"""

import json
import os
import shutil
from pathlib import Path

FINGERPRINT = "fingerprint.txt"
STATE = "trainer_state.json"
BEST = "best-{}.safetensors"  # weights of the best step so far, where a run may stop early


def latest_checkpoint(folder: Path, *, fingerprint: str) -> Path | None:
    """The last complete checkpoint of the run `fingerprint`; null where there is none.

    Makes `folder`, and removes checkpoints of other runs and incomplete ones; other files there stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / FINGERPRINT
    is_ours = marker.exists() and marker.read_text(encoding="utf-8") == fingerprint
    complete = complete_checkpoints(folder) if is_ours else []
    for checkpoint in folder.glob("checkpoint-*"):
        if checkpoint not in complete:
            shutil.rmtree(checkpoint)
    if not complete:
        for weights in folder.glob(BEST.format("*")):
            weights.unlink()
    if not is_ours:  # and whole: a marker cut short would cost the checkpoints of the next start
        scratch = marker.with_suffix(".part")
        scratch.write_text(fingerprint, encoding="utf-8")
        os.replace(scratch, marker)
    return max(complete, key=step_of, default=None)


def complete_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in `folder` that were not cut short, in any order."""
    return [checkpoint for checkpoint in folder.glob("checkpoint-*") if step_of(checkpoint)]


def step_of(checkpoint: Path) -> int:
    """The step at which a complete checkpoint was written; 0 for an incomplete one."""
    try:
        state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # a state cut short is no JSON
        return 0
    return int(state["global_step"])
