"""The dataset card of an export: README.md with the front matter that the Hugging Face hub and `datasets` read.

https://huggingface.co/docs/hub/datasets-cards
"""

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import PurePosixPath
from typing import Any, Final

import polars as pl
import yaml
from jinja2 import Environment, StrictUndefined

from parlance.exports.facts import Facts

DEFAULT: Final = "chatml"
# https://github.com/huggingface/hub-docs/blob/main/datasetcard.md: rows, and the name of what is below.
_SIZES: Final = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
)
_CODE: Final = re.compile(r"[a-z]{2,3}")
_MARKS: Final = re.compile(r"[\\`*|\[\]<]")


def card(facts: Facts, *, title: str, licence: str) -> str:
    """README.md as text. `licence` is an identifier of the hub, such as `other` or `cc-by-4.0`."""
    environment = Environment(
        autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["table"] = table
    template = resources.files("parlance.exports").joinpath("card.md.jinja").read_text(encoding="utf-8")
    named = sorted({config["config_name"] for config in configs(facts.files)})
    default = DEFAULT if DEFAULT in named else next(iter(named), DEFAULT)
    body = environment.from_string(template).render(facts=facts, title=title, default=default)
    head = yaml.safe_dump(front_matter(facts, title=title, licence=licence), sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n{body}"


def front_matter(facts: Facts, *, title: str, licence: str) -> dict[str, Any]:
    """What machines read of the card."""
    languages = [code for code in facts.languages["language"] if _CODE.fullmatch(code)]
    synthetic = ["synthetic"] if facts.synthetic else []
    named = {"license_name": "statement-of-rights"} if licence == "other" else {}
    return {
        "pretty_name": title,
        "language": languages,
        "license": licence,
        **named,
        "size_categories": [size_category(facts.examples)],
        "task_categories": ["text-generation"],
        "tags": ["instruct", "conversational", "parlance", *facts.sources, *synthetic][: 5 + len(facts.sources)],
        "configs": configs(facts.files),
    }


def configs(files: Mapping[str, int]) -> list[dict[str, Any]]:
    """One configuration for each layout with its Parquet files by split; those without rows are left out.

    >>> configs({"chatml/train.parquet": 2, "chatml/train.jsonl": 2, "chatml/test.parquet": 0})[0]["data_files"]
    [{'split': 'train', 'path': 'chatml/train.parquet'}]
    """
    found: dict[str, list[dict[str, str]]] = {}
    for name, rows in files.items():
        path = PurePosixPath(name)
        if rows and path.suffix == ".parquet":
            found.setdefault(str(path.parent), []).append({"split": path.stem, "path": name})
    return [
        {"config_name": name, **({"default": True} if name == DEFAULT else {}), "data_files": paths}
        for name, paths in found.items()
    ]


def size_category(rows: int) -> str:
    """The hub's name for a number of rows.

    >>> size_category(999), size_category(1000), size_category(10**9)
    ('n<1K', '1K<n<10K', 'n>1B')
    """
    return next((name for most, name in _SIZES if rows < most), "n>1B")


def table(frame: pl.DataFrame) -> str:
    """A frame as a markdown table.

    >>> print(table(pl.DataFrame({"act": ["a|b"], "count": [1200]})))
    | act | count |
    | --- | --- |
    | a\\|b | 1,200 |
    """
    if frame.is_empty():
        return "*none*"
    rows = [frame.columns, ["---"] * frame.width, *([_cell(value) for value in row] for row in frame.iter_rows())]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    return _MARKS.sub(r"\\\g<0>", " ".join(str("" if value is None else value).split()))
