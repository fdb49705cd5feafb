"""What axolotl makes of an export: its schema of `datasets`, and its prompt strategies with a tokenizer.

    python axolotl_reading.py EXPORT TOKENIZER

Prints one line of JSON: for each layout the rows that were tokenized, their tokens, and how many of them are learned.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

IGNORED = -100


def main() -> None:
    from axolotl.prompt_strategies import load
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.datasets import SFTDataset
    from transformers import AutoTokenizer

    folder = Path(sys.argv[1])
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
    settings = DictDefault({"sequence_len": 100_000, "train_on_inputs": False})
    found: dict[str, Any] = {}
    for entry in yaml.safe_load((folder / "axolotl.yaml").read_text())["datasets"]:
        checked = SFTDataset(**entry)
        told = DictDefault({name: value for name, value in checked.model_dump().items() if value is not None})
        strategy = load(checked.type, tokenizer, settings, told)
        rows = pq.read_table(folder / entry["path"]).to_pylist()
        batched = strategy.supports_batched
        asked = [{name: [row[name]] for name in row} if batched else row for row in rows]
        made = [strategy.tokenize_prompt(row) for row in asked]
        labels = [label for row in made for label in _flat(row["labels"])]
        learned = sum(label != IGNORED for label in labels)
        name = entry["path"].partition("/")[0]
        found[name] = {"rows": len(rows), "tokens": len(labels), "learned": learned}
    print(json.dumps(found))


def _flat(labels: list[Any]) -> list[int]:
    """A batch has a list for each row."""
    return [one for row in labels for one in row] if labels and isinstance(labels[0], list) else labels


if __name__ == "__main__":
    main()
