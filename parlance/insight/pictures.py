"""Plots of the counts of speech acts, as SVG."""

from collections.abc import Iterable
from typing import Final

import polars as pl

from parlance import plots
from parlance.insight.counting import ROLES, STEPS
from parlance.speech_acts.labels import LABELS, SpeechAct

MOST_BARS: Final = 26
MOST_CHANNELS: Final = 12
# The most frequent first, so that colours and places stay the same from plot to plot.
ORDER: Final = tuple(
    str(act)
    for act in (
        SpeechAct.REPRESENTATIVE,
        SpeechAct.QUESTION,
        SpeechAct.DIRECTIVE,
        SpeechAct.EXPRESSIVE,
        SpeechAct.NONE,
        SpeechAct.VERDICTIVE,
        SpeechAct.COMMISSIVE,
        SpeechAct.DECLARATION,
    )
)
assert set(ORDER) == set(LABELS)
# Name, length, and how its beginning is written.
_PERIODS: Final = (
    ("day", "1d", "%Y-%m-%d"),
    ("week", "1w", "%Y-%m-%d"),
    ("month", "1mo", "%Y-%m"),
    ("quarter", "1q", "%Y-%m"),
    ("year", "1y", "%Y"),
    ("decade", "10y", "%Y"),
)


def over_time(counts: pl.DataFrame) -> str:
    """Functions by day, or by as long periods as make few bars; without what has no day."""
    dated = counts.drop_nulls("day")
    named = [
        (name, dated.with_columns(period=pl.col("day").dt.truncate(length).dt.to_string(written)))
        for name, length, written in _PERIODS
    ]
    fitting = (each for each in named if each[1]["period"].n_unique() <= MOST_BARS)
    name, starts = next(fitting, named[-1])
    return plots.shares(_groups(starts, "period", sorted(set(starts["period"]))), title=f"Functions by {name}")


def by_channel(counts: pl.DataFrame) -> str:
    """Functions in each of the channels that have most utterances."""
    named = counts.drop_nulls("channel")
    most = named.group_by("channel").agg(pl.col("utterances").sum()).sort("utterances", "channel", descending=True)
    chosen = most["channel"].head(MOST_CHANNELS).to_list()
    return plots.shares(_groups(named, "channel", chosen), title="Functions by channel")


def by_role(counts: pl.DataFrame) -> str:
    """Functions by who says it."""
    return plots.shares(_groups(counts, "role", ROLES), title="Functions by role of the author")


def by_source(counts: pl.DataFrame) -> str:
    """Functions in each source."""
    return plots.shares(_groups(counts, "source", sorted(set(counts["source"]))), title="Functions by source")


def matrix(counts: pl.DataFrame) -> str:
    """Forms by functions."""
    cells = counts.group_by("form", "function").agg(pl.col("utterances").sum())
    return plots.heatmap(
        ORDER, _square(cells, "form", "function", "utterances"), title="What forms do", x="function", y="form"
    )


def transitions(steps: pl.DataFrame) -> dict[str, str]:
    """For each kind of step what follows what."""
    drawn = {}
    for step in STEPS:
        cells = steps.filter(step=step).group_by("function", "next_function").agg(pl.col("pairs").sum())
        values = _square(cells, "function", "next_function", "pairs")
        drawn[step] = plots.heatmap(ORDER, values, title=f"What follows: {step}", x="next", y="function")
    return drawn


def unsure(counts: pl.DataFrame) -> str:
    """By function the share of utterances that context gave another function, and of those abstained from, in %."""
    sums = counts.group_by("function").agg(pl.col("utterances", "context_dependent", "abstained").sum())
    found = {row["function"]: row for row in sums.iter_rows(named=True)}
    labels = [act for act in ORDER if act in found]
    series = {
        name: [100 * found[act][column] / found[act]["utterances"] for act in labels]
        for name, column in (("another function in context", "context_dependent"), ("abstained", "abstained"))
    }
    return plots.grouped_bars(labels, series, title="Utterances that context decides, and unsure ones", unit="%")


def _groups(counts: pl.DataFrame, column: str, names: Iterable[str]) -> dict[str, dict[str, float]]:
    """Utterances by function for each of `names` that has some."""
    sums = counts.group_by(column, "function").agg(pl.col("utterances").sum())
    found: dict[str, dict[str, float]] = {}
    for name, function, utterances in sums.select(column, "function", "utterances").iter_rows():
        found.setdefault(name, {})[function] = utterances
    return {name: {act: found[name].get(act, 0) for act in ORDER} for name in names if name in found}


def _square(cells: pl.DataFrame, row: str, column: str, value: str) -> list[list[int]]:
    found = {(one, other): count for one, other, count in cells.select(row, column, value).iter_rows()}
    return [[found.get((one, other), 0) for other in ORDER] for one in ORDER]
