"""People in the loop: batches to annotate, annotations that came back, their agreement, and gold."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from parlance import schemas
from parlance.annotation import agreement, deciding, formats, picking
from parlance.annotation.answers import frame
from parlance.annotation.guide import Guide
from parlance.annotation.items import assigned, with_before
from parlance.annotation.judging import KEY, judge, latest
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.storage import Table, Written, record_batches
from parlance.storage.tables import empty_frame
from parlance.versions import content_version

ITEMS, FILES = "corpus/annotation_items", "corpus/annotation_files"
ANNOTATIONS, REJECTED = "corpus/annotations", "corpus/annotations_rejected"
BATCH, ADJUDICATION = "corpus/annotation_batch", "corpus/adjudication_batch"
GOLD, AGREEMENT = "corpus/gold", "corpus/agreement"
_IGNORED = ("README.md", "label_config.json", "label_config.xml", "prodigy.json", "annotation_guide.md")


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """How many utterances to give out, to whom, and how they are chosen; see `picking.pick`.

    `another`: also while utterances of the last batch have no annotation yet.
    """

    size: int
    random_share: float
    shared: float
    annotators: Sequence[str]
    seed: int
    another: bool = False


def write_batch(
    lake: Lake, lanes: Sequence[str], settings: BatchSettings, guide: Guide, *, weak: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, bool]:
    """The items of the batch that is out, and whether it is a new one; its files are the latest of `BATCH`.

    While an utterance of the last batch has no annotation the same batch is exported again, unless `another` is
    wanted. `weak` has id and label, what weak supervision says of the function. The files are published before the
    items are written down, so that after a crash the same are picked. Raises ConfigError for another seed than before.
    """
    table = lake.table(ITEMS)
    before = table.scan().collect()
    if not settings.another and (still := _unanswered(lake, before)) is not None:
        _publish(lake, BATCH, still["batch"][0], still.filter("exported"), guide)
        return still, False
    if seeds := set(before["seed"].unique()) - {settings.seed}:
        raise ConfigError(
            f"seed is {settings.seed}, earlier batches were drawn with {seeds}: one random sample, one seed"
        )
    items = _picked(lake, lanes, settings, before, weak)
    number = before.select(pl.col("number").max().fill_null(0)).item() + 1
    batch = f"{number:03d}-{content_version([guide.version, *items['id'].sort()])}"
    items = items.with_columns(
        batch=pl.lit(batch),
        number=pl.lit(number, dtype=pl.Int32),
        seed=pl.lit(settings.seed, dtype=pl.Int64),
        guide_version=pl.lit(guide.version),
    )
    _publish(lake, BATCH, batch, items.filter("exported"), guide)
    table.append(record_batches(items, schemas.ANNOTATION_ITEMS))
    return items, True


def _unanswered(lake: Lake, items: pl.DataFrame) -> pl.DataFrame | None:
    """The items of the last batch, where one of them has no annotation yet."""
    last = items.filter(pl.col("number") == pl.col("number").max())
    annotated = lake.table(ANNOTATIONS).scan().select("id").collect()
    missing = last.filter("exported").join(annotated, on="id", how="anti")
    return last if missing.height else None


def _picked(
    lake: Lake, lanes: Sequence[str], settings: BatchSettings, before: pl.DataFrame, weak: pl.DataFrame | None
) -> pl.DataFrame:
    scans = [lake.table(f"{lane}/utterances").scan() for lane in lanes]
    judged = pl.concat([scan.select(picking.NEEDED) for scan in scans]).collect()
    picked = picking.pick(
        judged,
        size=settings.size,
        random_share=settings.random_share,
        shared=settings.shared,
        seed=settings.seed,
        already=before.select("id", "reason"),
        weak=weak,
    )
    columns = ("id", "source", "document_id", "message_id", "author", "start", "end", "text", "form", "function")
    wanted = picked.lazy().select("id")
    rows = pl.concat([scan.select(columns) for scan in scans])
    documents = rows.join(wanted, on="id", how="semi").select("document_id").unique()
    whole = rows.join(documents, on="document_id", how="semi").collect()
    languages = pl.concat([lake.table(f"{lane}/kept").scan().select("id", "language") for lane in lanes])
    spoken = languages.rename({"id": "document_id"}).join(documents, on="document_id", how="semi").collect()
    items = picked.join(whole, on="id", how="left", maintain_order="left").join(spoken, on="document_id", how="left")
    items = items.with_columns(
        medium=pl.when(pl.col("message_id").is_null()).then(pl.lit("web")).otherwise(pl.lit("chat"))
    )
    return assigned(with_before(items, whole), settings.annotators, seed=settings.seed)


def _publish(lake: Lake, name: str, version: str, items: pl.DataFrame, guide: Guide) -> None:
    with lake.files.publish(name, version) as folder:
        formats.export(items.sort("document_id", "start", "id"), folder, guide)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a look into the folder of annotations found, and what was written."""

    annotations: Written
    files: pl.DataFrame
    rejected: pl.DataFrame
    new: int
    changed: int


def annotation_files(folder: str) -> dict[str, Path]:
    """Every file below `folder` that may hold annotations, by its name there; hidden ones and exported notes are not.

    A folder that does not exist has none.
    """
    root = Path(folder)
    paths = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name not in _IGNORED)
    names = {path.relative_to(root).as_posix(): path for path in paths}
    return {name: path for name, path in names.items() if not any(part.startswith(".") for part in Path(name).parts)}


def file_hash(path: Path) -> str:
    """32 hex digits of the content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def take_annotations(lake: Lake, folder: str) -> Taken:
    """Puts the answers of every file in `folder` into the tables of annotations, each once however often it is read.

    Of one annotator, utterance and version of the guide the last annotation stays. What came from a file stays when
    the file is gone. Raises ConfigError for a file that cannot be read, and then changes nothing.
    """
    items, seen = (lake.table(name).scan().collect() for name in (ITEMS, FILES))
    known = lake.table(ANNOTATIONS).scan().collect()
    judged = [_judged(name, path, items, seen) for name, path in annotation_files(folder).items()]
    empty = {name: empty_frame(schema) for name, schema in _TAKEN.items()}
    good, bad, files = (pl.concat([empty[name], *(each[name] for each in judged)], how="diagonal") for name in _TAKEN)
    merged = latest([known, good.select(known.columns)])
    new = merged.join(known, on=KEY, how="anti").height
    kept = merged.join(known, on=[*KEY, "form", "function"], how="semi").height
    every = pl.concat([files, seen]).unique("file_hash", keep="first", maintain_order=True).sort("first_seen", "file")
    # The annotations last: until then a crash leaves them as they were, and the next look finds the same.
    _replace(lake.table(FILES), every)
    _replace(lake.table(REJECTED), bad)
    written = _replace(lake.table(ANNOTATIONS), merged)
    return Taken(annotations=written, files=files, rejected=bad, new=new, changed=merged.height - new - kept)


_TAKEN = {
    "annotations": schemas.ANNOTATIONS,
    "rejected": schemas.ANNOTATIONS_REJECTED,
    "files": schemas.ANNOTATION_FILES,
}


def _judged(name: str, path: Path, items: pl.DataFrame, seen: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Annotations, rejected rows and the row of the file. A tool without times: when the content was first seen."""
    digest = file_hash(path)
    tool, answers = formats.read(path)
    earlier = seen.filter(file_hash=digest)["first_seen"]
    first_seen = earlier[0] if len(earlier) else dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
    where = {"file": pl.lit(name), "file_hash": pl.lit(digest), "tool": pl.lit(tool)}
    judged = judge(frame(answers), items).with_columns(
        annotated_at=pl.col("annotated_at").fill_null(pl.lit(first_seen, dtype=pl.Datetime("us", "UTC"))), **where
    )
    good, bad = judged.filter(pl.col("reason").is_null()), judged.filter(pl.col("reason").is_not_null())
    accepted = latest([good.select(schemas.ANNOTATIONS.names)])
    file = pl.DataFrame(
        {
            "file_hash": [digest],
            "file": [name],
            "tool": [tool],
            "first_seen": pl.Series([first_seen], dtype=pl.Datetime("us", "UTC")),
            "rows": [judged.height],
            "accepted": [accepted.height],
            "superseded": [good.height - accepted.height],
            "rejected": [bad.height],
        }
    )
    return {"annotations": accepted, "rejected": bad.select(schemas.ANNOTATIONS_REJECTED.names), "files": file}


def lost(lake: Lake, folder: str) -> pl.DataFrame:
    """Answers in the files of `folder` that are neither annotations nor rejected: file, line, id, annotator."""
    rejected = lake.table(REJECTED).scan().select("file", "line").collect()
    known = lake.table(ANNOTATIONS).scan().select("id", "annotator").collect()
    empty = frame([]).select(pl.lit("").alias("file"), "line", "id", "annotator").clear()
    read = [
        frame(formats.read(path)[1]).select(pl.lit(name).alias("file"), "line", "id", "annotator")
        for name, path in annotation_files(folder).items()
    ]
    rows = pl.concat([empty, *read]).join(rejected, on=["file", "line"], how="anti")
    return rows.join(known, on=["id", "annotator"], how="anti")


def write_agreement(lake: Lake, *, adjudicator: str) -> Written:
    """The measures of agreement between all annotators but the `adjudicator`."""
    return _replace(lake.table(AGREEMENT), agreement.table(by_people(lake, adjudicator)))


def by_people(lake: Lake, adjudicator: str) -> pl.DataFrame:
    """The annotations of everybody but the adjudicator, who saw those of the others."""
    return lake.table(ANNOTATIONS).scan().filter(pl.col("annotator") != adjudicator).collect()


def write_gold(lake: Lake, *, adjudicator: str) -> tuple[Written, pl.DataFrame]:
    """The gold table, and for every annotated utterance its status; see `deciding.decided`."""
    found = statuses(lake, adjudicator)
    return _replace(lake.table(GOLD), found.filter(status=deciding.GOLD)), found


def version_of(gold: pl.DataFrame) -> str:
    """Names what gold says: ids with their labels, samples and the versions of the guide."""
    said = gold.sort("id").select(pl.concat_str("id", "form", "function", "sample", "guide_version", separator="\x1f"))
    return content_version(said.to_series())


def statuses(lake: Lake, adjudicator: str) -> pl.DataFrame:
    """What is decided, open and waiting."""
    annotations, items = (lake.table(name).scan().collect() for name in (ANNOTATIONS, ITEMS))
    return deciding.decided(annotations, items, adjudicator=adjudicator)


def publish_adjudication(lake: Lake, guide: Guide, *, adjudicator: str) -> tuple[str, pl.DataFrame]:
    """The version of the files with what annotators left open, for the adjudicator, and what is in them."""
    is_open = statuses(lake, adjudicator).filter(status=deciding.OPEN)
    asked = is_open.select(
        "id", "document_id", "author", "text", "before", "labels_so_far", "guide_version", batch=pl.lit("adjudication")
    )
    asked = asked.with_columns(reason=pl.lit(deciding.ADJUDICATE), annotators=pl.lit([adjudicator]))
    version = content_version([guide.version, adjudicator, *asked["id"], *asked["labels_so_far"]])
    with lake.files.publish(ADJUDICATION, version) as folder:
        formats.export(asked, folder, guide)
    return version, asked


def _replace(table: Table, rows: pl.DataFrame) -> Written:
    return table.replace(record_batches(rows, table.schema))
