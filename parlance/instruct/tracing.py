"""The way of an example: what its sources sent, and every decision from there to its split."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from parlance.errors import ConfigError
from parlance.instruct.splitting import author_days
from parlance.lake import Lake

_RAW: Final = ("id", "shard", "position", "media_type", "url", "created_at", "rights", "error", "partition")
_UTTERANCE: Final = ("message_id", "text", "form", "form_score", "function", "function_score", "abstained")
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What the lake knows of an example.

    `example` is its row of EXAMPLES with quality and split. `raw` are the rows that its text is from: Slack messages by
    id, or WARC records and dump rows with their file (`shard`) and place (`position`). `document` is the row of KEPT,
    `signals` what was measured of it and `measured` how it was decided: it was kept, so no rule is broken. `duplicates`
    are the members of its document's cluster, `utterances` the speech acts of what the example holds. `together` are
    the other examples that must be on its side, each with the `tie`: document, cluster or author-day.
    """

    example: Row
    raw: pl.DataFrame
    document: Row
    signals: Row
    duplicates: pl.DataFrame
    utterances: pl.DataFrame
    together: pl.DataFrame

    @property
    def sources(self) -> list[str]:
        """The ids of the messages that the text is from; of a page the records, as `file#position`."""
        if self.document["turns"] is not None:
            return self.raw["id"].to_list()
        return self.raw.select(pl.format("{}#{}", "shard", "position"))["shard"].to_list()


def trace(lake: Lake, example_id: str) -> Trace:
    """The way of the example `example_id`.

    Raises ConfigError where there is none, which says why where it was made and passed over.
    """
    examples = lake.table("instruct/examples").scan()
    found = examples.filter(pl.col("id") == example_id).collect()
    if found.is_empty():
        raise ConfigError(_missing(lake, example_id))
    example = found.row(0, named=True)
    lane, document_id = str(example["source"]), str(example["document_id"])
    document = lake.table(f"{lane}/kept").scan().filter(pl.col("id") == document_id).collect()
    if document.is_empty():
        raise ConfigError(f"example {example_id!r} is of document {document_id!r}, which {lane}/kept no longer has")
    partition = str(document["partition"].item())
    signals = lake.table(f"{lane}/signals").scan([partition]).filter(pl.col("id") == document_id).collect()
    raw = lake.table(f"{lane}/raw").scan().filter(pl.col("document_id") == document_id)
    return Trace(
        example=example,
        raw=raw.filter(pl.col("id").is_in(example["raw_ids"])).select(_RAW).sort("created_at", "position").collect(),
        document=document.row(0, named=True),
        signals=signals.row(0, named=True) if signals.height else {},
        duplicates=_duplicates(lake, document_id),
        utterances=_utterances(lake, lane, partition, example),
        together=_together(lake, found, document),
    )


def _missing(lake: Lake, example_id: str) -> str:
    rows = lake.table("instruct/passed_over").scan().filter(pl.col("example_id") == example_id).collect()
    if rows.is_empty():
        return f"no example {example_id!r}; ids are in the tables instruct/examples and instruct/passed_over"
    row = rows.row(0, named=True)
    said = f" ({row['detail']})" if row["detail"] else ""
    return f"example {example_id!r} of document {row['document_id']!r} was passed over: {row['reason']}{said}"


def _duplicates(lake: Lake, document_id: str) -> pl.DataFrame:
    rows = lake.table("corpus/duplicates").scan()
    clusters = rows.filter(pl.col("id") == document_id).select("cluster")
    return rows.join(clusters, on="cluster", how="semi").sort("keep", "id", descending=[True, False]).collect()


def _utterances(lake: Lake, lane: str, partition: str, example: Row) -> pl.DataFrame:
    """The utterances of the messages of a thread, or those of a page whose text the example holds."""
    rows = lake.table(f"{lane}/utterances").scan([partition]).filter(pl.col("document_id") == example["document_id"])
    told = pl.lit("\n".join(message["content"] for message in example["messages"]))
    of_messages = pl.col("message_id").is_in(example["raw_ids"])
    of_page = pl.col("message_id").is_null() & told.str.contains(pl.col("text"), literal=True)
    return rows.sort("turn", "start").filter(of_messages | of_page).select(_UTTERANCE).collect()


def _together(lake: Lake, example: pl.DataFrame, document: pl.DataFrame) -> pl.DataFrame:
    """`id`, `split` and `tie` of the other examples that are tied to this one directly."""
    lane = example["source"].item()
    others = lake.table("instruct/examples").scan().filter(pl.col("id") != example["id"].item())
    ties = [
        others.filter(pl.col("document_id") == example["document_id"].item()).select(
            "id", "split", tie=pl.lit("document")
        ),
        # A null cluster is like no other.
        others.join(example.lazy(), on="cluster", how="semi").select("id", "split", tie=pl.lit("cluster")),
    ]
    ours = author_days(example, document)
    same_lane = others.filter(pl.col("source") == lane).collect()
    columns = ("id", "author", "created_at", "turns")
    kept = lake.table(f"{lane}/kept").scan().select(columns)
    documents = kept.join(same_lane.lazy().select(id="document_id"), on="id", how="semi").collect()
    days = author_days(same_lane, documents).join(ours, on="author_day", how="semi")
    by_day = same_lane.join(days, on="document_id").select("id", "split", tie="author_day")
    return pl.concat([*(tie.collect() for tie in ties), by_day]).sort("tie", "id")
