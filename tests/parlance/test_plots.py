import math
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.plots import MOST_LABELS, bars, curves, funnel, grouped_bars, matrix, stacked


def texts(svg: str) -> list[str]:
    """What is written in the plot, in order of drawing."""
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


def marks(svg: str) -> int:
    """Patches and lines with a colour of a series."""
    colours = ("#2a6f97", "#e07a5f", "#3d9970", "#8d6fb8")
    return sum(svg.count(f"fill: {colour}") + svg.count(f"fill: none; stroke: {colour}") for colour in colours)


def test_bars_have_labels_values_and_a_title():
    svg = bars({"en": 3, "de": 0.12345, "fr": 1_234_567.8}, title="Documents by language", unit="MB")
    assert texts(svg) == ["en", "de", "fr", "3 MB", "0.123 MB", "1,234,568 MB", "Documents by language"]
    assert marks(svg) == 3


def test_grouped_bars_name_their_series():
    svg = grouped_bars(["question", "answer"], {"precision": [0.5, 1], "recall": [0, 0.25]}, title="F1")
    assert texts(svg) == ["question", "answer", "0.5", "1", "0", "0.25", "F1", "precision", "recall"]
    assert marks(svg) == 4 + 2  # and the legend's


def test_curves_have_axes_and_name_their_series():
    svg = curves({"train": [(0, 3.0), (1, 2.0)], "validation": [(1, 2.5)]}, title="Loss", x="step", y="nats")
    assert {"step", "nats", "Loss", "train", "validation"} <= set(texts(svg))


def test_one_series_has_no_legend():
    assert "train" not in texts(curves({"train": [(0, 1)], "none": []}, title="Loss", x="x", y="y"))
    assert "only" not in texts(grouped_bars(["a"], {"only": [1]}, title="t"))


def test_the_same_figures_give_the_same_bytes():
    assert bars({"a": 1, "b": 2}, title="t") == bars({"a": 1, "b": 2}, title="t")
    lines = {"a": [(float(i), math.sin(i)) for i in range(50)]}
    assert curves(lines, title="t", x="x", y="y") == curves(lines, title="t", x="x", y="y")


@pytest.mark.parametrize(
    "draw",
    [
        lambda: bars({}, title="t"),
        lambda: grouped_bars([], {}, title="t"),
        lambda: grouped_bars([], {"a": [], "b": []}, title="t"),
        lambda: grouped_bars(["a"], {}, title="t"),
        lambda: curves({}, title="t", x="x", y="y"),
        lambda: curves({"a": [], "b": []}, title="t", x="x", y="y"),
    ],
    ids=["bars", "groups", "empty series", "no series", "curves", "empty curves"],
)
def test_nothing_to_draw_is_an_empty_plot(draw):
    assert "t" in texts(draw())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_written_without_a_bar(value):
    assert f"{value}" in texts(bars({"a": value, "b": 1}, title="t"))
    assert texts(curves({"a": [(0, value), (1, 1)]}, title="t", x="x", y="y"))


def test_values_below_zero_are_drawn():
    assert "-2" in texts(bars({"a": -2, "b": 1}, title="t"))


@pytest.mark.parametrize("values", [[], [1], [1, 2, 3]])
def test_a_series_has_one_value_for_each_label(values):
    with pytest.raises(ConfigError, match=f"plot 't': series 'x' has {len(values)} values, needs 2"):
        grouped_bars(["a", "b"], {"x": values}, title="t")


@pytest.mark.parametrize(
    ("label", "drawn"),
    [
        ("$5 to $6", "$5 to $6"),
        (r"$\frac$", r"$\frac$"),
        ("<script>&\"'", "<script>&\"'"),
        ("日本語 العربية 😀", "日本語 العربية 😀"),
        ("a\nb\x00c", "a b c"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 39 + "…"),
    ],
    ids=["dollars", "formula", "markup", "scripts", "control", "fits", "long"],
)
def test_text_is_drawn_as_it_is(label, drawn):
    assert texts(bars({label: 1}, title="t"))[0] == drawn
    assert texts(bars({"a": 1}, title=label))[-1] == (label if len(label) == 41 else drawn)


def test_a_funnel_writes_rows_and_what_was_dropped():
    svg = funnel(["raw rows", "documents", "kept"], [1_200, 1_000, 0], dropped=[None, 200, 1_000], title="dump")
    assert texts(svg) == ["raw rows", "documents", "kept", "1,200", "1,000  (−200)", "0  (−1,000)", "dump"]
    with pytest.raises(ConfigError, match="plot 'dump': 1 steps, 2 rows and 1 dropped"):
        funnel(["raw"], [1, 2], dropped=[None], title="dump")


@pytest.mark.parametrize("count", [0, 1, 3, 12, 13, 60, 1_000])
def test_stacked_columns_write_some_labels(count):
    labels = [f"2026-{place:04}" for place in range(count)]
    svg = stacked(labels, {"kept": list(range(count)), "dropped": [1.0] * count}, title="by day")
    written = [text for text in texts(svg) if text.startswith("2026-")]
    assert written == labels[:: max(1, -(-count // MOST_LABELS))]
    assert texts(svg)[-1] in {"by day", "dropped"}
    assert {"kept", "dropped", "by day"} <= set(texts(svg))


def test_stacked_series_have_one_value_for_each_label():
    with pytest.raises(ConfigError, match="plot 't': series 'x' has 1 values, needs 2"):
        stacked(["a", "b"], {"x": [1]}, title="t")


@settings(max_examples=15, deadline=None)
@given(values=st.dictionaries(st.text(max_size=60), st.floats(-1e12, 1e12), max_size=5), title=st.text())
def test_any_text_gives_well_formed_svg(values, title):
    assert ElementTree.fromstring(bars(values, title=title)) is not None


def test_a_matrix_writes_its_numbers_but_not_the_zeros():
    svg = matrix([[3, 0], [0.25, 12]], rows=["none", "question"], columns=["no", "yes"], title="Said")
    assert {"none", "question", "no", "yes", "Said", "3", "0.25", "12"} <= set(texts(svg))
    assert "0" not in texts(svg)
    with pytest.raises(ConfigError, match="2 rows of 2 numbers"):
        matrix([[1, 2]], rows=["a", "b"], columns=["c", "d"], title="Said")


def test_a_matrix_without_anything_is_drawn():
    assert "Said" in texts(matrix([[0]], rows=["a"], columns=["b"], title="Said"))
