"""People in the loop: what to annotate, what came back, how far they agree, and gold."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from assets.speech_act_model import GOLD, GROUP, speech_act_model
from parlance import plots, schemas
from parlance.annotation import agreement as measures
from parlance.annotation import deciding
from parlance.annotation.answers import TARGETS
from parlance.excerpts import CHARACTERS
from parlance.speech_acts.labels import LABELS
from parlance.stages import annotation as stages
from resources.annotations import Annotations
from resources.lake import LakeResource

ANNOTATIONS, REJECTED = dg.AssetKey(["corpus", "annotations"]), dg.AssetKey(["corpus", "annotations_rejected"])
WEAK_LABELS = dg.AssetKey(["corpus", "labelling_functions"])


def annotation_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """The batch to annotate from `lanes`, and all that comes of annotations."""
    return [_batch(lanes), annotations, agreement, gold, adjudication_batch, speech_act_model]


class BatchConfig(dg.Config):
    """How much to annotate, by whom."""

    size: int = Field(default=200, ge=1, description="Utterances.")
    random_share: float = Field(default=0.5, ge=0, le=1, description="Share drawn at random, for unbiased estimates.")
    shared: float = Field(default=0.3, ge=0, le=1, description="Share that all annotators get, to see how they agree.")
    annotators: list[str] = Field(default=["annotator-1", "annotator-2"], description="Who annotates; names of files.")
    seed: int = Field(default=1, description="Of the random draw; the same for all batches.")
    another: bool = Field(default=False, description="A new batch though some of the last has no annotation yet.")


def _batch(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    deps = [
        dg.AssetDep(lane.key(table), partition_mapping=dg.AllPartitionMapping())
        for lane in lanes
        for table in ("kept", "utterances")
    ]
    deps.append(dg.AssetDep(WEAK_LABELS))

    @dg.asset(
        key=["corpus", "annotation_batch"],
        deps=deps,
        group_name="insight",
        kinds={"deltalake", "json"},
        owners=OWNERS,
        code_version=code_version("annotation", "stages.annotation"),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.ANNOTATION_ITEMS)},
    )
    @no_useless_retries
    def annotation_batch(config: BatchConfig, lake: LakeResource, annotations: Annotations) -> dg.MaterializeResult:
        """Utterances that people should annotate, and why, in the formats of doccano, Label Studio and Prodigy.

        A part is drawn at random, for unbiased estimates and for the exam of new classifiers; the rest are those of
        which the classifier is unsure, on which labels disagree, or which have rare labels. While the batch is out,
        materialising exports the same one again.
        """
        opened, guide = lake.open(), annotations.read_guide()
        settings = stages.BatchSettings(**config.model_dump())
        weak = opened.table("corpus/weak_labels").scan().filter(pl.col("function").is_not_null())
        items, is_new = stages.write_batch(
            opened, [lane.name for lane in lanes], settings, guide, weak=weak.select("id", label="function").collect()
        )
        batch = items["batch"][0] if items.height else None
        return dg.MaterializeResult(
            data_version=dg.DataVersion(batch or "none"),
            metadata=_of_batch(items, is_new=is_new)
            | {
                "dagster/uri": opened.files.uri(stages.BATCH, batch),
                "guide_version": guide.version,
                "next_step": _next_step(opened.files.uri(stages.BATCH, batch), annotations.folder),
            },
        )

    return annotation_batch


def _of_batch(items: pl.DataFrame, *, is_new: bool) -> dict[str, Any]:
    counts = items.group_by("reason").agg(
        utterances=pl.len(), exported=pl.col("exported").sum(), shared=pl.col("shared").sum()
    )
    counts = counts.sort("reason")
    preview = items.filter("exported").group_by("reason", maintain_order=True).head(2).sort("reason")
    each = items["annotators"].explode().drop_nulls().value_counts().sort("annotators")
    return {
        "batch": items["batch"][0] if items.height else "none: there are no utterances",
        "is_new": is_new,
        "dagster/row_count": items.height,
        "utterances": items["exported"].sum(),
        "random_probability": items["probability"].drop_nulls().max() or 0.0,
        "reasons": metadata.table_of(counts),
        "reasons_picture": metadata.picture(
            plots.bars(dict(counts.select("reason", "utterances").iter_rows()), title="Utterances by reason")
        ),
        "annotators": metadata.table_of(each),
        "preview": metadata.table_of(preview.select("reason", "text", "form", "function")),
    }


def _next_step(uri: str, folder: str) -> dg.MetadataValue:
    return dg.MetadataValue.md(
        f"Give each annotator their file from `{uri}`: `doccano`, `label_studio` or `prodigy`; `README.md` there says"
        f" how to import it. Put what the tool exports into `{folder}`: the sensor `finished_annotations` takes it"
        " from there, or materialise `corpus/annotations`."
    )


@dg.multi_asset(
    name="corpus__annotations",
    specs=[
        dg.AssetSpec(
            ANNOTATIONS,
            description="What annotators said, one row for each utterance, annotator and version of the guide: the last"
            " that was said. Of files in the folder that the setting PARLANCE_ANNOTATIONS names.",
            group_name=GROUP,
            kinds={"deltalake", "polars"},
            owners=OWNERS,
            code_version=code_version("annotation", "stages.annotation"),
            metadata={
                "dagster/column_schema": metadata.column_schema(schemas.ANNOTATIONS),
                "annotation_files_columns": metadata.column_schema(schemas.ANNOTATION_FILES),
            },
        ),
        dg.AssetSpec(
            REJECTED,
            description="Rows of annotation files that became no annotation, with file, line and reason.",
            group_name=GROUP,
            kinds={"deltalake", "polars"},
            owners=OWNERS,
            code_version=code_version("annotation", "stages.annotation"),
            metadata={"dagster/column_schema": metadata.column_schema(schemas.ANNOTATIONS_REJECTED)},
        ),
    ],
)
@no_useless_retries
def annotations(lake: LakeResource, annotations: Annotations) -> Any:
    """Takes every file in the folder of annotations; a file that was taken before changes nothing."""
    opened = lake.open()
    taken = stages.take_annotations(opened, annotations.folder)
    table, rejected = opened.table(stages.ANNOTATIONS), opened.table(stages.REJECTED)
    counts = taken.rejected.group_by("reason").len().sort("len", "reason", descending=[True, False])
    by_annotator = table.scan().group_by("annotator", "tool").len().sort("annotator", "tool").collect()
    yield dg.MaterializeResult(
        asset_key=ANNOTATIONS,
        metadata=metadata.of_table(table, taken.annotations, preview=["annotator", "form", "function", "comment"])
        | {
            "dagster/row_count": taken.annotations.rows,
            "new": taken.new,
            "changed": taken.changed,
            "folder": annotations.folder,
            "annotators": metadata.table_of(by_annotator),
            "files": metadata.table_of(taken.files.drop("file_hash", "first_seen")),
        },
    )
    yield dg.MaterializeResult(
        asset_key=REJECTED,
        metadata={
            "dagster/uri": rejected.uri,
            "dagster/row_count": taken.rejected.height,
            "reasons": metadata.table_of(counts),
            "samples": metadata.table_of(
                taken.rejected.group_by("reason", maintain_order=True).head(3).sort("reason").drop("file_hash")
            ),
        },
    )


@dg.asset_check(asset=ANNOTATIONS, blocking=True)
def every_answer_is_accounted_for(lake: LakeResource, annotations: Annotations) -> dg.AssetCheckResult:
    """Every answer in the files is an annotation, or a rejected row with its reason."""
    lost = stages.lost(lake.open(), annotations.folder)
    return dg.AssetCheckResult(
        passed=lost.is_empty(), metadata={"lost": lost.height, "samples": metadata.table_of(lost.head(10))}
    )


@dg.asset(
    key=["corpus", "agreement"],
    deps=[ANNOTATIONS],
    group_name=GROUP,
    kinds={"deltalake", "polars"},
    owners=OWNERS,
    code_version=code_version("annotation.agreement", "stages.annotation"),
    metadata={"dagster/column_schema": metadata.column_schema(schemas.AGREEMENT)},
)
@no_useless_retries
def agreement(lake: LakeResource, annotations: Annotations) -> dg.MaterializeResult:
    """How far annotators agree: Cohen's kappa by pair, Fleiss' kappa and Krippendorff's alpha, overall and by label."""
    opened = lake.open()
    written = stages.write_agreement(opened, adjudicator=annotations.adjudicator)
    table = opened.table(stages.AGREEMENT)
    rows, people = table.scan().collect(), stages.by_people(opened, annotations.adjudicator)
    return dg.MaterializeResult(
        metadata=metadata.of_table(table, written)
        | {"dagster/row_count": written.rows, "annotators": people["annotator"].n_unique()}
        | _of_agreement(rows)
        | {"confusion": metadata.pictures([_confusion(people, target) for target in TARGETS] if rows.height else [])}
    )


def _of_agreement(rows: pl.DataFrame) -> dict[str, Any]:
    """Alpha of form and function with what it permits, overall and pairwise measures, and alpha by label."""
    overall = rows.filter(pl.col("label").is_null())
    together = overall.filter(pl.col("one").is_null())
    alphas = dict(together.filter(measure=measures.KRIPPENDORFF).select("target", "value").iter_rows())
    labels = rows.filter(pl.col("label").is_not_null(), pl.col("one").is_null(), measure=measures.KRIPPENDORFF)
    by_label = {
        target: [labels.filter(target=target, label=label)["value"].fill_null(float("nan")).sum() for label in LABELS]
        for target in TARGETS
    }
    numbers = {f"krippendorff_alpha_{target}": value for target, value in alphas.items() if value is not None}
    return numbers | {
        "reading": "; ".join(f"{target}: {measures.in_words(alphas.get(target))}" for target in TARGETS),
        "together": metadata.table_of(together.select("target", "measure", "value", "items")),
        "pairs": metadata.table_of(
            overall.filter(pl.col("one").is_not_null()).select("target", "one", "other", "measure", "value", "items")
        ),
        "by_label": metadata.picture(plots.grouped_bars(LABELS, by_label, title="Krippendorff's alpha by label")),
        "by_label_table": metadata.table_of(labels.select("target", "label", "value", "items")),
    }


def _confusion(people: pl.DataFrame, target: str) -> str:
    counts = measures.confusion(people, target)
    title = f"What two annotators said of one utterance: {target}"
    return plots.heatmap(LABELS, counts.tolist(), title=title, x="the other", y="one")


@dg.asset(
    key=GOLD,
    deps=[ANNOTATIONS],
    group_name=GROUP,
    kinds={"deltalake", "polars"},
    owners=OWNERS,
    code_version=code_version("annotation.deciding", "stages.annotation"),
    metadata={"dagster/column_schema": metadata.column_schema(schemas.GOLD)},
)
@no_useless_retries
def gold(lake: LakeResource, annotations: Annotations) -> dg.MaterializeResult:
    """Utterances on which more than half of their annotators agree in form and function, or the adjudicator decided.

    `sample` says which were drawn at random. What annotators disagree on is open, and goes to
    `corpus/adjudication_batch`; what was given to several waits for the second.
    """
    opened = lake.open()
    written, found = stages.write_gold(opened, adjudicator=annotations.adjudicator)
    table = opened.table(stages.GOLD)
    rows = table.scan().collect()
    counts = found.group_by("status", "sample").len().sort("status", "sample")
    by_label = {target: [rows.filter(pl.col(target) == label).height for label in LABELS] for target in TARGETS}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(stages.version_of(rows)),
        metadata=metadata.of_table(table, written, preview=["form", "function", "text", "annotators"])
        | {
            "dagster/row_count": written.rows,
            "open": found.filter(status=deciding.OPEN).height,
            "waiting": found.filter(status=deciding.WAITING).height,
            "adjudicated": rows.filter("adjudicated").height,
            "statuses": metadata.table_of(counts),
            "labels": metadata.picture(plots.grouped_bars(LABELS, by_label, title="Gold labels")),
        },
    )


@dg.asset(
    key=["corpus", "adjudication_batch"],
    deps=[GOLD],
    group_name=GROUP,
    kinds={"json"},
    owners=OWNERS,
    code_version=code_version("annotation", "stages.annotation"),
)
@no_useless_retries
def adjudication_batch(lake: LakeResource, annotations: Annotations) -> dg.MaterializeResult:
    """What annotators disagree on, for the adjudicator, with everybody's labels in view."""
    opened = lake.open()
    version, asked = stages.publish_adjudication(opened, annotations.read_guide(), adjudicator=annotations.adjudicator)
    uri = opened.files.uri(stages.ADJUDICATION, version)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/uri": uri,
            "utterances": asked.height,
            "adjudicator": annotations.adjudicator,
            "samples": dg.MetadataValue.md(
                metadata.markdown(asked.select("text", "labels_so_far").head(20), cell=CHARACTERS)
            ),
            "next_step": _next_step(uri, annotations.folder),
        },
    )


annotation_checks = [every_answer_is_accounted_for]
