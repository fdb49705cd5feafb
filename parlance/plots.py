"""Plots as SVG text, for asset metadata and the report. One hue a series, values written at the marks."""

import io
import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from parlance.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#2a6f97", "#e07a5f", "#3d9970", "#8d6fb8")
INK, FAINT = "#22303a", "#d7dee3"
STACKED = ("#2a6f97", "#e07a5f", "#9aa7b0")
MANY = ("#9aa7b0", "#2a6f97", "#e07a5f", "#e9b44c", "#e1e6e9", "#8d6fb8", "#3d9970", "#8c2f39")
# For points, of which each must be told from its neighbour.
DISTINCT = ("#2a6f97", "#e07a5f", "#3d9970", "#e9b44c", "#8d6fb8", "#8c2f39", "#5bb5c9", "#9aa7b0")
MOST_COLOURS = len(DISTINCT)
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


def shares(groups: Mapping[str, Mapping[str, float]], *, title: str) -> str:
    """One bar of equal length for each group, parted as its values are; the group's sum stands behind it.

    Raises ConfigError for more than eight kinds of values.
    """
    kinds = list(dict.fromkeys(kind for values in groups.values() for kind in values))
    if len(kinds) > len(MANY):
        raise ConfigError(f"plot {title!r}: {len(kinds)} kinds of values, at most {len(MANY)} have a colour")
    figure, axes = _figure(1.0 + max(len(groups), 1) * 0.27)
    sums = {group: sum(values.values()) for group, values in groups.items()}
    starts = [0.0] * len(groups)
    for kind, colour in zip(kinds, MANY, strict=False):
        parts = [values.get(kind, 0) / max(sums[group], 1e-12) for group, values in groups.items()]
        drawn = axes.barh(range(len(groups)), parts, left=starts, height=0.74, color=colour, label=_text(kind))
        written = [f"{part:.0%}" if part >= 0.045 else "" for part in parts]
        dark = colour in {"#2a6f97", "#8d6fb8", "#3d9970", "#8c2f39"}
        axes.bar_label(drawn, labels=written, label_type="center", fontsize=7.5, color="white" if dark else INK)
        starts = [start + part for start, part in zip(starts, parts, strict=True)]
    for place, total in enumerate(sums.values()):
        axes.annotate(f"{total:,.0f}", (1.005, place), va="center", fontsize=8, color=INK, annotation_clip=False)
    axes.set_yticks(range(len(groups)), [_text(group, width=28) for group in groups])
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    axes.set_xlim(0, 1.08)
    _legend_above(axes, rows=math.ceil(len(kinds) / 4))
    return _svg(figure, axes, title=title, legend=False, pad=14 + 14 * math.ceil(len(kinds) / 4))


def control(labels: Sequence[str], series: Mapping[str, Sequence[float]], *, title: str) -> str:
    """Lines over `labels` in parts of their bounds, with the bound at 1; a gap where a value is not finite.

    Raises ConfigError for a series that has not one value for each label, and for more than eight series.
    """
    if wrong := [name for name, values in series.items() if len(values) != len(labels)]:
        raise ConfigError(f"plot {title!r}: series {wrong} have not {len(labels)} values")
    if len(series) > MOST_COLOURS:
        raise ConfigError(f"plot {title!r}: {len(series)} series, at most {MOST_COLOURS} have a colour")
    figure, axes = _figure(2.9)
    for (name, values), colour in zip(series.items(), DISTINCT, strict=False):
        axes.plot(range(len(labels)), values, color=colour, linewidth=1.3, marker="o", ms=2.5, label=_text(name))
    axes.axhline(1, color=INK, linewidth=0.8, linestyle="--")
    each = max(1, math.ceil(len(labels) / MOST_LABELS))
    axes.set_xticks(range(0, len(labels), each), [_text(label, width=24) for label in labels[::each]], rotation=25)
    axes.grid(axis="y", color=FAINT, linewidth=0.7)
    axes.set_ylim(bottom=0)
    _legend_above(axes, rows=len(series))
    return _svg(figure, axes, title=title, legend=False, pad=14 + 14 * math.ceil(len(series) / 4))


def scatter(points: Sequence[tuple[float, float]], names: Sequence[str], *, title: str) -> str:
    """Points on a plane, coloured by name, in the order given; the names with their counts above, frequent ones first.

    Raises ConfigError where there is not one name for each point, and for more than eight different ones.
    """
    counts = Counter(names)
    kinds = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    if len(points) != len(names):
        raise ConfigError(f"plot {title!r}: {len(points)} points, {len(names)} names")
    if len(kinds) > MOST_COLOURS:
        raise ConfigError(f"plot {title!r}: {len(kinds)} names, at most {MOST_COLOURS} have a colour")
    figure, axes = _figure(5.2)
    colours = dict(zip(kinds, DISTINCT, strict=False))
    xs, ys = zip(*points, strict=True) if points else ((), ())
    # As pixels: thousands of points as shapes would be a megabyte.
    axes.scatter(xs, ys, s=9, c=[colours[name] for name in names], linewidths=0, alpha=0.75, rasterized=True)
    for name in kinds:
        axes.scatter([], [], s=28, color=colours[name], label=_text(f"{name} ({counts[name]:,})"))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    _legend_above(axes, rows=len(kinds))
    return _svg(figure, axes, title=title, legend=False, pad=14 + 14 * math.ceil(len(kinds) / 4))


def heatmap(labels: Sequence[str], values: Sequence[Sequence[float]], *, title: str, x: str, y: str) -> str:
    """A square of counts, rows `y` by columns `x`; each cell has its count and, of the row, its share, which shades it.

    Raises ConfigError where `values` are not a square of the size of `labels`.
    """
    if len(values) != len(labels) or any(len(row) != len(labels) for row in values):
        raise ConfigError(f"plot {title!r}: {len(values)} rows of {[len(row) for row in values]}, needs {len(labels)}")
    figure, axes = _figure(1.1 + 0.42 * max(len(labels), 1))
    part = [[value / max(sum(row), 1e-12) for value in row] for row in values]
    if labels:
        from matplotlib.colors import LinearSegmentedColormap

        shades = LinearSegmentedColormap.from_list("shades", ["#ffffff", COLOURS[0]])
        axes.pcolormesh(part, cmap=shades, vmin=0, vmax=1, edgecolors=FAINT, linewidth=0.7)
    for row, shown in enumerate(values):
        for column, value in enumerate(shown):
            if value:
                colour = "white" if part[row][column] > 0.55 else INK
                share = f"{part[row][column]:.0%}" if part[row][column] >= 0.005 else "<1%"
                text = f"{_number(value)}\n{share}"
                axes.annotate(
                    text, (column + 0.5, row + 0.5), ha="center", va="center", fontsize=7, color=colour, linespacing=1.1
                )
    axes.set_xticks([place + 0.5 for place in range(len(labels))], [_text(label) for label in labels])
    axes.set_yticks([place + 0.5 for place in range(len(labels))], [_text(label) for label in labels])
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(_text(x), fontsize=9, color=INK)
    axes.set_ylabel(_text(y), fontsize=9, color=INK)
    axes.invert_yaxis()
    return _svg(figure, axes, title=title, legend=False, pad=10)


class Band(NamedTuple):
    """A value that was `wanted` within `tolerance`, what was `found`, and the best estimate with its interval."""

    label: str
    wanted: float
    tolerance: float
    found: float
    best: float
    low: float
    high: float


def bands(rows: Sequence[Band], *, title: str) -> str:
    """What was wanted as a band with a mark in it, what there is as a point with its interval, in per cent."""
    figure, axes = _figure(1.1 + 0.34 * max(len(rows), 1))
    for place, row in enumerate(rows):
        inside = abs(row.best - row.wanted) <= row.tolerance + 1e-9
        least, most = max(0.0, row.wanted - row.tolerance), min(1.0, row.wanted + row.tolerance)
        first = place == 0
        axes.barh(place, most - least, left=least, height=0.66, color=FAINT, label="wanted" if first else None)
        axes.plot([row.wanted] * 2, [place - 0.33, place + 0.33], color=INK, linewidth=1.2)
        axes.plot([row.low, row.high], [place] * 2, color=COLOURS[0 if inside else 1], linewidth=2)
        axes.plot(row.best, place, marker="o", ms=6, color=COLOURS[0 if inside else 1], zorder=3)
        if abs(row.found - row.best) > 1e-9:
            axes.plot(row.found, place, marker="o", ms=5, markerfacecolor="white", markeredgecolor=INK, zorder=2)
        end = max(most, row.high, row.best, row.found)
        written = f"{row.best:.1%}" + ("" if inside else f", wanted {least:.1%} to {most:.1%}")
        axes.annotate(
            written, (end, place), xytext=(7, 0), textcoords="offset points", va="center", fontsize=8, color=INK
        )
    axes.set_yticks(range(len(rows)), [_text(row.label) for row in rows])
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    ends = [max(row.wanted + row.tolerance, row.high, row.best, row.found) for row in rows]
    # Room for what is written behind the last mark.
    long = any(abs(row.best - row.wanted) > row.tolerance for row in rows)
    axes.set_xlim(-0.005, max([*ends, 0.05]) * (1.6 if long else 1.2))
    _key(axes)
    return _svg(figure, axes, title=title, legend=False, pad=24)


class Interval(NamedTuple):
    """A difference and the interval that holds it."""

    label: str
    value: float
    low: float
    high: float


def intervals(rows: Sequence[Interval], *, title: str) -> str:
    """Differences as points with their intervals, each row on a scale of its own with 0 in the middle.

    Blue where the interval lies above 0, red where below, grey where 0 is in it.
    """
    figure, axes = _figure(1.0 + 0.34 * max(len(rows), 1))
    axes.axvline(0, color=INK, linewidth=0.8)
    for place, row in enumerate(rows):
        finite = all(math.isfinite(end) for end in (row.value, row.low, row.high))
        scale = max(abs(row.low), abs(row.high), 1e-12) if finite else 1.0
        colour = COLOURS[0] if row.low > 0 else COLOURS[1] if row.high < 0 else STACKED[2]
        if finite:
            axes.plot([row.low / scale, row.high / scale], [place] * 2, color=colour, linewidth=2.4)
            axes.plot(row.value / scale, place, marker="o", ms=6, color=colour, zorder=3)
        written = f"{row.value:+.3g}  ({row.low:+.3g} to {row.high:+.3g})"
        axes.annotate(written, (1.08, place), va="center", fontsize=8, color=INK, annotation_clip=False)
    axes.set_yticks(range(len(rows)), [_text(row.label) for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(-1.05, 1.95)
    axes.xaxis.set_visible(False)
    return _svg(figure, axes, title=title, legend=False)


def _key(axes: "Axes") -> None:
    """Explains the marks of `bands`."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    hollow = Line2D([], [], marker="o", ms=5, ls="", markerfacecolor="white", markeredgecolor=INK)
    points = [Line2D([], [], marker="o", ms=6, lw=2, color=COLOURS[place]) for place in (0, 1)]
    named = {"wanted": Patch(color=FAINT), "inside": points[0], "outside": points[1], "before correction": hollow}
    axes.legend(
        list(named.values()),
        list(named),
        frameon=False,
        fontsize=8,
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=4,
    )


def _legend_above(axes: "Axes", *, rows: int) -> None:
    """Over the bars a legend would hide some."""
    if rows:
        axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=4)


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
