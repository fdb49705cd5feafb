r"""Europarl: proceedings of the European Parliament, the source release (v7, v8) and the aligned files.

Documented in Koehn, Europarl: A Parallel Corpus for Statistical Machine Translation (MT Summit 2005), and at
https://www.statmt.org/europarl/. The source release has one file a day and language, from 2007 on one a chapter,
`txt/en/ep-00-01-17.txt` or `txt/en/ep-09-10-22-009.txt`. Each tag stands on its own line; values may lack quotes:

    <CHAPTER ID=1>
    Resumption of the session
    <SPEAKER ID=1 LANGUAGE="DE" NAME="Schroedter (Verts/ALE)" AFFILIATION="Verts/ALE">
    Madam President, ...
    <P>
    ...

An aligned pair is `europarl-v7.de-en.en` and `europarl-v7.de-en.de`: line n of one translates line n of the other, and
an empty line stands for a sentence that has no counterpart. Nothing says where a document ends, so every 100 lines are
one: what has the same number in both files is a translation.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from parlance import extraction
from parlance.sources import files
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import Lost, error_row, lines, object_row, place, uncompressed
from parlance.sources.rows import Row

SPEECH_BYTES = 8 * 1024 * 1024
LINES_PER_DOCUMENT = 100
TAG = re.compile(r"\s*<\s*(CHAPTER|SPEAKER|P|BRK)\b([^<>]*)>\s*\Z", re.IGNORECASE)
BROKEN = re.compile(r"\s*<\s*(?:CHAPTER|SPEAKER)\b", re.IGNORECASE)
ATTRIBUTE = re.compile(r"""(\w+)\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""")
START = re.compile(rb"\A\s*<(?:CHAPTER|SPEAKER) ID\s?=")
DAY = re.compile(r"(?:\A|/)(?:([a-z]{2})/)?(ep-(\d\d)-(\d\d)-(\d\d)(?:-\d+)?)\.txt(?:\.\w+)?\Z")
ALIGNED = re.compile(r"(?:\A|/)(europarl-v\d+(?:\.[a-z]{2}-[a-z]{2})?)\.([a-z]{2})(?:\.(?:gz|bz2|xz|zst|lz4))?\Z")


@dataclass
class Speech:
    """What one speaker says in a chapter; or, without a speaker, what stands there else."""

    chapter: str | None
    title: str | None
    attributes: dict[str, str] = field(default_factory=dict)
    paragraphs: list[list[bytes]] = field(default_factory=lambda: [[]])
    size: int = 0
    position: int = 0

    def add(self, line: bytes) -> None:
        self.size += len(line)
        if line.strip() and self.size <= SPEECH_BYTES:
            self.paragraphs[-1].append(line.strip())

    def text(self) -> str:
        """Its paragraphs; their lines are sentences or parts of them."""
        found = (extraction.decode(b" ".join(paragraph)) for paragraph in self.paragraphs if paragraph)
        return "\n\n".join(found)


def recognise(head: Head) -> int:
    """Certain by the first tag; nearly so by the name of an aligned file."""
    if START.match(head.start):
        return 100
    return 90 if ALIGNED.search(head.name) else 0


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """One raw row for each speech, with its speaker as the author; of an aligned file one for each 100 lines."""
    here = place(file, partition=partition, source=source)
    aligned = ALIGNED.search(file.name)
    with uncompressed(file) as stream:
        if aligned:
            yield from _aligned_rows(lines(stream), here, corpus=aligned[1], language=aligned[2])
        else:
            yield from _speech_rows(lines(stream), here, path=file.path)


FORMAT = Format(name="europarl", suffixes=(), recognise=recognise, rows=rows)


def _aligned_rows(found: Iterable[bytes | Lost], here: Row, *, corpus: str, language: str) -> Iterator[Row]:
    block: list[str] = []
    start = index = 0
    for index, line in enumerate(found, 1):
        if isinstance(line, Lost):
            yield error_row(line.reason, here, position=index - 1)
        block.append("" if isinstance(line, Lost) else extraction.decode(line).strip())
        if len(block) == LINES_PER_DOCUMENT:
            yield from _block_rows(block, here, corpus=corpus, language=language, start=start)
            block, start = [], index
    yield from _block_rows(block, here, corpus=corpus, language=language, start=start)


def _block_rows(block: list[str], here: Row, *, corpus: str, language: str, start: int) -> Iterator[Row]:
    if text := "\n".join(filter(None, block)):
        record = {"text": text, "language": language, "first_line": start, "lines": len(block)}
        yield object_row(f"{corpus}/{language}/{start // LINES_PER_DOCUMENT}", record, here, position=start)


def _speech_rows(found: Iterable[bytes | Lost], here: Row, *, path: str) -> Iterator[Row]:
    """`position` is the index of the line that the speech begins with."""
    named = DAY.search(path)
    seen: set[str] = set()
    for one in _speeches(found):
        if isinstance(one, tuple):
            yield error_row(one[1].reason, here, position=one[0])
        elif one.size > SPEECH_BYTES:
            yield error_row(f"speech over {SPEECH_BYTES} bytes", here, position=one.position)
        elif text := one.text():
            key = _key(one, named, here)
            key = key if key not in seen else f"{key}+{one.position}"
            seen.add(key)
            yield _speech_row(key, one, text, named, here)


def _key(speech: Speech, named: re.Match[str] | None, here: Row) -> str:
    """Language, file, chapter and speaker; a number stands twice where the source says so."""
    where = "/".join(filter(None, named.group(1, 2))) if named else here["shard"]
    return f"europarl/{where}/{speech.chapter or '-'}/{speech.attributes.get('ID', '-')}"


def _speech_row(key: str, speech: Speech, text: str, named: re.Match[str] | None, here: Row) -> Row:
    day = _day(named)
    record = {
        "text": text,
        "title": speech.title,
        "author": speech.attributes.get("NAME") or None,
        "affiliation": speech.attributes.get("AFFILIATION") or None,
        "spoken_in": speech.attributes.get("LANGUAGE") or None,
        "language": named[1] if named else None,
        "date": day.date().isoformat() if day else None,
    }
    return object_row(key, record, here, position=speech.position, created_at=day)


def _day(named: re.Match[str] | None) -> datetime | None:
    """The day in the file's name; the proceedings begin in 1996."""
    if named is None:
        return None
    year, month, day = (int(part) for part in named.group(3, 4, 5))
    try:
        return datetime(year + (1900 if year >= 90 else 2000), month, day, tzinfo=UTC)
    except ValueError:
        return None


def _speeches(found: Iterable[bytes | Lost]) -> Iterator[Speech | tuple[int, Lost]]:
    """The speeches in their order; the first line of a chapter is its title."""
    speech, is_new = Speech(chapter=None, title=None), False
    for index, line in enumerate(found):
        if isinstance(line, Lost):
            yield index, line
            continue
        tag = TAG.match(extraction.decode(line)) if b"<" in line[:20] else None
        if tag is None:
            if BROKEN.match(line[:40].decode("latin-1")):
                yield index, Lost(f"broken tag {line[:80].decode('utf-8', 'replace')!r}")
                yield speech  # who speaks from here on is unknown
                speech = Speech(chapter=speech.chapter, title=speech.title, position=index)
            elif is_new and line.strip():
                speech.title, is_new = extraction.decode(line).strip(), False
            else:
                speech.add(line)
            continue
        name, attributes = tag[1].upper(), _attributes(tag[2])
        if name in ("P", "BRK"):
            speech.paragraphs.append([])
            continue
        yield speech
        is_new = name == "CHAPTER"
        if is_new:
            speech = Speech(chapter=attributes.get("ID"), title=None, position=index)
        else:
            speech = Speech(chapter=speech.chapter, title=speech.title, attributes=attributes, position=index)
    yield speech


def _attributes(text: str) -> dict[str, str]:
    return {name.upper(): (a or b or c).strip() for name, a, b, c in ATTRIBUTE.findall(text)}
