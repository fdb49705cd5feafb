"""Sentence boundaries of GUM and speed, beside blingfire alone, on one core: python -m benchmarks.segmentation [folder]

`gum_form.jsonl.gz` lies in `folder` (../shared/data/speech_acts), which is no part of the project. Its sentences are
put together again by paragraph, with a space between them; a boundary is where a later sentence begins. GUM also ends
sentences at some colons, semicolons and ends of headings that no mark shows, and those count as missed. `lower case` is
the same text as people write in chat, `short lines` are the sentences one by one, as messages are.
"""

import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, groupby
from pathlib import Path

import blingfire
from rich.console import Console
from rich.table import Table

from parlance.speech_acts import utterances

FILE = "gum_form.jsonl.gz"
Spans = Callable[[str], Sequence[tuple[int, int]]]
REPEATS = 5


def paragraphs(path: Path) -> Iterator[list[str]]:
    """The sentences of each paragraph of each document."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    numbered = zip(accumulate(row["new_paragraph"] for row in rows), rows, strict=True)
    for _, group in groupby(numbered, key=lambda pair: (pair[1]["dialogue_id"], pair[0])):
        yield [row["text"] for _, row in group]


def blingfire_alone(text: str) -> Sequence[tuple[int, int]]:
    found: Sequence[tuple[int, int]] = blingfire.text_to_sentences_and_offsets(text)[1]
    return found


def boundaries(spans: Spans, given: Sequence[Sequence[str]], *, lower: bool) -> tuple[float, float, float]:
    """Precision, recall and F1."""
    right = wanted = told = 0
    for sentences in given:
        text = " ".join(sentences)
        gold = {*accumulate(len(sentence) + 1 for sentence in sentences[:-1])}
        found = {start for start, _ in spans(text.lower() if lower else text)} - {0}
        right, wanted, told = right + len(gold & found), wanted + len(gold), told + len(found)
    return right / max(1, told), right / wanted, 2 * right / (wanted + told)


def speed(spans: Spans, texts: Sequence[str]) -> float:
    """Thousands of characters in a CPU-second, the best of several runs."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        for text in texts:
            spans(text)
        best = min(best, time.process_time() - began)
    return sum(map(len, texts)) / best / 1000


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared/data/speech_acts"
    path = folder / FILE
    if not path.exists():
        print(f"SKIPPED: {path} is not there", file=sys.stderr)
        return
    given = list(paragraphs(path))
    texts = [" ".join(sentences) for sentences in given]
    lines = [sentence for sentences in given for sentence in sentences]
    table = Table(
        *("", "precision", "recall", "F1", "F1 lower case", "kchar/CPU-s", "short lines, kchar/CPU-s"),
        title=f"GUM: {len(lines):,} sentences in {len(given):,} paragraphs",
        title_justify="left",
    )
    for name, spans in {"blingfire alone": blingfire_alone, "Parlance": utterances}.items():
        figures = boundaries(spans, given, lower=False)
        lower = boundaries(spans, given, lower=True)[-1]
        speeds = (speed(spans, texts), speed(spans, lines))
        table.add_row(
            name, *(f"{figure:.3f}" for figure in (*figures, lower)), *(f"{figure:,.0f}" for figure in speeds)
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
