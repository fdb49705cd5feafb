"""The report as one HTML file without scripts or outside parts."""

from importlib import resources
from typing import Any

import polars as pl
from jinja2 import Environment, StrictUndefined

from parlance import plots
from parlance.report.figures import Figures

MOST_LANGUAGES = 12
SHOWN = {"kept": "documents kept", "dropped": "documents dropped", "rejected": "raw rows rejected"}
MODEL_FIGURES = ("perplexity", "bits_per_character", "rouge_l", "bleu", "chrf")


def render(figures: Figures) -> str:
    """The page as HTML; every value that comes from data is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["cell"] = _cell
    template = resources.files("parlance.report").joinpath("page.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(template).render(figures=figures, plots=_plots(figures), models=_models(figures))


def funnels(figures: Figures) -> dict[str, str]:
    """The funnel of each lane that has rows, as SVG."""
    return {
        lane: plots.funnel(
            steps["step"].to_list(), steps["rows"].to_list(), dropped=steps["dropped"].to_list(), title=f"{lane}: rows"
        )
        for lane, steps in figures.funnels.items()
        if steps["rows"].sum()
    }


def days(figures: Figures) -> dict[str, str]:
    """What was kept and dropped of each partition of the lanes, as SVG; none of a lane without rows."""
    return {
        lane: plots.stacked(
            rows["partition"].to_list(),
            {name: rows[column].to_list() for column, name in SHOWN.items()},
            title=f"{lane}: by partition",
        )
        for lane, rows in figures.days.items()
        if rows.height
    }


def _plots(figures: Figures) -> dict[str, Any]:
    """SVG texts by name; made here, so they are marked safe in the template."""
    acts = figures.speech_acts
    languages = figures.languages.head(MOST_LANGUAGES)
    drops = (
        figures.drops.group_by("rule").agg(pl.col("rows").sum()).sort("rows", "rule", descending=[True, False]).head(15)
    )
    series = {column: acts[column].to_list() for column in ("function", "form")}
    return {
        "funnels": funnels(figures),
        "days": days(figures),
        "drops": plots.bars(dict(drops.iter_rows()), title="Dropped rows by first broken rule"),
        "languages": plots.bars(dict(languages.iter_rows()), title="Documents by language"),
        "speech_acts": plots.grouped_bars(acts["act"].to_list(), series, title="Utterances by speech act"),
    }


def _models(figures: Figures) -> list[dict[str, Any]]:
    return [
        {"model": name} | {key: values.get(key) for key in MODEL_FIGURES} for name, values in figures.models.items()
    ]


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
