"""Drift: the newest partitions of every lane beside those before them and beside what was trained on."""

from collections.abc import Sequence

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.instruct import EXAMPLES
from assets.lanes import OWNERS, Lane
from parlance import plots, schemas
from parlance.lake import Lake
from parlance.monitoring.drift import WINDOW, Settings
from parlance.monitoring.findings import Verdict
from parlance.stages import drift as stages
from resources.lake import LakeResource

KEY = dg.AssetKey(["corpus", "drift"])
BAD = [Verdict.ALARM, Verdict.GROSS]
SHOWN, SAID = 10, 3
# Which measures a check is about, by how their names begin or end.
CHECKS = {
    "vocabulary_did_not_drift": ("vocabulary", "Words, words that were never seen, and how many different ones."),
    "length_did_not_drift": ("^length$", "Lengths of documents."),
    "language_did_not_drift": ("^language$", "Languages of documents."),
    "speech_acts_did_not_drift": ("^speech_acts$", "Functions of utterances."),
    "quality_did_not_drift": ("^signals/", "Numbers of the quality rules."),
    "decisions_did_not_drift": ("^decisions$", "What is kept, and what is dropped by which rule."),
    "embeddings_did_not_drift": ("^embeddings$", "What the texts are about."),
}
ADVICE = (
    "Look at what moved (`moved`), then at the partition's documents. A change that is meant to stay stops alarming "
    "when the window has passed it; what models learned from is compared until they are trained again."
)


class DriftConfig(dg.Config):
    """What is judged, and how much is too much."""

    partitions: int = Field(default=14, ge=1, description="Newest partitions of each lane that are judged.")
    window: int = Field(default=28, ge=2, description="Partitions before a partition that it is compared with.")
    least_history: int = Field(default=5, ge=3, description="With fewer before it a partition is not judged.")
    z: float = Field(default=4.0, gt=0, description="Standard deviations of earlier partitions beyond which it warns.")
    gross_factor: float = Field(default=2.5, gt=1, description="An error is that many times as far.")
    least_js: float = Field(
        default=0.03, ge=0, description="Least Jensen-Shannon divergence beyond the expected, bits."
    )
    least_psi: float = Field(default=0.25, ge=0, description="Least population stability index beyond the expected.")
    least_unseen: float = Field(default=0.05, ge=0, description="Least share of unseen words beyond the expected.")
    least_unique: float = Field(default=0.25, ge=0, description="Least departure from Heaps' law, natural logarithm.")
    least_mean: float = Field(default=0.02, ge=0, description="Least squared distance of mean vectors.")
    least_signals: int = Field(default=2, ge=1, description="Numbers of the quality rules that must drift to warn.")


def drift_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """The drift of `lanes`, with a check for each kind of measure."""
    tables = ("pretokens", "utterances", "embeddings")

    @dg.asset(
        key=KEY,
        deps=[
            EXAMPLES,
            *(
                dg.AssetDep(lane.key(table), partition_mapping=dg.AllPartitionMapping())
                for lane in lanes
                for table in tables
            ),
        ],
        group_name="monitoring",
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version("monitoring.drift", "monitoring.noise", "stages.drift"),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.DRIFT)},
        check_specs=[
            dg.AssetCheckSpec(name, asset=KEY, description=f"{said} Of the newest partition of each lane.")
            for name, (_, said) in CHECKS.items()
        ],
    )
    @no_useless_retries
    def drift(config: DriftConfig, lake: LakeResource) -> dg.MaterializeResult:
        """How far the newest partitions are from those before them, and from what was trained on.

        Vocabulary, lengths, languages, speech acts, numbers of the rules, decisions and embeddings, each beside what
        sampling and the days' own spread give where nothing changed. A small day is far from all others by chance, and
        its bound is as far. Everything is counted from tables; no text is read.
        """
        opened = lake.open()
        values = config.model_dump(exclude={"partitions", "least_signals"})
        names = [lane.name for lane in lanes]
        written = stages.write_drift(opened, names, partitions=config.partitions, settings=Settings(**values))
        table = opened.table("corpus/drift")
        rows = table.scan().collect()
        results = [_result(opened, name, rows, config) for name in CHECKS]
        shown = metadata.of_table(table, written) | {"dagster/row_count": written.rows}
        return dg.MaterializeResult(metadata=shown | _over_time(rows), check_results=results)

    return [drift]


def _newest(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("lane_partition") == pl.col("lane_partition").max().over("lane"))


def _result(lake: Lake, name: str, rows: pl.DataFrame, config: DriftConfig) -> dg.AssetCheckResult:
    ours = _newest(rows).filter(pl.col("measure").str.contains(CHECKS[name][0]))
    ratio = pl.col("value") / pl.col("bound")
    ours = ours.sort(ratio.fill_null(0), "lane", "measure", "reference", descending=[True, False, False, False])
    bad = ours.filter(pl.col("verdict").is_in(BAD))
    is_gross = bool((bad["verdict"] == Verdict.GROSS).any())
    least = config.least_signals if name.startswith("quality") else 1
    passed = bad.height < least and not is_gross
    unknown = int((ours["verdict"] == Verdict.UNKNOWN).sum())
    shown = {"judged": ours.height - unknown, "too_little_history": unknown, "alarms": bad.height}
    table = ours.head(SHOWN).select(
        "lane", "lane_partition", "reference", "measure", "value", "expected", "bound", "verdict", moved="detail"
    )
    more = {} if passed or not name.startswith("embeddings") else _second_opinions(lake, bad, window=config.window)
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=KEY,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR if is_gross else dg.AssetCheckSeverity.WARN,
        description=f"{shown['judged']} numbers within their bounds" if passed else _said(bad),
        metadata={**shown, **more, "worst": metadata.table_of(table), "what_to_do": ADVICE},
    )


def _said(bad: pl.DataFrame) -> str:
    said = [
        f"{row['lane']} {row['lane_partition']}: {row['measure']} is {row['value']:.3g} from {row['reference']},"
        f" expected {row['expected']:.3g}, at most {row['bound']:.3g}"
        for row in bad.head(SAID).iter_rows(named=True)
    ]
    return "; ".join([*said, *([f"and {bad.height - SAID} more"] if bad.height > SAID else [])])


def _second_opinions(lake: Lake, bad: pl.DataFrame, *, window: int) -> dict[str, dg.MetadataValue]:
    """What comparing every pair of vectors says of partitions whose mean moved."""
    rows = []
    for lane, partition in bad.select("lane", "lane_partition").unique(maintain_order=True).iter_rows():
        if (found := stages.second_opinion(lake, lane, partition, window=window)) is not None:
            rows.append((lane, partition, found.mmd2, found.p_value, found.auc, found.cosine))
    columns = ["lane", "partition", "mmd2", "p_value", "auc", "cosine of means"]
    return {"every_pair": metadata.table_of(pl.DataFrame(rows, schema=columns, orient="row"))}


def _over_time(rows: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """By lane, the distances from the partitions before in parts of their bounds."""
    measures = ["vocabulary", "unseen_vocabulary", "length", "language", "speech_acts", "decisions", "embeddings"]
    judged = rows.filter(pl.col("reference") == WINDOW, pl.col("bound").is_not_null())
    found = {}
    for (lane,), part in judged.group_by("lane", maintain_order=True):
        labels = part["lane_partition"].unique().sort().to_list()
        ratios = {
            (row["lane_partition"], row["measure"]): row["value"] / row["bound"] for row in part.iter_rows(named=True)
        }
        series = {name: [ratios.get((label, name), float("nan")) for label in labels] for name in measures}
        drawn = plots.control(
            labels, series, title=f"{lane}: distance from the partitions before, in parts of the bound"
        )
        found[f"over_time_{lane}"] = metadata.picture(drawn)
    return found
