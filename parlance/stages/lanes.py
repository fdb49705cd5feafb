"""What every lane does with its partitions, from what the source sent to utterances."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import polars as pl
import pyarrow as pa

from parlance import dedup, filters, pii, schemas
from parlance.errors import ConfigError
from parlance.excerpts import excerpts
from parlance.filters.recipes import Bound
from parlance.lake import Lake
from parlance.pseudonyms import Pseudonyms
from parlance.references import References
from parlance.sources.slack_columns import messages
from parlance.speech_acts.classifier import Classifier
from parlance.stages.repeated import lines_to_remove, without_lines
from parlance.storage import Spool, Table, Written, record_batches, stream

Parse = Callable[[Iterable[pa.RecordBatch]], Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]]

DUPLICATE_VERSION = 1
VERDICTS_AT_ONCE = 100_000
# The signals that tell of which text they are.
MEASURED = ("characters", "content_hash")


def raw_of_documents(lake: Lake, lane: str, partitions: Sequence[str]) -> pl.LazyFrame:
    """The raw rows whose document belongs to `partitions`: a reply is sent on a later day than its thread's root."""
    earliest = min(partitions)
    rows = lake.table(f"{lane}/raw").scan()
    return rows.filter(pl.col("partition") >= earliest, pl.col("document_partition").is_in(list(partitions)))


def write_documents(
    lake: Lake, lane: str, parse: Parse, partitions: Sequence[str], *, grouped: bool
) -> tuple[Written, Written]:
    """Documents made of the raw rows; `rejected` lists the raw rows that are in no document.

    `grouped` brings the rows of one document together, for sources whose documents have many rows.
    """
    rows = raw_of_documents(lake, lane, partitions)
    if grouped:
        rows = rows.sort("document_id", "created_at", "shard", "position", nulls_last=True)
    with Spool(schemas.LEDGER) as ledger:

        def documents() -> Iterator[pa.RecordBatch]:
            batches = (batch for frame in stream(rows) for batch in record_batches(frame, schemas.RAW))
            for parsed, rejected in parse(batches):
                ledger.add(schemas.conform(rejected, schemas.LEDGER, table=f"{lane}/rejected"))
                yield parsed

        written = lake.table(f"{lane}/documents").replace(documents(), partitions)
        return written, lake.table(f"{lane}/rejected").replace(ledger.batches(), partitions)


def write_messages(lake: Lake, lane: str, partitions: Sequence[str], *, pseudonyms: Pseudonyms | None) -> Written:
    """The raw rows of a Slack lane as messages with columns."""
    raw = lake.table(f"{lane}/raw").batches(partitions)
    batches = (batch for frame in raw for batch in record_batches(frame, schemas.RAW))
    return lake.table(f"{lane}/messages").replace(messages(batches, pseudonyms=pseudonyms), partitions)


def write_signals(lake: Lake, lane: str, partitions: Sequence[str], *, references: References | None = None) -> Written:
    """Everything that later decisions need, measured in one pass over the text; `references` as in `measure`."""
    table = lake.table(f"{lane}/signals")
    documents = lake.table(f"{lane}/documents").batches(partitions)
    measured = (filters.measure(frame, references=references) for frame in documents)
    return table.replace((batch for frame in measured for batch in record_batches(frame, table.schema)), partitions)


def write_kept(lake: Lake, lane: str, rules: Sequence[Bound], partitions: Sequence[str]) -> tuple[Written, Written]:
    """Documents that break no rule and duplicate nothing, with personal data masked; the others with their reason.

    Raises ConfigError where the signals are not those of the documents' texts, as where a run ended between the two.
    """
    lines = lines_to_remove(lake)
    with Spool(schemas.LEDGER) as ledger:

        def kept() -> Iterator[pa.RecordBatch]:
            for some in _portions(lake.table(f"{lane}/signals"), partitions):
                verdicts = _verdicts(lake, lane, rules, some)
                for documents in lake.table(f"{lane}/documents").batches(some):
                    judged = documents.join(
                        verdicts, on=["id", "partition"], how="left", validate="1:1", maintain_order="left"
                    )
                    _check_measured(judged, f"{lane}/signals")
                    judged = without_lines(judged.drop(MEASURED), lines)
                    dropped = judged.filter(pl.col("reason").is_not_null())
                    for batch in record_batches(_ledger(dropped), schemas.LEDGER):
                        ledger.add(batch)
                    yield from record_batches(_masked(judged.filter(pl.col("reason").is_null())), schemas.KEPT)

        written = lake.table(f"{lane}/kept").replace(kept(), partitions)
        return written, lake.table(f"{lane}/dropped").replace(ledger.batches(), partitions)


def _check_measured(judged: pl.DataFrame, signals: str) -> None:
    """ConfigError where the signals beside a document are of another text: its personal data stands elsewhere."""
    texts = judged["text"]
    is_other = judged["characters"].ne_missing(texts.str.len_chars().cast(pl.Int64))
    is_other |= judged["content_hash"].ne_missing(dedup.content_hashes(texts))
    for id, partition in judged.filter(is_other).select("id", "partition").head(1).iter_rows():
        raise ConfigError(f"{signals} of {partition!r} are of another text of {id!r}: materialise {signals} first")


def _portions(signals: Table, partitions: Sequence[str]) -> Iterator[list[str]]:
    """`partitions` in their order, as many at a time as have some 100,000 documents together, or one with more."""
    counts = dict(signals.scan(partitions).group_by("partition").len().collect().iter_rows())
    waiting: list[str] = []
    rows = 0
    for partition in partitions:
        if waiting and rows + counts.get(partition, 0) > VERDICTS_AT_ONCE:
            yield waiting
            waiting, rows = [], 0
        waiting.append(partition)
        rows += counts.get(partition, 0)
    yield waiting


def _verdicts(lake: Lake, lane: str, rules: Sequence[Bound], partitions: Sequence[str]) -> pl.DataFrame:
    """One row for each document, without its text: the rule it breaks (null: none), its language and PII spans."""
    names = ["id", "partition", "language", "pii", "contaminated_by", *MEASURED, *(bound.rule for bound in rules)]
    signals = lake.table(f"{lane}/signals").scan(partitions).select(list(dict.fromkeys(names))).collect()
    duplicates = (
        lake.table("corpus/duplicates")
        .scan()
        .filter(pl.col("source") == lane, ~pl.col("keep"), pl.col("document_partition").is_in(list(partitions)))
        .select(
            "id",
            "matched_id",
            "jaccard",
            "threshold",
            partition="document_partition",
            duplicate=pl.col("kind") + "_duplicate",
        )
        .collect()
    )
    decided = filters.decide(signals, rules)
    known = signals.select("id", "partition", "language", "pii", "contaminated_by", *MEASURED)
    known = known.with_columns(decided.drop("id"))
    judged = known.join(duplicates, on=["id", "partition"], how="left", maintain_order="left")
    only_duplicate = pl.col("reason").is_null() & pl.col("duplicate").is_not_null()
    listed = (
        pl.when(pl.col("duplicate").is_not_null())
        .then(pl.concat_list("duplicate"))
        .otherwise(pl.lit([], pl.List(pl.String)))
    )
    return judged.with_columns(
        reason=pl.coalesce("reason", "duplicate"),
        rule=pl.coalesce("rule", "duplicate"),
        value=pl.when(only_duplicate).then("jaccard").otherwise("value"),
        bound=pl.when(only_duplicate).then("threshold").otherwise("bound"),
        version=pl.when(only_duplicate).then(DUPLICATE_VERSION).otherwise("version").cast(pl.Int32),
        reasons=pl.concat_list(pl.col("reasons").fill_null([]), listed),
        detail=pl.when(pl.col("rule") == "contamination").then("contaminated_by").otherwise("matched_id"),
    ).drop("matched_id", "jaccard", "threshold", "duplicate", "contaminated_by")


def _ledger(dropped: pl.DataFrame) -> pl.DataFrame:
    return dropped.with_columns(excerpts(dropped["text"], dropped["pii"]), step=pl.lit("kept"))


def _masked(kept: pl.DataFrame) -> pl.DataFrame:
    """Kept documents with their PII replaced and their turns' offsets moved along."""
    texts, turns = [], []
    for text, spans, document_turns in kept.select("text", "pii", "turns").iter_rows():
        offsets = [(turn["start"], turn["end"]) for turn in document_turns or []]
        masked, moved = pii.mask(text, spans, offsets)
        texts.append(masked)
        turns.append(
            None
            if document_turns is None
            else [turn | {"start": start, "end": end} for turn, (start, end) in zip(document_turns, moved, strict=True)]
        )
    return kept.with_columns(
        text=pl.Series(texts, dtype=pl.String),
        turns=pl.Series(turns, dtype=kept.schema["turns"]),
        masked=pl.col("pii").list.len().cast(pl.Int32),
    )


def write_utterances(lake: Lake, lane: str, model: str, partitions: Sequence[str]) -> Written:
    """Every utterance of the kept documents with its speech act; `model` is a folder with the trained classifier."""
    classifier = Classifier(model)
    kept = lake.table(f"{lane}/kept").batches(partitions)
    batches = (
        batch for frame in kept for batch in record_batches(_annotated(_turns(frame), classifier), schemas.UTTERANCES)
    )
    return lake.table(f"{lane}/utterances").replace(batches, partitions)


def _turns(kept: pl.DataFrame) -> pl.DataFrame:
    """One row a turn, in order; a document without turns is one turn."""
    offset, length = pl.col("turns").struct.field("start"), pl.col("turns").struct.field("end")
    return kept.explode("turns").select(
        "source",
        "partition",
        document_id="id",
        message_id=pl.col("turns").struct.field("message_id"),
        author=pl.col("turns").struct.field("author"),
        is_bot=pl.col("turns").struct.field("is_bot").fill_null(False),
        turn=pl.int_range(pl.len(), dtype=pl.Int32).over("id"),
        offset=offset.fill_null(0),
        text=pl.col("text").str.slice(offset.fill_null(0), (length - offset).fill_null(pl.col("text").str.len_chars())),
    )


def _annotated(turns: pl.DataFrame, classifier: Classifier) -> pl.DataFrame:
    spans = classifier.annotate(turns["text"], conversations=turns["document_id"], authors=turns["author"])
    rows = turns.with_row_index("row").join(
        spans.with_columns(pl.col("row").cast(pl.UInt32)), on="row", how="inner", maintain_order="right"
    )
    return rows.with_columns(
        text=pl.col("text").str.slice(pl.col("start"), pl.col("end") - pl.col("start")),
        start=pl.col("start") + pl.col("offset"),
        end=pl.col("end") + pl.col("offset"),
    ).with_columns(id=pl.format("{}#{}-{}", "document_id", "start", "end"))
