"""Training the classifier of speech acts, and which of its versions is in use."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from parlance import schemas, speech_acts
from parlance.annotation import exam
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.speech_acts.calibration import CHAT_SHARES
from parlance.speech_acts.classifier import Classifier, Level
from parlance.storage import Files
from parlance.storage.tables import empty_frame
from parlance.versions import content_version

MODEL = "corpus/speech_act_model"
_REPORT = "report.json"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What training came to: the version in use, the one that was trained, what was held out, and the exam.

    `figures` are accuracies and macro-F1 on held-out rows of the training set, `labels` as in `speech_acts.Report`.
    `gold` counts all gold labels, `trained_on` those that were not kept for the exam.
    """

    live: str
    candidate: str
    figures: dict[str, float]
    labels: pl.DataFrame
    verdict: exam.Verdict
    gold: int
    trained_on: int


def train(
    lake: Lake,
    labelled: str,
    *,
    code: str,
    level: Level,
    least_exam: int,
    sure: float,
    log: Callable[[str], None] | None = None,
) -> Trained:
    """Trains on the labelled utterances in `labelled` and on gold, and puts the result into use if the exam is for it.

    `code` names the code that trains: with the same rows and code nothing is trained again. The exam counts from
    `least_exam` items on; `sure` as in `exam.judged`. Where there is no exam, or no classifier in use that this code
    can read, the new one goes live. The latest version of `MODEL` is always the one in use. `log` gets lines of
    progress.
    """
    gold = lake.table("corpus/gold").scan().collect()
    train_gold, asked = exam.split(gold)
    rows = pl.concat([labelled_rows(labelled), gold_rows(train_gold)])
    candidate = content_version([code, level, rows.sort("conversation", "position", "id").write_ndjson()])
    live = lake.files.latest(MODEL)
    if not lake.files.has(MODEL, candidate):
        with lake.files.publish(MODEL, candidate, latest=False) as folder:
            _save(speech_acts.train(rows, str(folder), level=level, log=log), folder)
    verdict = _examined(lake.files, asked, live, candidate, least_exam=least_exam, sure=sure)
    if verdict.goes_live and live != candidate:
        lake.files.make_latest(MODEL, candidate)
    figures, labels = _saved(lake.files.folder(MODEL, candidate))
    in_use = candidate if verdict.goes_live or live is None else live
    return Trained(
        live=in_use,
        candidate=candidate,
        figures=figures,
        labels=labels,
        verdict=verdict,
        gold=gold.height,
        trained_on=train_gold.height,
    )


def gold_rows(gold: pl.DataFrame) -> pl.DataFrame:
    """Rows of the GOLD table as rows of the LABELLED table: each a conversation with what stands before it."""
    conversation = pl.format("gold:{}", "id")
    end = pl.col("before").list.len().cast(pl.Int32)
    shared = {
        "conversation": conversation,
        "lang": pl.col("language").fill_null("und"),
        "medium": pl.col("medium"),
    }
    said = gold.select("id", "author", pl.col("text").cast(pl.String), "form", "function", position=end, **shared)
    before = (
        gold.select("id", "before", positions=pl.int_ranges(0, end, dtype=pl.Int32), **shared)
        .explode("before", "positions")
        .filter(pl.col("before").is_not_null())
    )
    context = before.select(
        id=pl.format("{}~{}", "id", "positions"),
        conversation="conversation",
        position="positions",
        author=pl.col("before").struct.field("author"),
        text=pl.col("before").struct.field("text").cast(pl.String),
        form=pl.lit(None, dtype=pl.String),
        function=pl.lit(None, dtype=pl.String),
        lang="lang",
        medium="medium",
    )
    names = schemas.LABELLED.names
    return pl.concat([context.select(names), said.select(names)]).sort("conversation", "position")


def answers(model: str, asked: pl.DataFrame) -> pl.DataFrame:
    """What the classifier in the folder `model` says of gold utterances, in their conversations: id, form, function."""
    rows = gold_rows(asked)
    acts = Classifier(model).acts(rows, expected=CHAT_SHARES).select("form", "function")
    return pl.concat([rows.select("id"), acts], how="horizontal").filter(rows["function"].is_not_null())


def labelled_rows(path: str) -> pl.DataFrame:
    """The rows of the JSON-lines file `path`, or of all in the folder, with the columns of the LABELLED table."""
    found = sorted(Path(path).glob("*.jsonl")) if Path(path).is_dir() else [Path(path)]
    if not found or not all(file.is_file() for file in found):
        raise ConfigError(
            f"labelled utterances {path!r} do not exist: a JSON-lines file is expected, or a folder of them"
        )
    return pl.concat([empty_frame(schemas.LABELLED), *(frame for file in found for frame in _frames(file))])


def _frames(file: Path) -> Iterator[pl.DataFrame]:
    for batch in pl.read_ndjson(file, infer_schema_length=None).to_arrow().to_batches():
        yield pl.DataFrame(pl.from_arrow(schemas.conform(batch, schemas.LABELLED, table=file.name)))


def _examined(
    files: Files, asked: pl.DataFrame, live: str | None, candidate: str, *, least_exam: int, sure: float
) -> exam.Verdict:
    if live is None:
        return exam.unopposed("goes live: there was no classifier before", items=asked.height)
    if live == candidate:
        return exam.unopposed("in use already: nothing changed that it learns from", items=asked.height)
    if asked.height < least_exam:
        why = f"goes live unexamined: the exam has {asked.height} items, {least_exam} are needed"
        return exam.unopposed(why, items=asked.height)
    try:
        now = answers(str(files.folder(MODEL, live)), asked)
    except ConfigError as error:
        return exam.unopposed(f"goes live: the one in use cannot be read any more: {error}", items=asked.height)
    return exam.judged(asked, now, answers(str(files.folder(MODEL, candidate)), asked), sure=sure)


def _save(report: speech_acts.Report, folder: Path) -> None:
    saved = {"figures": report.figures(), "labels": report.labels.to_dicts()}
    (folder / _REPORT).write_text(json.dumps(saved, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _saved(folder: Path) -> tuple[dict[str, float], pl.DataFrame]:
    saved = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
    return saved["figures"], pl.DataFrame(saved["labels"], infer_schema_length=None)
