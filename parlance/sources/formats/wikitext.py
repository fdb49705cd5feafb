r"""WikiText-2 and WikiText-103: `wiki.train.tokens`, `wiki.valid.raw` and so on.

Documented in Merity et al., Pointer Sentinel Mixture Models (arXiv:1609.07843), and on the data set's page. One
paragraph a line, each line between two spaces, tokens parted by spaces, an empty line (` `) around every heading:

     \n = Valkyria Chronicles III = \n \n Senjō no Valkyria 3 : <unk> Chronicles ... \n \n = = Gameplay = = \n \n ...

A title begins an article; a section has two or more `=` on each side. Body lines look like titles too (` = 0 , y = `):
a title stands between empty lines and has no other `=`. `@-@`, `@,@` and `@.@` are marks inside of a word or number.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from parlance import extraction
from parlance.sources import files
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import (
    COMPRESSED,
    Lost,
    content_key,
    error_row,
    lines,
    object_row,
    place,
    uncompressed,
)
from parlance.sources.rows import Row

ARTICLE_BYTES = 8 * 1024 * 1024
SUFFIXES = tuple(
    f"wiki.{part}.{kind}{packing}"
    for part in ("train", "valid", "test")
    for kind in ("tokens", "raw")
    for packing in COMPRESSED
)
TITLE = re.compile(rb" ?= ([^=]{1,1000}) = ?\Z")
SECTION = re.compile(r" ?((?:= ){2,6})([^=]+)((?: =){2,6}) ?\Z")
START = re.compile(rb"\A\s*\n? ?= [^=\n]{1,1000} = ?\r?\n ?\r?\n")

JOINED = re.compile(r" ?@([-,.])@ ?")
# Spaces that the tokeniser put in.
BEFORE = re.compile(r" (?=[,.;:!?%)\]}](?:\s|$)|'(?:s|re|ve|ll|d|m|t)\b|n't\b)")
AFTER = re.compile(r"(?:(?<=\s)|^)([(\[{$£€]) ")
QUOTED = re.compile(r'" ([^"\n]{1,2000}?) "')
TWICE = re.compile(r"  +")


@dataclass
class Article:
    """The lines of an article, up to a bound; without a title where none came first."""

    title: bytes | None = None
    body: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, line: bytes) -> None:
        self.size += len(line)
        if line.strip() and self.size <= ARTICLE_BYTES:
            self.body.append(line)


def recognise(head: Head) -> int:
    """Certain by the file's name; nearly so where the text begins with a title between empty lines."""
    if head.name.lower().endswith(SUFFIXES):
        return 100
    return 80 if START.match(head.start) else 0


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """One raw row for each article; `position` is the index of its title's line, the id a hash of the text."""
    here = place(file, partition=partition, source=source)
    with uncompressed(file) as stream:
        for position, one in _articles(lines(stream)):
            if isinstance(one, Lost):
                yield error_row(one.reason, here, position=position)
            elif one.size > ARTICLE_BYTES:
                yield error_row(f"article over {ARTICLE_BYTES} bytes", here, position=position)
            elif one.title or one.body:
                title = untokenised(extraction.decode(one.title)) if one.title else None
                text = _text(b"\n".join(one.body))
                key = content_key(f"{title}\n{text}")
                yield object_row(key, {"text": text, "title": title}, here, position=position)


FORMAT = Format(name="wikitext", suffixes=SUFFIXES, recognise=recognise, rows=rows)


def untokenised(text: str) -> str:
    """`text` without the spaces and marks of a tokeniser.

    >>> untokenised("a well @-@ known game ( 2 @,@ 500 sold ) , it 's \\" new \\" .")
    'a well-known game (2,500 sold), it\\'s "new".'
    """
    text = JOINED.sub(r"\1", TWICE.sub(" ", text))
    return QUOTED.sub(r'"\1"', AFTER.sub(r"\1", BEFORE.sub("", text))).strip()


def _articles(found: Iterable[bytes | Lost]) -> Iterator[tuple[int, Article | Lost]]:
    """Articles by the index of their first line, and what is lost by its own."""
    start, article = 0, Article()
    for index, line, title in _titled(found):
        if isinstance(line, Lost):
            yield index, line
        elif title is None:
            article.add(line)
        else:
            yield start, article
            start, article = index, Article(title=title)
    yield start, article


def _titled(found: Iterable[bytes | Lost]) -> Iterator[tuple[int, bytes | Lost, bytes | None]]:
    """Each line with its index and, where it is the title of an article, that."""
    before: bytes | Lost = b""
    line: bytes | Lost | None = None
    for index, following in enumerate(chain(found, [b""])):
        if line is not None:
            match = TITLE.match(line) if isinstance(line, bytes) else None
            is_title = match and _is_empty(before) and _is_empty(following)
            yield index - 1, line, match[1] if match and is_title else None
            before = line
        line = following


def _is_empty(line: bytes | Lost) -> bool:
    return isinstance(line, bytes) and not line.strip()


def _text(body: bytes) -> str:
    """Paragraphs and headings, an empty line between two."""
    found = []
    for line in extraction.decode(body).split("\n"):
        section = SECTION.match(line)
        if section and section[1].count("=") == section[3].count("="):
            found.append(f"{'#' * section[1].count('=')} {untokenised(section[2])}")
        elif line.strip():
            found.append(untokenised(line))
    return "\n\n".join(found)
