"""What LLaMA-Factory and axolotl have to be told about the files of an export."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from parlance.instruct.formats import loaded

DATASET_INFO, AXOLOTL = "dataset_info.json", "axolotl.yaml"
_HEAD: Final = """\
# One entry for each layout: take one into `datasets:` of your own configuration, with the folder before each path.
# Those with `chat_template` have loss on the assistant's messages alone, by the template of the tokenizer.
"""


class _Plain(yaml.SafeDumper):
    """Writes each entry in full, so that one can be taken out."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def write_trainer_files(folder: Path, rows: Mapping[str, int]) -> list[str]:
    """Writes `dataset_info.json` (LLaMA-Factory's `dataset_dir` is `folder`) and `axolotl.yaml`; returns their names.

    `rows` are those of `write`: a file without rows is in neither, since no trainer loads one.
    """
    tables = [name for name, count in rows.items() if count and name.endswith(".parquet")]
    info = json.dumps(dataset_info(tables), indent=2) + "\n"
    (folder / DATASET_INFO).write_text(info, encoding="utf-8")
    snippet = _HEAD + yaml.dump(axolotl(tables), Dumper=_Plain, sort_keys=False)
    (folder / AXOLOTL).write_text(snippet, encoding="utf-8")
    return [DATASET_INFO, AXOLOTL]


def dataset_info(tables: Sequence[str]) -> dict[str, Any]:
    """LLaMA-Factory's entries by data set, which is `<format>_<split>`, for files `<format>/<split>.parquet`.

    >>> dataset_info(["landmarks/train.parquet", "prompt_completion/train.parquet"])
    {'landmarks_train': {'file_name': 'landmarks/train.parquet', 'columns': {'prompt': 'text'}}}
    """
    named = [(*_parts(table), table) for table in tables]
    entries = [(f"{name}_{split}", loaded(name).LLAMA_FACTORY, table) for name, split, table in named]
    return {title: {"file_name": table, **entry} for title, entry, table in entries if entry is not None}


def axolotl(tables: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Axolotl's `datasets` of split train and `test_datasets` of split validation.

    >>> axolotl(["landmarks/train.parquet"])["datasets"]
    [{'path': 'landmarks/train.parquet', 'ds_type': 'parquet', 'type': 'completion', 'field': 'text'}]
    """
    keys = {"train": "datasets", "validation": "test_datasets"}
    found: dict[str, list[dict[str, Any]]] = {key: [] for key in keys.values()}
    for table in tables:
        name, split = _parts(table)
        entry = loaded(name).AXOLOTL
        if entry is not None and split in keys:
            # A file of its own is split `train` to `datasets`, which is axolotl's default for `datasets` alone.
            named = {} if split == "train" else {"split": "train"}
            found[keys[split]].append({"path": table, "ds_type": "parquet", **named, **entry})
    return found


def _parts(table: str) -> tuple[str, str]:
    name, _, file = table.partition("/")
    return name, Path(file).stem
