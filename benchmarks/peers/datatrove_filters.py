"""datatrove's filters, each on every document. Third argument: `split` cuts words at whitespace, `default` as it comes.

With `split` sentences end at runs of `.`, `!` or `?`; otherwise spaCy cuts both.
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
from measuring import report_filters

if sys.argv[3] == "split":
    SENTENCE = re.compile(r"[^.!?]+[.!?]+|[^.!?]+$")
    for module in (fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter):
        module.split_into_words = lambda text, language: text.split()
    c4_filters.split_into_sentences = lambda text, language: SENTENCE.findall(text)

texts = pl.read_parquet(sys.argv[1])["text"].to_list()
filters = {
    "gopher_quality": gopher_quality_filter.GopherQualityFilter(),
    "gopher_repetition": gopher_repetition_filter.GopherRepetitionFilter(),
    "c4": c4_filters.C4QualityFilter(filter_no_terminal_punct=False),
    "fineweb": fineweb_quality_filter.FineWebQualityFilter(),
}


def run(name: str) -> list[bool]:
    return [filters[name].filter(Document(text=text, id="")) is True for text in texts]


report_filters(run, list(filters))
