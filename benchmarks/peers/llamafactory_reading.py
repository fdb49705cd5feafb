"""What LLaMA-Factory makes of an export, by its own `dataset_info.json` parser and converters.

    python llamafactory_reading.py EXPORT

Prints one line of JSON: for each layout the rows and how many come back as the messages of the ChatML layout.
"""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pyarrow.parquet as pq


def conversation(row: dict[str, Any]) -> list[tuple[str, str]]:
    """System, prompt and response, as LLaMA-Factory holds them."""
    system = [("system", row["_system"])] if row["_system"] else []
    return system + [(one["role"], one["content"]) for one in [*row["_prompt"], *row["_response"]]]


def without_audio() -> None:
    """Lets parser and converters be loaded without `llamafactory.data` itself, which loads libraries for audio."""
    import llamafactory

    package = ModuleType("llamafactory.data")
    package.__path__ = [str(Path(llamafactory.__path__[0], "data"))]
    sys.modules[package.__name__] = package


def main() -> None:
    without_audio()
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import get_dataset_list

    folder = Path(sys.argv[1])
    names = [name for name in json.loads((folder / "dataset_info.json").read_text()) if name.endswith("_train")]
    canonical = {
        row["id"]: [(message["role"], message["content"]) for message in row["messages"]]
        for row in pq.read_table(folder / "chatml" / "train.parquet").to_pylist()
    }
    found = {}
    for name, told in zip(names, get_dataset_list(names, str(folder)), strict=True):
        convert = get_dataset_converter(told.formatting, told, SimpleNamespace(media_dir=str(folder)))
        rows = pq.read_table(folder / told.dataset_name).to_pylist()
        spoken = {row["id"]: conversation(convert(row)) for row in rows}
        same = sum(said == canonical[id] for id, said in spoken.items())
        found[name.removesuffix("_train")] = {"rows": len(rows), "same": same}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
