"""datatrove's reason for every document and filter; null where it keeps the document, `raises NAME` where it fails.

Words are cut at white space, sentences at `.`, `!` and `?`. `c4_any_end` is C4's filter as FineWeb's pipeline sets it.
"""

import re
import sys

import polars as pl
from datatrove.data import Document
from datatrove.pipeline.filters import (
    c4_filters,
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)

SENTENCE = re.compile(r"[^.!?]+[.!?]+|[^.!?]+$")
for module in (fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter):
    module.split_into_words = lambda text, language: text.split()
c4_filters.split_into_sentences = lambda text, language: SENTENCE.findall(text)

FILTERS = {
    "gopher_quality": gopher_quality_filter.GopherQualityFilter(),
    "gopher_repetition": gopher_repetition_filter.GopherRepetitionFilter(),
    "c4": c4_filters.C4QualityFilter(),
    "c4_any_end": c4_filters.C4QualityFilter(filter_no_terminal_punct=False),
    "fineweb": fineweb_quality_filter.FineWebQualityFilter(),
}


def reason(name: str, text: str) -> str | None:
    try:
        verdict = FILTERS[name].filter(Document(text=text, id=""))
    except ZeroDivisionError as error:
        return f"raises {type(error).__name__}"
    return None if verdict is True else verdict[1]


texts = pl.read_parquet(sys.argv[1])["text"].to_list()
reasons = {name: pl.Series([reason(name, text) for text in texts], dtype=pl.String) for name in FILTERS}
pl.DataFrame(reasons).write_parquet(sys.argv[2])
