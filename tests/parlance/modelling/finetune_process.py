"""A fine-tune in a process that a test can kill: says the step on stdout and, at `stop_at`, waits for its end.

python finetune_process.py SPEC.json
"""

import json
import sys
from pathlib import Path

from tiny_models import ANSWERS, examples

from parlance.modelling import FinetuningSettings, Progress, finetune

SETTINGS = FinetuningSettings(
    rank=4,
    alpha=8,
    sequence_length=64,
    # Two steps an epoch, the second of them half: checkpoints fall inside epochs and at their ends.
    batch_size=1,
    gradient_accumulation=2,
    epochs=6,
    logging_steps=1,
    validation_steps=2,
    save_steps=3,
    learning_rate=0.01,
)
TRAIN = dict(list(ANSWERS.items())[:3])


def main(spec: dict[str, str | int]) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == spec["stop_at"]:
            print(f"stopped at {progress.step} of {progress.steps}", flush=True)
            sys.stdin.read()  # until the test kills this process

    validation = examples(dict([list(ANSWERS.items())[3]]), split="validation")
    report = finetune(
        examples(TRAIN).vstack(validation),
        base=str(spec["base"]),
        output=Path(str(spec["output"])),
        checkpoints=Path(str(spec["checkpoints"])),
        settings=SETTINGS,
        progress=stop,
    )
    print(json.dumps({"resumed_from": report.resumed_from, "losses": report.train_losses, "tokens": report.tokens}))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
