"""The labelled web pages of `../shared/data/web`, and the measures that their sets name."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from parlance.extraction import decode

WEB = Path(__file__).parents[2] / "shared" / "data" / "web"
SETS = ("wcxb", "scrapinghub", "trafilatura-eval")
WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A page with what its main text is, or must and must not have in it."""

    set: str
    url: str
    kind: str
    html: str
    text: str
    present: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def pages(name: str) -> list[Labelled]:
    """The pages of one set, in its order."""
    with (WEB / name / "gold.jsonl").open(encoding="utf-8") as file:
        return [_page(name, json.loads(line)) for line in file]


def _page(name: str, gold: dict[str, object]) -> Labelled:
    html = decode(gzip.decompress((WEB / name / str(gold["html"])).read_bytes()))
    return Labelled(
        set=name,
        url=str(gold.get("url")),
        kind=str(gold.get("page_type") or ""),
        html=html,
        text=str(gold.get("text") or ""),
        present=list(gold.get("with") or []),  # type: ignore[call-overload]
        absent=list(gold.get("without") or []),  # type: ignore[call-overload]
    )


def word_f1(found: str, wanted: str) -> float:
    """F1 of lower-cased words as a bag, the measure of WCXB."""
    ours, theirs = Counter(WORD.findall(found.lower())), Counter(WORD.findall(wanted.lower()))
    shared = (ours & theirs).total()
    return 2 * shared / (ours.total() + theirs.total()) if shared else 0.0


def shingle_f1(pairs: Iterable[tuple[str, str]]) -> float:
    """F1 of mean precision and mean recall of 4-grams, the measure of ScrapingHub's benchmark."""
    precision = recall = count = 0.0
    for found, wanted in pairs:
        ours, theirs = _shingles(found), _shingles(wanted)
        shared = (ours & theirs).total()
        precision += shared / ours.total() if ours else float(not theirs)
        recall += shared / theirs.total() if theirs else 1.0
        count += 1
    precision, recall = precision / count, recall / count
    return 2 * precision * recall / (precision + recall)


def segment_f1(found: Iterable[tuple[str, Labelled]]) -> float:
    """F1 over all segments that must and must not be there, the measure of trafilatura's set."""
    right = wrong = missing = 0
    for text, page in found:
        plain = " ".join(text.split())
        has = [" ".join(segment.split()) in plain for segment in page.present]
        right, missing = right + sum(has), missing + len(has) - sum(has)
        wrong += sum(" ".join(segment.split()) in plain for segment in page.absent)
    return 2 * right / (2 * right + wrong + missing)


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = WORD.findall(text.lower())
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3))) if words else Counter()
