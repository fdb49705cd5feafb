"""WARC 1.0 and 1.1 (ISO 28500), WET and WAT as Common Crawl has them, and ARC: see `parlance/sources/warc.py`."""

from parlance.sources import warc
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import COMPRESSED

SUFFIXES = tuple(f".{ending}{packing}" for ending in ("warc", "wet", "wat", "arc") for packing in COMPRESSED)


def recognise(head: Head) -> int:
    if head.start.startswith((b"WARC/", b"filedesc://")):
        return 100
    return 60 if head.name.lower().endswith(SUFFIXES) else 0


FORMAT = Format(name="warc", suffixes=SUFFIXES, recognise=recognise, rows=warc.rows)
