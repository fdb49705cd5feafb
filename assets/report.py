"""The report asset: one HTML page about the whole corpus."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from assets.tokenizers import KINDS
from parlance import report
from parlance.versions import content_version
from resources.lake import LakeResource

KEY = dg.AssetKey(["corpus", "report"])
TOKENIZER_FIGURES = ("fertility", "bytes_per_token", "unknown_rate")


def report_assets(lanes: Sequence[Lane], *, url: str) -> list[dg.AssetsDefinition]:
    """The report over `lanes`; `url` is where reports are served."""
    recipes = {lane.name: lane.rules for lane in lanes}
    partitioned = [lane.key(table) for lane in lanes for table in ("dropped", "utterances", "embeddings")]
    all_days = [dg.AssetDep(key, partition_mapping=dg.AllPartitionMapping()) for key in partitioned]
    drafts = dg.AssetDep(dg.AssetKey(["models", "predictions"]), partition_mapping=dg.AllPartitionMapping())
    single = [["models", "evaluation"], ["instruct", "examples"], *(["tokenizers", kind] for kind in KINDS)]

    @dg.asset(
        key=KEY,
        deps=[*all_days, drafts, *(dg.AssetKey(path) for path in single)],
        group_name="report",
        kinds={"html"},
        owners=OWNERS,
        code_version=code_version("report", "plots"),
    )
    @no_useless_retries
    def corpus_report(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        """One page: rows by step, reasons of drops, languages, speech acts, duplicates, tokenizers, models, drafts."""
        opened = lake.open()
        figures = report.collect(
            opened, recipes, tokenizers=_tokenizers(context.instance), models=_models(context.instance)
        )
        page = report.render(figures)
        version = content_version([page])
        with opened.files.publish("report", version) as folder:
            (folder / "report.html").write_text(page, encoding="utf-8")
        return dg.MaterializeResult(
            data_version=dg.DataVersion(version),
            metadata={
                "report": dg.MetadataValue.url(f"{url.rstrip('/')}/{version}/report.html"),
                "file": dg.MetadataValue.path(f"{opened.files.uri('report', version)}/report.html"),
                "lanes": metadata.table_of(_lanes(figures)),
                "funnel": metadata.pictures(report.funnels(figures).values()),
                "by_partition": metadata.pictures(report.days(figures).values()),
                "drops": metadata.table_of(figures.drops),
                **_kept(figures),
            },
        )

    return [corpus_report]


def _lanes(figures: report.Figures) -> pl.DataFrame:
    """Rows of each lane, kept, dropped and rejected."""
    sums = [rows.select("kept", "dropped", "rejected").sum().row(0) for rows in figures.days.values()]
    names = pl.DataFrame({"lane": list(figures.days)}, schema={"lane": pl.String})
    counts = pl.DataFrame(sums, schema=["kept", "dropped", "rejected"], orient="row")
    return pl.concat([names, counts], how="horizontal").select(
        "lane", "kept", "dropped", pl.col("rejected").alias("raw rows rejected")
    )


def _kept(figures: report.Figures) -> dict[str, float]:
    """Documents and the share of them that is kept, by lane: numbers that plot over materialisations."""
    sums = {lane: rows.select("kept", "dropped").sum().row(0) for lane, rows in figures.days.items()}
    documents = {f"{lane}_documents": kept + dropped for lane, (kept, dropped) in sums.items()}
    shares = {
        f"{lane}_kept_share": round(kept / (kept + dropped), 4)
        for lane, (kept, dropped) in sums.items()
        if kept + dropped
    }
    return documents | shares


def _tokenizers(instance: dg.DagsterInstance) -> list[dict[str, object]]:
    """The figures of the last materialisation of each tokenizer."""
    found = []
    for kind in KINDS:
        event = instance.get_latest_materialization_event(dg.AssetKey(["tokenizers", kind]))
        if event is not None and event.asset_materialization is not None:
            values = event.asset_materialization.metadata
            found.append({"tokenizer": kind} | {name: values[name].value for name in TOKENIZER_FIGURES})
    return found


def _models(instance: dg.DagsterInstance) -> dict[str, dict[str, float]]:
    """The figures of the last evaluation, by model; empty where there was none."""
    event = instance.get_latest_materialization_event(dg.AssetKey(["models", "evaluation"]))
    if event is None or event.asset_materialization is None:
        return {}
    figures: dict[str, dict[str, float]] = event.asset_materialization.metadata["figures"].value
    return figures
