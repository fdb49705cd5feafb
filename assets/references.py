"""What documents are compared with: lists to block, evaluation sets, and a classifier of quality."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, REFERENCES
from parlance import plots
from parlance.stages import corpus as stages
from parlance.versions import content_version
from resources.lake import LakeResource
from resources.references import NamedReferences

REFERENCE_MODULES = ("draws", "references", "speech_acts.fasttext_model", "dedup.characters", "dedup.tokens")
BINS = 20


@dg.asset(
    key=REFERENCES,
    group_name="references",
    kinds={"polars", "fasttext"},
    owners=OWNERS,
    code_version=code_version(*REFERENCE_MODULES),
)
@no_useless_retries
def references(lake: LakeResource, references: NamedReferences) -> dg.MaterializeResult:
    """What documents are compared with: blocked hosts and words, evaluation sets, and a classifier of quality.

    Made of the files that the setting PARLANCE_REFERENCES names. Nothing is made again where none of them changed.
    """
    named = references.named()
    version = content_version([named.version, code_version(*REFERENCE_MODULES)])
    opened = lake.open()
    report = stages.compile_references(opened, named, version)
    shown = {
        "dagster/uri": opened.files.uri("corpus/references", version),
        "blocked_hosts": report.hosts,
        "blocked_words": report.words,
        "evaluation_sets": metadata.table_of(pl.DataFrame(report.sets)),
    }
    if report.lines_without_host:
        shown |= {"lines_without_host": report.lines_without_host, "such_as": ", ".join(report.examples)}
    return dg.MaterializeResult(data_version=dg.DataVersion(version), metadata=shown | _of_quality(report.quality))


def _of_quality(quality: Mapping[str, Any] | None) -> dict[str, Any]:
    """The figures of the classifier, and how its scores are spread over held-out texts."""
    if quality is None:
        return {}
    figures = {f"quality_{name}": value for name, value in quality.items() if name != "scores"}
    spread = {f"{name} ({len(scores)} texts)": _spread(scores) for name, scores in quality["scores"].items()}
    plot = plots.curves(spread, title="Quality of held-out texts", x="score", y="share of the class")
    return {**figures, "quality_scores": metadata.picture(plot)}


def _spread(scores: Sequence[float]) -> list[tuple[float, float]]:
    """The share of `scores` in each of the bins between 0 and 1, by their middles."""
    places = [min(int(score * BINS), BINS - 1) for score in scores]
    return [((place + 0.5) / BINS, places.count(place) / max(len(places), 1)) for place in range(BINS)]
