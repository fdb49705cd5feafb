"""ARC records, the format before WARC, as WARC records.

A record is one line and the block whose length ends it (https://archive.org/web/researcher/ArcFileFormat.php):
version 1 has `URL IP-address Archive-date Content-type Archive-length`, version 2 five more fields before the length.
"""

import re
from dataclasses import dataclass

LINE = re.compile(
    rb"^(?P<url>[A-Za-z][A-Za-z0-9+.-]{0,30}:[^\r\n]{0,4096}?) (?P<ip>[0-9A-Fa-f.:]{3,45}) (?P<date>[0-9]{8,14})"
    rb" (?P<rest>[^\r\n]{0,1024}?) ?(?<= )(?P<length>[0-9]{1,18})\r?\n",
    re.MULTILINE,
)
LINE_BYTES = 8 * 1024
# The fields between type and length of version 2: result code, checksum, location, offset, file name.
LATER_FIELDS = re.compile(rb"(?P<type>.*?) [0-9]{3} [^ ]+ [^ ]+ [0-9]+ [^ ]+$")


@dataclass(frozen=True)
class Line:
    """The line before a block."""

    url: bytes
    date: bytes
    media_type: bytes
    length: int
    size_bytes: int


def line(data: bytes) -> Line | None:
    """The ARC line that `data` starts with; null where there is none.

    >>> line(b"http://x.org/a b 10.0.0.1 20140216050221 text/html 1591\\n").url
    b'http://x.org/a b'
    """
    found = LINE.match(data)
    if found is None:
        return None
    later = LATER_FIELDS.match(found["rest"])
    media_type = later["type"] if later else found["rest"]
    return Line(found["url"], found["date"], media_type.strip(), int(found["length"]), found.end())


def mark(data: bytes) -> int | None:
    """Where the next ARC record starts in `data`: behind a line end, since any end of a URL looks like one."""
    found = LINE.search(data, 1)
    return found.start() if found else None


def as_warc(arc: Line, block: bytes) -> bytes:
    """The record as WARC has it: what is no HTTP answer is a resource, the file's own description is a warcinfo."""
    kind, media_type = b"resource", arc.media_type
    if arc.url.startswith(b"filedesc:"):
        kind = b"warcinfo"
    elif block.startswith(b"HTTP/"):
        kind, media_type = b"response", b"application/http; msgtype=response"
    date = arc.date.ljust(14, b"0")
    day, time = date[:8], date[8:]
    return b"".join(
        (
            b"WARC/1.0\r\nWARC-Type: %b\r\nWARC-Record-ID: <arc:%b/%b>\r\n" % (kind, arc.date, arc.url),
            b"WARC-Target-URI: %b\r\n" % arc.url,
            b"WARC-Date: %b-%b-%bT%b:%b:%bZ\r\n" % (day[:4], day[4:6], day[6:], time[:2], time[2:4], time[4:6]),
            b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n" % (media_type, len(block)),
            block,
        )
    )
