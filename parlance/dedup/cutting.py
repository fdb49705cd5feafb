"""Repeated lines taken out of documents, with the offsets of what stands in them moved along."""

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import polars as pl

from parlance.dedup.lines import Unit
from parlance.dedup.repeating import located

Range = tuple[int, int]
Row = dict[str, Any]


def cut(frame: pl.DataFrame, lines: pl.DataFrame, unit: Unit = "line") -> pl.DataFrame:
    """`frame` without the lines (or paragraphs) that `lines` (`hash`, `site`) lists for the site of the document.

    `frame` has `text`, `site`, `turns` and `pii`, offsets in code points as in DOCUMENTS and SIGNALS; the last two
    are moved along. A turn of which nothing stays is empty, personal data of which nothing stays is gone. Adds
    `removed_lines` and `removed_characters` (with their newlines), zero where nothing was removed.

    >>> page = pl.DataFrame({"text": ["Read more\\nNews"], "site": ["a.example"], "turns": [None], "pii": [[]]})
    >>> listed = located(page, "line").head(1).select("hash", site=pl.lit("a.example"))
    >>> cut(page, listed).select("text", "removed_lines", "removed_characters").row(0)
    ('News', 1, 10)
    """
    none = pl.lit(0, pl.Int32)
    numbered = frame.with_row_index("at").with_columns(removed_lines=none, removed_characters=none)
    chosen = numbered.filter(pl.col("site").is_in(lines["site"].unique().implode()))
    found = located(chosen, unit)
    found = found.with_columns(site=chosen["site"].gather(found["row"]))
    found = found.join(lines.select("hash", "site").unique(), on=["hash", "site"]).sort("row", "start")
    spans = found.group_by("row", maintain_order=True).agg("start", "end")
    rows = chosen[spans["row"]]
    made = [
        _without(text, list(zip(starts, ends, strict=True)), turns, pii)
        for (text, turns, pii), (starts, ends) in zip(
            rows.select("text", "turns", "pii").iter_rows(), spans.select("start", "end").iter_rows(), strict=True
        )
    ]
    changed = pl.DataFrame(made, schema={name: numbered.schema[name] for name in CHANGED}, orient="row")
    others = numbered.filter(~pl.col("at").is_in(rows["at"].implode()))
    return pl.concat([others, rows.with_columns(changed)]).sort("at").drop("at")


CHANGED = ["text", "turns", "pii", "removed_lines", "removed_characters"]


def _without(
    text: str, spans: Sequence[Range], turns: list[Row] | None, pii: list[Row]
) -> tuple[str, list[Row] | None, list[Row], int, int]:
    """`text` without the `spans` (bytes, apart and in order), and what `CHANGED` names."""
    data, kept, cuts = text.encode(), [], list[Range]()
    last = characters = 0
    for start, end in spans:
        kept.append(data[last:start].decode())
        characters += len(kept[-1])
        size = len(data[start:end].decode())
        cuts.append((characters, characters + size))
        characters += size
        last = end
    kept.append(data[last:].decode())
    removed = [0, *accumulate(end - start for start, end in cuts)]
    starts = [start for start, _ in cuts]

    def moved(rows: list[Row]) -> list[Row]:
        return [row | {"start": move(row["start"]), "end": move(row["end"])} for row in rows]

    def move(offset: int) -> int:
        place = bisect(starts, offset)
        beyond = 0 if place == 0 else min(offset, cuts[place - 1][1]) - starts[place - 1]
        return offset - beyond - (removed[place - 1] if place else 0)

    found = [span for span in moved(pii) if span["start"] < span["end"]]
    return "".join(kept), None if turns is None else moved(turns), found, len(cuts), removed[-1]
