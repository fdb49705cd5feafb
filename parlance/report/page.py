"""The report as one HTML file without scripts or outside parts."""

from importlib import resources
from typing import Any

import polars as pl
from jinja2 import Environment, StrictUndefined

from parlance import plots
from parlance.report.figures import Figures

MOST_LANGUAGES = 12
MODEL_FIGURES = ("perplexity", "bits_per_character", "rouge_l", "bleu", "chrf")


def render(figures: Figures) -> str:
    """The page as HTML; every value that comes from data is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["cell"] = _cell
    template = resources.files("parlance.report").joinpath("page.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(template).render(figures=figures, plots=_plots(figures), models=_models(figures))


def _plots(figures: Figures) -> dict[str, str]:
    """SVG texts by name; made here, so they are marked safe in the template."""
    lanes = figures.funnel.columns[1:]
    funnel = {lane: figures.funnel[lane].to_list() for lane in lanes}
    acts = figures.speech_acts
    languages = figures.languages.head(MOST_LANGUAGES)
    drops = (
        figures.drops.group_by("rule").agg(pl.col("rows").sum()).sort("rows", "rule", descending=[True, False]).head(15)
    )
    series = {column: acts[column].to_list() for column in ("function", "form")}
    return {
        "funnel": plots.grouped_bars(figures.funnel["step"].to_list(), funnel, title="Rows by step"),
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
