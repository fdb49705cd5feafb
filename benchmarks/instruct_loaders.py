"""Whether trainers read what is exported: datasets, TRL, axolotl and LLaMA-Factory, each by its own code.

    python -m benchmarks.instruct_loaders [EXPORT TOKENIZER]

Without arguments the latest export and tokenizer of the lake, after `make run`. `datasets` loads every layout by the
card; TRL trains three steps of a Llama of random weights, and its loss masks are compared with ours; axolotl and
LLaMA-Factory run in processes of their own, where they are installed. Of axolotl it is the schema of `datasets` and the
prompt strategies that run, of LLaMA-Factory the parser of `dataset_info.json` and the converters; neither trains.

    python -m pip install --no-deps --target .peers/axolotl axolotl addict
    python -m pip install --no-deps --target .peers/llamafactory llamafactory

One that is not installed, or that does not load, is named as skipped: nothing is said of it then.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peers import FOLDER
from orchestration.settings import lake_root
from parlance.lake import Lake
from parlance.tokenization.masking import ChatTokenizer

SCRIPTS = Path(__file__).parent / "peers"
LENGTH, IGNORED = 4096, -100
Row = tuple[str, str, str, str]


def datasets_rows(export: Path, scratch: Path) -> list[Row]:
    """Every layout by the card, its splits, and whether its JSON lines load as the same rows."""
    from datasets import get_dataset_config_names, load_dataset

    rows = []
    for name in get_dataset_config_names(str(export)):
        loaded = load_dataset(str(export), name, cache_dir=str(scratch))
        lines = {split: str(export / name / f"{split}.jsonl") for split in loaded}
        same = load_dataset("json", data_files=lines, cache_dir=str(scratch))
        equal = all(same[split].to_list() == loaded[split].to_list() for split in loaded)
        counts = ", ".join(f"{split} {part.num_rows}" for split, part in loaded.items())
        rows.append(("datasets", name, counts, "JSON lines equal Parquet" if equal else "JSON LINES DIFFER"))
    return rows


def trl_rows(export: Path, tokenizer: Path, scratch: Path) -> list[Row]:
    """Three steps on each layout that TRL reads, and which tokens have loss."""
    from datasets import load_dataset
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
    from trl import SFTConfig, SFTTrainer

    ours = ChatTokenizer(tokenizer)
    rows = []
    for name, wanted in (
        ("chatml", {"assistant_only_loss": True}),
        ("prompt_completion", {"completion_only_loss": True}),
        ("landmarks", {}),
    ):
        data = load_dataset(str(export), name, split="train", cache_dir=str(scratch))
        words = AutoTokenizer.from_pretrained(tokenizer)
        sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
        trainer = SFTTrainer(
            model=LlamaForCausalLM(LlamaConfig(vocab_size=len(words), max_position_embeddings=LENGTH, **sizes)),
            args=SFTConfig(
                output_dir=str(scratch / name),
                report_to="none",
                use_cpu=True,
                bf16=False,
                max_steps=3,
                per_device_train_batch_size=2,
                max_length=LENGTH,
                **wanted,
            ),
            train_dataset=data,
            processing_class=words,
        )
        made = [(row["input_ids"], _mask(row["labels"])) for row in trainer.train_dataset]
        learned = sum(sum(mask) for _, mask in made) / sum(len(mask) for _, mask in made)
        said = f"loss on {learned:.0%} of the tokens"
        if name == "chatml":
            equal = sum(one == tuple(ours.masked(row["messages"])) for one, row in zip(made, data, strict=True))
            said += f"; ids and masks equal ours in {equal} of {len(made)} rows"
            said += "" if equal == len(made) else ": THEY DIFFER"
        loss = trainer.train().training_loss
        rows.append(("trl", name, f"{len(data)} rows, loss {loss:.2f}", said))
    return rows


def _mask(labels: list[int]) -> list[int]:
    return [int(label != IGNORED) for label in labels]


def peer_rows(peer: str, *arguments: str) -> list[Row]:
    """What a peer's script says of each layout, or why it says nothing."""
    folder = FOLDER / peer
    if not folder.exists():
        return [(peer, "all", "SKIPPED", f"not installed in {folder.name}: see the head of this file")]
    command = [sys.executable, str(SCRIPTS / f"{peer}_reading.py"), *arguments]
    environment = os.environ | {"PYTHONPATH": str(folder), "HF_HUB_OFFLINE": "1", "AXOLOTL_DO_NOT_TRACK": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return [(peer, "all", "SKIPPED", f"does not load: {done.stderr.strip().splitlines()[-1]}")]
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.strip().splitlines()[-1])
    return [(peer, name, f"{one.pop('rows')} rows", _said(one)) for name, one in found.items()]


def _said(figures: dict[str, int]) -> str:
    return ", ".join(f"{name} {value:,}" for name, value in figures.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", nargs="?", type=Path)
    parser.add_argument("tokenizer", nargs="?", type=Path)
    options = parser.parse_args()
    files = Lake(root=lake_root()).files
    export = options.export or files.folder("instruct/exports")
    tokenizer = options.tokenizer or files.folder("tokenizers/byte_level_bpe")
    os.environ.update({"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"})
    with tempfile.TemporaryDirectory() as scratch:
        rows = [
            *datasets_rows(export, Path(scratch)),
            *trl_rows(export, tokenizer, Path(scratch)),
            *peer_rows("axolotl", str(export), str(tokenizer)),
            *peer_rows("llamafactory", str(export)),
        ]
    grid = Table(title=f"Exports read by trainers: {export}", title_justify="left")
    for column in ("tool", "layout", "read", "found"):
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    Console(width=140).print(grid)
    return int(any("DIFFER" in row[3] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
