"""The funnel, its reasons and samples, counted on a lake that the steps themselves have made."""

import re

import polars as pl
import pyarrow as pa
import pytest

from parlance import report
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.report.funnel import SAMPLES, by_partition, funnel, reasons, samples
from parlance.schemas import DOCUMENTS, LEDGER
from parlance.stages.duplicates import write_duplicates
from parlance.stages.lanes import write_kept, write_signals

RULES = (Bound("words", at_least=3), Bound("c4_curly_brackets", at_most=0), Bound("c4_sentences", at_least=2))
GOOD = "Here is one sentence number {}. And this is another one that goes on for {} words."
TEXTS = {
    "p": [GOOD.format(i, i * 7) for i in range(4)] + ["short {"] * 5 + ["curly { brackets } here"],
    "q": [GOOD.format(0, 0), GOOD.format(99, "many"), "Mail ann@example.com for one sentence."],
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(root=str(tmp_path_factory.mktemp("lake")))
    rows = [
        {"id": f"{key}{place}", "source": "dump", "text": text, "raw_ids": [f"{key}{place}"], "partition": key}
        for key, texts in TEXTS.items()
        for place, text in enumerate(texts)
    ]
    rejected = {"id": "x", "source": "dump", "step": "documents", "reason": "unreadable", "rule": "unreadable"}
    rejected |= {"version": 1, "reasons": ["unreadable"], "excerpt": "", "partition": "q"}
    lake.table("dump/documents").replace([pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS)], ["p", "q"])
    lake.table("dump/rejected").replace([pa.RecordBatch.from_pylist([rejected], schema=LEDGER)], ["p", "q"])
    write_signals(lake, "dump", ["p", "q"])
    write_duplicates(lake, {"dump": RULES}, threshold=0.8)
    write_kept(lake, "dump", RULES, ["p", "q"])
    return lake


def test_each_step_leaves_what_the_ledger_says(lake: Lake) -> None:
    steps = {step: (rows, dropped) for step, rows, dropped in funnel(lake, "dump", RULES).iter_rows()}
    assert steps == {
        "raw rows": (14, None),
        "in documents": (13, 1),
        "documents": (13, None),
        "after words": (8, 5),
        "after c4": (6, 2),
        "after duplicates": (5, 1),
        "kept": (5, None),
    }
    ours = dict(funnel(lake, "dump", RULES, ["q"]).select("step", "rows").iter_rows())
    assert (ours["raw rows"], ours["documents"], ours["kept"]) == (4, 3, 1)


def test_every_partition_has_its_numbers(lake: Lake) -> None:
    rows = by_partition(lake, "dump", RULES, ["p", "q", "nothing"]).rows_by_key("partition", named=True, unique=True)
    assert list(rows) == ["nothing", "p", "q"]
    assert set(rows["nothing"].values()) == {0}
    assert {key: rows["q"][key] for key in ("raw", "rejected", "documents", "kept", "dropped", "c4", "duplicates")} == {
        "raw": 4, "rejected": 1, "documents": 3, "kept": 1, "dropped": 2, "c4": 1, "duplicates": 1,
    }  # fmt: skip
    for row in rows.values():
        assert row["documents"] == row["kept"] + row["dropped"]


def test_reasons_count_first_and_any(lake: Lake) -> None:
    counted = {rule: (first, any_) for rule, first, any_ in reasons(lake, "dump", "dropped").iter_rows()}
    assert counted.pop("exact_duplicate", (0, 5))[1] >= 1
    # The five short texts have a bracket and no two sentences either; only one has nothing else.
    assert counted["words"] == (5, 5)
    assert counted["c4_curly_brackets"] == (1, 6)
    assert counted["c4_sentences"] == (1, 7)


def test_samples_are_a_few_of_each_reason_and_masked(lake: Lake) -> None:
    found = samples(lake, "dump", "dropped")
    per_rule = dict(found.group_by("rule").len().iter_rows())
    assert per_rule["words"] == SAMPLES
    assert max(per_rule.values()) == SAMPLES
    shown = found.filter(rule="c4_sentences").row(0, named=True)
    assert (shown["id"], shown["value"], shown["bound"]) == ("q2", 1.0, 2.0)
    assert shown["excerpt"] == "Mail <EMAIL> for one sentence."


def test_a_lane_that_was_never_written_is_empty(tmp_path: object) -> None:
    empty = Lake(root=f"{tmp_path}/lake")
    assert funnel(empty, "dump", RULES)["rows"].sum() == 0
    assert by_partition(empty, "dump", RULES).is_empty()
    assert reasons(empty, "dump", "dropped").is_empty()
    assert samples(empty, "dump", "dropped").is_empty()


def test_the_page_shows_funnel_partitions_and_samples(lake: Lake) -> None:
    figures = report.collect(lake, {"dump": RULES, "crawl": RULES}, tokenizers=[], models={})
    page = report.render(figures)
    assert list(report.funnels(figures)) == list(report.days(figures)) == ["dump"]
    for text in ("after duplicates", "documents dropped", "Mail &lt;EMAIL&gt; for one sentence.", "unreadable"):
        assert text in page
    assert "ann@example.com" not in page
    assert not re.search(r"<script|https?://(?!www\.w3\.org|purl\.org|creativecommons\.org|matplotlib\.org)", page)


def test_many_partitions_are_shown_together() -> None:
    from parlance.report.figures import MOST_COLUMNS, _days

    counts = pl.DataFrame({"partition": [f"{day:04}" for day in range(1_000)]}).with_columns(
        kept=pl.lit(2), dropped=pl.lit(1), rejected=pl.lit(0)
    )
    shown = _days(counts)
    assert shown.height <= MOST_COLUMNS
    assert shown.select("kept", "dropped").sum().row(0) == (2_000, 1_000)
    assert shown["partition"][:2].to_list() == ["0000", "0017"]
