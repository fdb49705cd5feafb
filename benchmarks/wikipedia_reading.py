"""CPU time of reading a Wikipedia dump, beside the usual libraries. Run: python -m benchmarks.wikipedia_reading

Speeds count the XML's bytes, of which 206 pages of the English Wikipedia have 6 MB.
"""

import bz2
import re
import time
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import mwparserfromhell
from lxml import etree
from rich.console import Console
from rich.table import Table

from parlance.sources import files
from parlance.sources.formats import wikipedia
from parlance.sources.formats.wiki_text import plain

DUMP = Path(__file__).parents[2] / "shared" / "data" / "web" / "wikipedia"
SAMPLE = DUMP / "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
ROUNDS = 3
PAGE = re.compile(rb"<page>.*?</page>", re.DOTALL)
HOSTILE = {"{{a|": 5_000, "<b>": 20_000, "\n{|\n|": 20_000, "[http://a ": 80_000}


def rows() -> None:
    """Everything: rows with their text."""
    for file in files.expand(str(SAMPLE)):
        for _ in wikipedia.rows(file, partition="p"):
            pass


def lxml_iterparse(data: bytes) -> None:
    """The usual way: lxml over the whole stream, each page cleared behind its end."""
    for _, element in etree.iterparse(BytesIO(data), tag="{*}page", huge_tree=True):
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def page_by_page(data: bytes) -> None:
    """Our way: pages cut out and parsed one by one."""
    for page in PAGE.findall(data):
        ElementTree.fromstring(page)


def stripped(markup: str) -> str:
    """The usual way to plain text."""
    return str(mwparserfromhell.parse(markup).strip_code())


def cpu_s(work: Callable[[], object]) -> float:
    """The best of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def contents(data: bytes) -> list[str]:
    """The markup of the pages that are content."""
    pages = (ElementTree.fromstring(page) for page in PAGE.findall(data))
    return [
        page.findtext("revision/text") or ""
        for page in pages
        if page.findtext("ns") == "0" and page.find("redirect") is None
    ]


def parts(packed: bytes, data: bytes, markups: list[str]) -> dict[str, Callable[[], object]]:
    """What is measured, by its name."""
    return {
        "bz2": lambda: bz2.decompress(packed),
        "XML: lxml iterparse": lambda: lxml_iterparse(data),
        "XML: page by page": lambda: page_by_page(data),
        "markup: mwparserfromhell": lambda: [stripped(markup) for markup in markups],
        "markup: plain": lambda: [plain(markup) for markup in markups],
        "all: wikipedia.rows": rows,
    }


def shared_words(markups: list[str]) -> tuple[float, float]:
    """Of the words of mwparserfromhell the share that we give, and of ours the share that it gives."""
    ours, theirs = Counter[str](), Counter[str]()
    common = 0
    for markup in markups:
        one, other = (Counter(re.findall(r"\w+", text)) for text in (plain(markup), stripped(markup)))
        common += (one & other).total()
        ours += one
        theirs += other
    return common / theirs.total(), common / ours.total()


def left_over(texts: list[str]) -> int:
    """How many texts hold what is no text."""
    return sum(any(mark in text for mark in ("[[", "{{", "thumb|", "px|", "</ref>", "Category:")) for text in texts)


def main() -> None:
    packed = SAMPLE.read_bytes()
    data = bz2.decompress(packed)
    markups = contents(data)
    taken = {name: cpu_s(work) for name, work in parts(packed, data, markups).items()}
    table = Table("part", "CPU s", "MB/s", "pages/s", "of all")
    for name, seconds in taken.items():
        share = f"{seconds / taken['all: wikipedia.rows']:.2f}"
        table.add_row(name, f"{seconds:.2f}", f"{len(data) / 1e6 / seconds:.1f}", f"{206 / seconds:.0f}", share)
    for piece, size_bytes in HOSTILE.items():
        hostile = piece * (size_bytes // len(piece))
        usual, ours = (cpu_s(lambda read=read, hostile=hostile: read(hostile)) for read in (stripped, plain))
        name = f"hostile {piece.strip()!r} {size_bytes / 1000:.0f} KB: plain / mwparserfromhell"
        table.add_row(name, f"{ours:.3f} / {usual:.2f}", "", "", f"{ours / usual:.3f}")
    Console(width=120).print(table)
    given, taken_up = shared_words(markups)
    print(
        f"words of mwparserfromhell that plain gives: {given:.3f}; of plain that mwparserfromhell gives: {taken_up:.3f}"
    )
    print(f"pages with markup left over: {left_over([plain(markup) for markup in markups])} / ", end="")
    print(f"{left_over([stripped(markup) for markup in markups])} of {len(markups)}")


if __name__ == "__main__":
    main()
