"""Plots as SVG text, for asset metadata and the report. One hue a series, values written at the marks."""

import io
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from parlance.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#2a6f97", "#e07a5f", "#3d9970", "#8d6fb8")
INK, FAINT = "#22303a", "#d7dee3"
STACKED = ("#2a6f97", "#e07a5f", "#9aa7b0")
MOST_LABELS, LABEL_ROOM = 12, 60
WIDE, NARROW = 7.2, 5.8  # inches


def bars(values: Mapping[str, float], *, title: str, unit: str = "") -> str:
    """Horizontal bars in the order given, each with its value and `unit`."""
    return grouped_bars(list(values), {"": list(values.values())}, title=title, unit=unit)


def grouped_bars(labels: Sequence[str], series: Mapping[str, Sequence[float]], *, title: str, unit: str = "") -> str:
    """One group of horizontal bars for each label, one bar in it for each series; no bar where not finite.

    Raises ConfigError for a series that has not one value for each label.
    """
    height = 0.62 + max(len(labels), 1) * (0.16 + 0.2 * len(series))
    figure, axes = _figure(height)
    thickness = 0.8 / max(len(series), 1)
    for index, (name, values) in enumerate(series.items()):
        if len(values) != len(labels):
            raise ConfigError(f"plot {title!r}: series {name!r} has {len(values)} values, needs {len(labels)}")
        places = [place + thickness * (index - (len(series) - 1) / 2) for place in range(len(labels))]
        lengths = [value if math.isfinite(value) else 0.0 for value in values]
        colour = COLOURS[index % len(COLOURS)]
        drawn = axes.barh(places, lengths, height=thickness * 0.9, color=colour, label=_text(name))
        written = [_text(f"{_number(value)} {unit}".strip()) for value in values]
        axes.bar_label(drawn, labels=written, padding=3, fontsize=8, color=INK)
    axes.set_yticks(range(len(labels)), [_text(label) for label in labels], fontsize=9)
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    axes.margins(x=0.12)
    return _svg(figure, axes, title=title, legend=len(series) > 1)


def funnel(steps: Sequence[str], rows: Sequence[int], *, dropped: Sequence[int | None], title: str) -> str:
    """Bars that become shorter from step to step, each with its rows and with what was dropped before it.

    Raises ConfigError where there is not one number for each step.
    """
    if not len(steps) == len(rows) == len(dropped):
        raise ConfigError(f"plot {title!r}: {len(steps)} steps, {len(rows)} rows and {len(dropped)} dropped")
    figure, axes = _figure(0.62 + max(len(steps), 1) * 0.3, width=NARROW)
    places = range(len(steps))
    before = [count + (lost or 0) for count, lost in zip(rows, dropped, strict=True)]
    axes.barh(places, before, height=0.72, color=FAINT)
    axes.barh(places, rows, height=0.72, color=COLOURS[0])
    written = [f"{count:,}" + (f"  (−{lost:,})" if lost else "") for count, lost in zip(rows, dropped, strict=True)]
    for place, length, text in zip(places, before, written, strict=True):
        axes.annotate(
            text, (length, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9, color=INK
        )
    axes.set_yticks(places, [_text(step) for step in steps])
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    axes.margins(x=0.18)
    return _svg(figure, axes, title=title, legend=False)


def stacked(labels: Sequence[str], series: Mapping[str, Sequence[float]], *, title: str) -> str:
    """One column for each label, in it the series from the bottom up; of many labels some are written.

    Raises ConfigError for a series that has not one value for each label.
    """
    figure, axes = _figure(2.6, width=NARROW)
    bottoms = [0.0] * len(labels)
    for index, (name, values) in enumerate(series.items()):
        if len(values) != len(labels):
            raise ConfigError(f"plot {title!r}: series {name!r} has {len(values)} values, needs {len(labels)}")
        axes.bar(
            range(len(labels)),
            values,
            bottom=bottoms,
            width=0.8,
            color=STACKED[index % len(STACKED)],
            label=_text(name),
        )
        bottoms = [bottom + value for bottom, value in zip(bottoms, values, strict=True)]
    each = max(1, math.ceil(len(labels) / MOST_LABELS))
    axes.set_xticks(range(0, len(labels), each), [_text(label, width=24) for label in labels[::each]])
    if max(map(len, labels), default=0) * max(len(labels[::each]), 8) > LABEL_ROOM:
        axes.tick_params(axis="x", rotation=25)
    if len(labels) < MOST_LABELS:  # so that few columns are not as wide as the page
        axes.set_xlim(-0.7, max(len(labels), 8) - 0.3)
    axes.grid(axis="y", color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter(lambda value, _: _number(value))
    # Over the columns a legend would hide some.
    axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=max(1, len(series)))
    return _svg(figure, axes, title=title, legend=False, pad=24)


def curves(series: Mapping[str, Sequence[tuple[float, float]]], *, title: str, x: str, y: str) -> str:
    """Lines through (x, y) points, one for each series."""
    figure, axes = _figure(2.8)
    drawn = {name: points for name, points in series.items() if points}
    for index, (name, points) in enumerate(drawn.items()):
        xs, ys = zip(*points, strict=True)
        marker = "o" if len(points) < 15 else None
        colour = COLOURS[index % len(COLOURS)]
        axes.plot(xs, ys, color=colour, linewidth=1.8, marker=marker, ms=4, label=_text(name))
    axes.set_xlabel(_text(x), fontsize=9)
    axes.set_ylabel(_text(y), fontsize=9)
    axes.grid(axis="y", color=FAINT, linewidth=0.7)
    return _svg(figure, axes, title=title, legend=len(drawn) > 1)


def matrix(
    counts: Sequence[Sequence[float]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    x: str = "",
    y: str = "",
) -> str:
    """A table of numbers with darker cells where they are larger; zeros stay empty.

    Raises ConfigError where there is not one number for each row and column.
    """
    if len(counts) != len(rows) or any(len(row) != len(columns) for row in counts):
        raise ConfigError(f"plot {title!r}: needs {len(rows)} rows of {len(columns)} numbers")
    figure, axes = _figure(0.9 + 0.34 * max(len(rows), 1))
    most = max((value for row in counts for value in row), default=0) or 1
    shades = [[value / most for value in row] for row in counts]
    axes.imshow(shades or [[0]], cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
    for place, row in enumerate(counts):
        for other, value in enumerate(row):
            if value:
                axes.text(other, place, _number(value), ha="center", va="center", fontsize=8, color=INK)
    axes.set_xticks(range(len(columns)), [_text(column, width=16) for column in columns], rotation=25, ha="right")
    axes.set_yticks(range(len(rows)), [_text(row, width=24) for row in rows])
    axes.set_xlabel(_text(x), fontsize=9)
    axes.set_ylabel(_text(y), fontsize=9)
    return _svg(figure, axes, title=title, legend=False)


def _figure(height: float, *, width: float = WIDE) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: "Figure", axes: "Axes", *, title: str, legend: bool, pad: float = 6) -> str:
    axes.set_title(_text(title, width=90), loc="left", fontsize=11, color=INK, fontweight="bold", pad=pad)
    axes.tick_params(colors=INK, length=0, labelsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    if legend:
        axes.legend(frameon=False, fontsize=8)
    target = io.StringIO()
    import matplotlib

    # Without a date and with a fixed salt the same figures give the same bytes. Text stays text, to be
    # drawn by the browser, which has fonts for scripts that matplotlib has none for.
    with matplotlib.rc_context({"svg.hashsalt": "parlance", "svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"


def _text(text: str, *, width: int = 40) -> str:
    """`text` as matplotlib is to draw it: on one line, not too long, `$` without its meaning for formulas."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return (line if len(line) <= width else f"{line[: width - 1]}…").replace("$", r"\$")
