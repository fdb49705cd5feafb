"""Whether the lake of the simulated month is right: against the world, and against a lake that is made at once."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from benchmarks.month_deployment import Deployment
from parlance.lake import Lake
from parlance.sources.slack_archive import Archive
from parlance.stages.balance import balance
from parlance.stages.lanes import raw_of_documents
from tests.servers.slack_workspace import TEAM, World, day_of

LANES = ("slack", "crawl", "dump")
# What is compared of each table: its text, or what takes the place of one.
COMPARED = {
    "documents": pl.col("text").hash(),
    "kept": pl.col("text").hash(),
    "dropped": pl.col("rule").hash(),
    "utterances": pl.concat_str("text", "form", "function", separator="\x00").hash(),
    "embeddings": pl.col("text").hash(),
}
BEFORE_DUPLICATES = ("raw", "documents", "rejected", "signals")
AFTER_DUPLICATES = ("kept", "dropped", "utterances", "embeddings", "pretokens")
ALONE = ("corpus/references", "corpus/speech_act_model")
OVER_ALL = ("corpus/duplicates", "corpus/repeated_lines")
Keys = dict[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is compared: how many there are, and which of them are wrong, by name."""

    what: str
    checked: int
    wrong: list[str]


def made_at_once(deployment: Deployment, folder: Path, keys: Keys) -> Lake:
    """A lake of its own that gets the whole world in one range for each lane; only what was crawled is carried over."""
    settings = deployment.settings | {"PARLANCE_LAKE": ""}
    fresh = replace(deployment, home=folder, settings=settings, database_url="", processes=[], cpu_s={})
    fresh.prepare()
    shutil.copytree(deployment.home / "crawls", folder / "crawls")
    with fresh.instance() as instance:
        instance.add_dynamic_partitions("dumps", list(keys["dump"]))
    fresh.materialize(ALONE, log="at-once")
    for lane in LANES:
        fresh.materialize([f"{lane}/{table}" for table in BEFORE_DUPLICATES], keys[lane], log="at-once")
    fresh.materialize(OVER_ALL, log="at-once")
    for lane in LANES:
        fresh.materialize([f"{lane}/{table}" for table in AFTER_DUPLICATES], keys[lane], log="at-once")
    return Lake(root=str(folder / "lake"))


def same(lake: Lake, other: Lake, keys: Keys) -> Iterator[Finding]:
    """Each table of each lane, row by row: in both lakes the same ids in the same partitions with the same content."""
    for lane in LANES:
        for table, content in COMPARED.items():
            mine, theirs = (_rows(one, f"{lane}/{table}", content, keys[lane]) for one in (lake, other))
            joined = mine.join(theirs, on=["partition", "id"], how="full", coalesce=True, nulls_equal=True)
            wrong = joined.filter(~pl.col("content").eq_missing(pl.col("content_right"))).sort("partition", "id")
            kind = pl.when(pl.col("content").is_null()).then(pl.lit("missing"))
            kind = kind.when(pl.col("content_right").is_null()).then(pl.lit("too much")).otherwise(pl.lit("differs"))
            named = (
                wrong.select(pl.concat_str(kind, pl.lit(": "), "partition", pl.lit(" "), "id")).to_series().to_list()
            )
            yield Finding(what=f"{lane}/{table} = made at once", checked=joined.height, wrong=named)


def _rows(lake: Lake, name: str, content: pl.Expr, keys: Sequence[str]) -> pl.DataFrame:
    rows = lake.table(name).scan().filter(pl.col("partition").is_in(list(keys)))
    return rows.select("partition", "id", content=content).unique().collect()


def balances(lake: Lake, keys: Keys) -> Iterator[Finding]:
    """Raw rows are those in documents and those rejected; documents are those kept and those dropped."""
    for lane in LANES:
        tables = {name: lake.table(f"{lane}/{name}").scan() for name in ("documents", "rejected", "kept", "dropped")}
        raw = raw_of_documents(lake, lane, list(keys[lane])).select("id", partition="document_partition")
        inside = tables["documents"].select("partition", id="raw_ids").explode("id").drop_nulls()
        for what, found in {
            "raw = documents + rejected": balance(raw, inside, tables["rejected"]),
            "documents = kept + dropped": balance(tables["documents"], tables["kept"], tables["dropped"]),
        }.items():
            wrong = [str(row) for row in found.wrong.iter_rows()]
            yield Finding(what=f"{lane}: {what}", checked=found.rows_in, wrong=wrong)


def messages(lake: Lake, world: World, days: Sequence[str]) -> Iterator[Finding]:
    """Every message of a channel once, deleted ones nowhere in documents, edited ones as they are now.

    Direct messages, of two or of many, in no document: the statement of rights names none, and what it refuses is not
    even asked of the Web API.
    """
    documents = lake.table("slack/documents").scan().select(id="raw_ids").explode("id").drop_nulls()
    rejected = lake.table("slack/rejected").scan().select("id")
    counted = pl.concat([documents, rejected]).group_by("id").len().collect()
    times: dict[str, int] = dict(counted.iter_rows())
    inside = set(documents.collect()["id"])
    everything = {
        f"{TEAM}/{channel}/{ts}": one for (channel, ts), one in world.said.items() if days[0] <= day_of(ts) <= days[-1]
    }
    private = {id for id, channel in world.channels.items() if channel.get("is_im") or channel.get("is_mpim")}
    said = {id: one for id, one in everything.items() if id.split("/")[1] not in private}
    direct = everything.keys() - said.keys()
    yield Finding(what="direct messages in no document", checked=len(direct), wrong=sorted(direct & inside))
    alive = {id: one for id, one in said.items() if one.deleted_at is None}
    wrong = [f"{times.get(id, 0)} times: {id}" for id in alive if times.get(id, 0) != 1]
    yield Finding(what="messages in exactly one table", checked=len(alive), wrong=wrong)
    gone = [id for id, one in said.items() if one.deleted_at is not None]
    yield Finding(what="deleted messages in no document", checked=len(gone), wrong=[id for id in gone if id in inside])
    raw = lake.table("slack/raw").scan().filter(pl.col("payload").is_not_null()).select("id", "payload").collect()
    shown = {id: json.loads(payload)["message"].get("text") for id, payload in raw.iter_rows()}
    edited = {id: one for id, one in alive.items() if "edited" in one.fields and id in shown}
    old = [id for id, one in edited.items() if shown[id] != one.fields["text"]]
    yield Finding(what="edited messages as they are now", checked=len(edited), wrong=old)


def coverage(lake: Lake, days: Sequence[str]) -> Finding:
    """No channel has a time that was not read."""
    gaps = Archive(lake.root).gaps(days[0], days[-1])
    wrong = [f"{gap.name}: {gap.oldest} to {gap.latest} ({gap.reason or 'not read'})" for gap in gaps]
    return Finding(what="history without a gap, days", checked=len(days), wrong=wrong)
