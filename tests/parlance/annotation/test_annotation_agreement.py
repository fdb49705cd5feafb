"""Agreement against published worked examples."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.annotation import agreement
from parlance.schemas import AGREEMENT, ANNOTATIONS
from parlance.storage import record_batches
from parlance.storage.tables import empty_frame

# Fleiss 1971, table 1: 30 patients, 6 psychiatrists, 5 diagnoses; kappa is .430.
FLEISS = """0 0 0 6 0|0 3 0 0 3|0 1 4 0 1|0 0 0 0 6|0 3 0 3 0|2 0 4 0 0|0 0 4 0 2|2 0 3 1 0|2 0 0 4 0|0 0 0 0 6
1 0 0 5 0|1 1 0 4 0|0 3 3 0 0|1 0 0 5 0|0 2 0 3 1|0 0 5 0 1|3 0 0 1 2|5 1 0 0 0|0 2 0 4 0|1 0 2 0 3
0 0 0 0 6|0 1 0 5 0|0 2 0 1 3|2 0 0 4 0|1 0 0 4 1|0 5 0 1 0|4 0 0 0 2|0 2 0 4 0|1 0 5 0 0|0 0 0 0 6"""
# Krippendorff 2011, section C: 12 units, 4 observers, nominal alpha is .743.
KRIPPENDORFF = """1 2 3 3 2 1 4 1 2 . . .|1 2 3 3 2 2 4 1 2 5 . 3|. 3 3 3 2 3 4 2 2 5 1 .|1 2 3 3 2 4 4 1 2 5 1 ."""
# Krippendorff 2011, section A and B: 10 units, two observers; binary alpha is .095.
BINARY = "0 1 0 0 0 0 0 0 1 0|1 1 1 0 0 1 0 0 0 0"
# Krippendorff 2011, section B: letters a to e, alpha is .692.
LETTERS = "a a b b d c c c e d d a|b a b b b c c c e d d d"


def observers(table: str) -> np.ndarray:
    """(units, observers)"""
    kinds = {".": -1}
    rows = [[kinds.setdefault(word, len(kinds) - 1) for word in row.split()] for row in table.split("|")]
    return np.array(rows).T


def counted(table: str) -> np.ndarray:
    rows = [[int(word) for word in row.split()] for row in table.replace("\n", "|").split("|")]
    return np.array([[kind for kind, times in enumerate(row) for _ in range(times)] for row in rows])


def test_fleiss_1971() -> None:
    assert agreement.fleiss(counted(FLEISS)) == pytest.approx(0.430, abs=5e-4)
    assert agreement.observed(counted(FLEISS)) == pytest.approx(0.5556, abs=5e-5)


def test_krippendorff_2011() -> None:
    assert agreement.krippendorff(observers(KRIPPENDORFF)) == pytest.approx(0.743, abs=5e-4)
    assert agreement.krippendorff(observers(BINARY)) == pytest.approx(0.095, abs=5e-4)
    assert agreement.krippendorff(observers(LETTERS)) == pytest.approx(0.692, abs=5e-4)


def test_cohen_1960() -> None:
    """Table 1: shares .25, .13, .12 | .12, .02, .16 | .03, .15, .02 of 200; kappa is -.09, agreement .29."""
    cells = [[50, 26, 24], [24, 4, 32], [6, 30, 4]]
    pairs = np.array([(one, other) for one in range(3) for other in range(3) for _ in range(cells[one][other])])
    assert agreement.observed(pairs) == pytest.approx(0.29)
    assert agreement.cohen(pairs) == pytest.approx(-0.092, abs=5e-3)


matrices = st.lists(st.lists(st.integers(-1, 3), min_size=3, max_size=3), min_size=1, max_size=30).map(np.array)


@given(labels=matrices, seed=st.integers(0, 99))
def test_neither_the_order_nor_the_names_of_labels_matter(labels: np.ndarray, seed: int) -> None:
    generator = np.random.default_rng(seed)
    renamed = np.where(labels < 0, -1, generator.permutation(4)[labels])
    shuffled = renamed[generator.permutation(len(labels))][:, generator.permutation(3)]
    for measure in (agreement.observed, agreement.fleiss, agreement.krippendorff):
        assert measure(labels) == pytest.approx(measure(shuffled))


@given(labels=matrices)
def test_one_is_the_most_and_means_no_difference(labels: np.ndarray) -> None:
    for measure in (agreement.fleiss, agreement.krippendorff):
        value = measure(labels)
        assert value is None or value <= 1 + 1e-12
    same = np.repeat(labels[:, :1], 3, axis=1)
    kinds = set(same[same >= 0].tolist())
    wanted = pytest.approx(1) if len(kinds) > 1 else None
    assert agreement.krippendorff(same) == wanted
    assert agreement.fleiss(same) == wanted
    assert agreement.cohen(same[:, :2]) == wanted


def annotations(rows: list[tuple[str, str, str, str]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["id", "annotator", "form", "function"], orient="row")
    return frame.with_columns(
        guide_version=pl.lit("1"),
        comment=pl.lit(None, dtype=pl.String),
        annotated_at=pl.lit(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        tool=pl.lit("doccano"),
        file=pl.lit("a"),
        file_hash=pl.lit("a"),
        line=pl.lit(1, dtype=pl.Int32),
    ).select(ANNOTATIONS.names)


def test_the_table_has_pairs_labels_and_both_targets() -> None:
    rows = [("1", "ann", "question", "directive"), ("1", "ben", "question", "question")]
    rows += [("2", "ann", "none", "none"), ("2", "ben", "none", "none"), ("3", "ann", "none", "none")]
    table = agreement.table(annotations(rows))
    record_batches(table, AGREEMENT)
    overall = table.filter(pl.col("label").is_null())
    cohen = dict(overall.filter(measure="cohen_kappa").select("target", "value").iter_rows())
    assert cohen["form"] == 1
    assert cohen["function"] == pytest.approx(1 / 3)
    assert overall.filter(measure="observed", target="function")["value"].to_list() == [0.5, 0.5]
    assert set(overall["items"]) == {2}
    directive = table.filter(label="directive", target="function", measure="krippendorff_alpha")
    assert directive["value"].to_list() == [0]
    unused = table.filter(label="commissive", target="form", measure="krippendorff_alpha")
    assert unused["value"].to_list() == [None]
    confused = agreement.confusion(annotations(rows), "function")
    assert confused.sum() == 2
    assert confused[2, 5] == 1


def test_nothing_to_agree_on() -> None:
    assert agreement.table(empty_frame(ANNOTATIONS)).is_empty()
    alone = annotations([("1", "ann", "none", "none")])
    assert agreement.table(alone).is_empty()
    assert agreement.confusion(alone, "form").sum() == 0
