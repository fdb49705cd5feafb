"""JSON lines: one object a line, its text in `text`, `content` or `raw_content`. https://jsonlines.org

`.jsonl`, `.ndjson` and `.json`, compressed or not. What else an object holds stays in its payload.
"""

from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import COMPRESSED
from parlance.sources.json_rows import line_rows

SUFFIXES = tuple(f".{ending}{packing}" for ending in ("jsonl", "ndjson", "json") for packing in COMPRESSED)


def recognise(head: Head) -> int:
    """Little: the published sets, which are JSON lines too, go first."""
    if head.record is not None and not head.start.startswith(b"PAR1"):
        return 20
    return 15 if head.name.lower().endswith(SUFFIXES) else 0


FORMAT = Format(name="jsonl", suffixes=SUFFIXES, recognise=recognise, rows=line_rows)
