"""The card of a model: README.md with the front matter that the Hugging Face hub reads.

https://huggingface.co/docs/hub/model-cards
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml
from jinja2 import Environment, StrictUndefined

from parlance.exports.card import table
from parlance.lake import Lake
from parlance.registry.records import Record
from parlance.registry.versions import flat
from parlance.rights import published

# Names of the hub for what is measured: https://huggingface.co/metrics.
METRICS: Final = {"perplexity": "perplexity", "rouge1": "rouge", "rouge_l": "rouge", "bleu": "bleu", "chrf": "chrf"}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a card says; frames are ready to be shown. `figures` and `decision` are empty before an evaluation."""

    parameters: int
    sources: Sequence[str]
    made_from: Mapping[str, str]
    splits: pl.DataFrame
    kinds: pl.DataFrame
    rights: Sequence[Mapping[str, Any]]
    settings: Mapping[str, str]
    training: pl.DataFrame
    figures: pl.DataFrame = field(default_factory=pl.DataFrame)
    decision: pl.DataFrame = field(default_factory=pl.DataFrame)


def facts(
    lake: Lake,
    record: Record,
    *,
    version: str,
    figures: Mapping[str, Mapping[str, float]] | None = None,
    decision: pl.DataFrame | None = None,
) -> Facts:
    """What the tables and the record say of the model `version`; `figures` by model and name, if it was evaluated."""
    examples = lake.table(record.dataset).scan()
    sources = sorted(examples.select(pl.col("source").unique()).collect()["source"])
    named = {name: value for name, value in record.metrics.items() if name != "parameters"}
    shown = [{"model": role, **values} for role, values in (figures or {}).items()]
    return Facts(
        parameters=int(record.metrics.get("parameters", 0)),
        sources=sources,
        made_from={
            "version": version,
            "base model": record.base if not Path(record.base).is_absolute() else Path(record.base).name,
            "version of the base": record.base_version,
            "examples": record.dataset,
            "version of the examples": record.dataset_version,
            "version of the tokenizer": record.tokenizer_version,
            "version of the code": record.code_version,
            **{f"library {name}": number for name, number in record.libraries.items()},
        },
        splits=_counted(examples, "split"),
        kinds=_counted(examples, "kind", "source"),
        rights=[statement for lane in sources for statement in _statements(lake, lane)],
        settings=dict(flat(record.settings)),
        training=pl.DataFrame({"figure": list(named), "value": [float(value) for value in named.values()]}),
        figures=pl.DataFrame(shown).transpose(include_header=True, header_name="figure", column_names="model")
        if shown
        else pl.DataFrame(),
        decision=pl.DataFrame() if decision is None else decision,
    )


def card(facts: Facts, *, title: str) -> str:
    """README.md as text."""
    environment = Environment(
        autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["table"] = table
    template = resources.files("parlance.registry").joinpath("card.md.jinja").read_text(encoding="utf-8")
    head = yaml.safe_dump(front_matter(facts, title=title), sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n{environment.from_string(template).render(facts=facts, title=title)}"


def front_matter(facts: Facts, *, title: str) -> dict[str, Any]:
    """What machines read of the card."""
    base = facts.made_from["base model"]
    return {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "license": "other",
        "license_name": "statement-of-rights",
        **({"base_model": base} if base.count("/") == 1 else {}),
        "tags": ["conversational", "parlance", *facts.sources],
        "model-index": [{"name": title, "results": _results(facts)}] if facts.figures.height else [],
    }


def _results(facts: Facts) -> list[dict[str, Any]]:
    """The candidate's figures as the hub lists results."""
    dataset = {"name": facts.made_from["examples"], "type": "parlance", "split": "test"}
    values = dict(facts.figures.select("figure", "candidate").iter_rows())
    metrics = [
        {"type": kind, "name": name, "value": values[name]} for name, kind in METRICS.items() if values.get(name)
    ]
    return [{"task": {"type": "text-generation"}, "dataset": dataset, "metrics": metrics}]


def _counted(frame: pl.LazyFrame, *columns: str) -> pl.DataFrame:
    return frame.group_by(columns).agg(examples=pl.len()).sort("examples", *columns, descending=True).collect()


def _statements(lake: Lake, lane: str) -> list[dict[str, Any]]:
    """The statements under which the raw rows of a lane were taken; none of web lanes."""
    ids = lake.table(f"{lane}/raw").scan().select(pl.col("rights").drop_nulls().unique()).collect()["rights"]
    return [{"lane": lane, **published(lake.files, lane, one)} for one in sorted(ids)]
