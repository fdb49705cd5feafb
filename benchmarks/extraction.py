"""Main text of labelled pages and pages per CPU-second: ours beside its peers, in one process run.

    python -m benchmarks.extraction

WCXB: mean F1 of words, by kind of page. ScrapingHub: F1 of 4-grams. trafilatura's set: F1 of segments. What our rule
gives on pages it was not fitted on, `python -m benchmarks.fit_extraction` says.
"""

import logging
import time
from collections.abc import Callable
from statistics import mean

import lxml.html
from readability import Document
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree
from rich.console import Console
from rich.table import Table
from trafilatura import bare_extraction

from benchmarks.labelled_pages import SETS, Labelled, pages, segment_f1, shingle_f1, word_f1
from parlance.extraction import extract

Extractor = Callable[[Labelled], str]


def trafilatura(page: Labelled, **options: bool) -> str:
    found = bare_extraction(page.html, url=page.url, **options)
    return "\n".join(part for part in (found.text, found.comments) if part) if found is not None else ""


def resiliparse(page: Labelled) -> str:
    return str(extract_plain_text(HTMLTree.parse(page.html), main_content=True))


def readability(page: Labelled) -> str:
    return str(lxml.html.document_fromstring(Document(page.html).summary()).text_content())


EXTRACTORS: dict[str, Extractor] = {
    "parlance": lambda page: extract(page.html, url=page.url).text,
    "parlance precision": lambda page: extract(page.html, url=page.url, mode="precision").text,
    "parlance recall": lambda page: extract(page.html, url=page.url, mode="recall").text,
    "parlance fast": lambda page: extract(page.html, url=page.url, mode="fast").text,
    "trafilatura": trafilatura,
    "trafilatura fast": lambda page: trafilatura(page, fast=True),
    "resiliparse": resiliparse,
    "readability-lxml": readability,
}


def main() -> None:
    logging.disable(logging.CRITICAL)
    sets = {name: pages(name) for name in SETS}
    kinds = sorted({page.kind for page in sets["wcxb"]})
    grid = Table("", "wcxb", *kinds, "scrapinghub", "trafilatura-eval", "pages/CPU-s", "ratio", "slowest s")
    speeds: dict[str, float] = {}
    lines = []
    for name, extractor in EXTRACTORS.items():
        extractor(sets["wcxb"][0])  # loads what it loads
        texts, times = {}, []
        for kind, found in sets.items():
            texts[kind] = []
            for page in found:
                started = time.process_time()
                texts[kind].append(extractor(page))
                times.append(time.process_time() - started)
        scores = [word_f1(text, page.text) for text, page in zip(texts["wcxb"], sets["wcxb"], strict=True)]
        of_kind = [[s for s, page in zip(scores, sets["wcxb"], strict=True) if page.kind == kind] for kind in kinds]
        shingles = shingle_f1(zip(texts["scrapinghub"], (page.text for page in sets["scrapinghub"]), strict=True))
        segments = segment_f1(zip(texts["trafilatura-eval"], sets["trafilatura-eval"], strict=True))
        speeds[name] = len(times) / sum(times)
        figures = [mean(scores), *map(mean, of_kind), shingles, segments]
        lines.append((name, [f"{figure:.3f}" for figure in figures], max(times)))
    for name, figures, slowest in lines:
        ratio = speeds[name] / speeds["trafilatura"]
        grid.add_row(name, *figures, f"{speeds[name]:.0f}", f"{ratio:.2f}", f"{slowest:.2f}")
    Console(width=190).print(grid)


if __name__ == "__main__":
    main()
