"""Lines of JSON as tools write them; no format of its own."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """One row a line. Characters beyond ASCII are escaped, since some tools take U+2028 for the end of a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def rows(content: bytes) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Number and object of each line that is not blank; null where it is no JSON object."""
    for number, line in enumerate(content.decode("utf-8-sig").split("\n"), start=1):
        if line.strip():
            yield number, _row(line)


def first(content: bytes) -> dict[str, Any] | None:
    """The first object; null where there is none, or what is there is no text."""
    try:
        return next((row for _, row in rows(content) if row is not None), None)
    except UnicodeDecodeError:
        return None


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
