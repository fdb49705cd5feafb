"""Fine-tunes that are killed, each in a process of its own, forked from this one so that torch is loaded once.

python finetune_process.py SPEC.json writes a line of JSON for each run: whether it was killed, or its report.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tiny_models import ANSWERS, examples

from parlance.modelling import FinetuningSettings, finetune
from parlance.modelling.reports import Progress

SETTINGS: dict[str, Any] = {
    "rank": 4,
    "alpha": 8,
    "sequence_length": 64,
    # Two steps an epoch, the second of them half: checkpoints fall inside epochs and at their ends.
    "batch_size": 1,
    "gradient_accumulation": 2,
    "epochs": 6,
    "logging_steps": 1,
    "validation_steps": 2,
    "save_steps": 3,
    "learning_rate": 0.01,
}
TRAIN = dict(list(ANSWERS.items())[:3])


def trained(run: dict[str, Any], base: str) -> dict[str, Any]:
    """One fine-tune, killed at the step `die_at_step`, or when it opens the file `die_at_file` of a checkpoint."""

    def listen(progress: Progress) -> None:
        if progress.step == run.get("die_at_step"):
            os.kill(os.getpid(), signal.SIGKILL)

    if "die_at_file" in run:
        opened = 0

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal opened
            writes = event == "open" and "w" in str(arguments[1])
            if writes and "checkpoint-" in str(arguments[0]):
                opened += 1
                if opened == run["die_at_file"]:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
    validation = examples(dict([list(ANSWERS.items())[3]]), split="validation")
    report = finetune(
        examples(TRAIN).vstack(validation),
        base=base,
        output=Path(run["output"]),
        checkpoints=Path(run["checkpoints"]),
        settings=FinetuningSettings(**{**SETTINGS, **run.get("settings", {})}),
        progress=listen,
    )
    return {
        "resumed_from": report.resumed_from,
        "steps": report.steps,
        "best_step": report.best_step,
        "stopped_early": report.stopped_early,
        "losses": report.train_losses,
        "validation_losses": report.validation_losses,
        "tokens": report.tokens,
    }


def main(spec: dict[str, Any]) -> None:
    for run in spec["runs"]:
        sys.stdout.flush()
        child = os.fork()
        if not child:
            print(json.dumps(trained(run, spec["base"])), flush=True)
            os._exit(0)
        if "die_after_s" in run:
            time.sleep(run["die_after_s"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            print(json.dumps({"killed": os.WTERMSIG(status) == signal.SIGKILL}), flush=True)
        elif status:
            sys.exit(f"the run {run} failed")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
