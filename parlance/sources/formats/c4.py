"""C4 and mC4 as AllenAI released them: `en/c4-train.00000-of-01024.json.gz`, JSON lines.

    {"text": "...", "timestamp": "2019-04-25T12:57:54Z", "url": "http://..."}

https://huggingface.co/datasets/allenai/c4. A document's key is its URL; its date is when Common Crawl fetched it.
"""

from typing import Any

from parlance.sources.formats import Format, Head
from parlance.sources.json_rows import object_rows

KEYS = {"text", "timestamp", "url"}


def recognise(head: Head) -> int:
    return 90 if head.record is not None and set(head.record) == KEYS else 0


def rows(*given: Any, **named: Any) -> Any:
    """The raw rows of one file."""
    return object_rows(*given, described=lambda record: {"created_at": record.get("timestamp")}, **named)


FORMAT = Format(name="c4", suffixes=(), recognise=recognise, rows=rows)
