"""Counts of a partition by which its silent failures are told: by channel, author, field, rule, host and twin.

A frame of vitals has the columns of `VITALS`. Counts are small whatever the partition's size, so that a history of them
is read in no time. No text is in them: an author is a pseudonym or an id, what repeats is a number.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from parlance.dedup import urls
from parlance.sources.slack_threads import CHANNEL_EVENTS

MOST_NAMES = 500  # of one measure in one partition
SAMPLED = 1000  # payloads of a partition whose fields are looked at
LEAST_WORDS = 5  # of a text of which a second one is no accident
KEY = ("partition", "measure", "name")

# UTF-8 that was read as Latin-1 or Windows-1252: a leading byte's letter, then a continuation byte's sign.
_CONTINUED = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
MOJIBAKE = f"[ÂÃÄÅÐÑØÙ][{_CONTINUED}]|â[{_CONTINUED}]{{2}}|ï»¿"
# UTF-16 that was read as bytes, or bytes that are no text.
CONTROL = "[\\x00\u0080-\u0084\u0086-\u009f]|ÿþ|þÿ"


def _long(rows: pl.LazyFrame, measure: str, name: pl.Expr | None = None, count: pl.Expr | None = None) -> pl.LazyFrame:
    """One row for each partition and `name`: how many rows there are, or `count` of them."""
    named = rows.with_columns(name=pl.lit("") if name is None else name.fill_null(""))
    counted = named.group_by("partition", "name").agg(count=(pl.len() if count is None else count).cast(pl.Int64))
    first = counted.sort("count", "name", descending=[True, False]).group_by("partition", maintain_order=True)
    return first.head(MOST_NAMES).select("partition", "name", "count", measure=pl.lit(measure))


def arrivals(raw: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Rows, those that cannot be read, and by hour when they came, where partitions are days.

    `raw` has the columns `partition`, `created_at` and `error` of RAW.
    """
    refused = pl.col("error").str.starts_with("refused:").fill_null(False)
    day = pl.col("partition").str.to_date("%Y-%m-%d", strict=False)
    hour = pl.col("created_at").dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H")
    near = (pl.col("created_at").dt.date() - day).dt.total_days().abs() <= 1
    return [
        _long(raw, "rows"),
        _long(raw.filter(pl.col("error").is_not_null(), ~refused), "unreadable"),
        _long(raw.filter(near), "arrived", hour),
    ]


def talk(messages: pl.LazyFrame) -> list[pl.LazyFrame]:
    """What people and bots say: by channel and by author, how often an author says nearly the same, what is archived.

    `messages` has columns of SLACK_MESSAGES. Two messages are nearly the same where they differ in numbers, links,
    mentions and spaces alone.
    """
    said = messages.filter(~pl.col("subtype").fill_null("").is_in([*CHANNEL_EVENTS, "tombstone"]))
    author = pl.coalesce("user", "bot_id", "username").fill_null("nobody")
    bare = pl.col("text").str.to_lowercase().str.replace_all(r"<[^>]*>|[\d\s]+", "")
    alike = (
        said.select("partition", author=author, bare=bare)
        .filter(pl.col("bare").str.len_chars() >= 10)
        .group_by("partition", "author", bare=pl.col("bare").hash())
        .len()
    )
    archived = messages.filter(
        pl.col("channel_is_archived") | pl.col("subtype").is_in(["channel_archive", "group_archive"])
    )
    return [
        _long(said, "channel", pl.col("channel")),
        _long(said.with_columns(author=author), "author", pl.col("author")),
        _long(alike, "alike", pl.col("author"), pl.col("len").max()),
        _long(archived, "archived", pl.col("channel")),
    ]


def texts(documents: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Documents, and those whose characters say that they were read in the wrong encoding; `partition` and `text`."""
    signs = {"mojibake": MOJIBAKE, "replaced": "\ufffd", "control": CONTROL}
    found = documents.select("partition", **{name: pl.col("text").str.contains(sign) for name, sign in signs.items()})
    return [_long(documents.select("partition"), "documents")] + [
        _long(found.filter(name), "encoding", pl.lit(name)) for name in signs
    ]


def decisions(rejected: pl.LazyFrame, dropped: pl.LazyFrame) -> list[pl.LazyFrame]:
    """By rule, what became no document and what was not kept; both have `partition` and `rule`."""
    return [_long(rejected, "rejected", pl.col("rule")), _long(dropped, "dropped", pl.col("rule"))]


def pages(raw: pl.LazyFrame, documents: pl.LazyFrame, signals: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Pages by host, unchanged ones included, and how many addresses of a host have one text.

    `raw` has `partition`, `url` and `error` of RAW, `documents` and `signals` `id` and `partition`, with `url` and with
    `content_hash`.
    """
    host = pl.col("url").map_batches(urls.hosts, return_dtype=pl.String, is_elementwise=True)
    there = pl.col("error").is_null() | pl.col("error").str.starts_with("revisit:")
    fetched = raw.filter(there, pl.col("url").is_not_null()).with_columns(host=host)
    same = (
        documents.filter(pl.col("url").is_not_null())
        .with_columns(host=host)
        .join(signals.select("id", "partition", "content_hash"), on=["id", "partition"])
        .group_by("partition", "host", "content_hash")
        .agg(addresses=pl.col("url").n_unique())
        .filter(pl.col("addresses") > 1)
    )
    return [
        _long(fetched, "host", pl.col("host")),
        _long(same, "same_text", pl.col("host"), pl.col("addresses").max()),
    ]


def twins(signals: pl.LazyFrame, everything: pl.LazyFrame) -> list[pl.LazyFrame]:
    """By partition, how many documents stand there too under another id; and how many have five words or more.

    Both have `id`, `partition`, `words` and `content_hash`. In memory are the hashes of `signals`.
    """
    ours = signals.filter(pl.col("words") >= LEAST_WORDS).select("id", "partition", "content_hash")
    hashes = ours.select("content_hash").unique()
    there = (
        everything.join(hashes, on="content_hash", how="semi")
        .group_by("content_hash", pl.col("partition").alias("other"))
        .agg(pl.col("id").n_unique().alias("copies"))
    )
    met = ours.join(there, on="content_hash").filter((pl.col("other") != pl.col("partition")) | (pl.col("copies") > 1))
    return [_long(ours, "long_documents"), _long(met, "twins", pl.col("other"), pl.col("id").n_unique())]


def fields(rows: Iterator[tuple[str, bytes]]) -> pl.DataFrame:
    """Which fields some messages have, and what lacks; `rows` are partitions with payloads of Slack's raw rows.

    `without_text` has neither text nor anything else that is shown, `without_author` names nobody, `unknown_author`
    names somebody whom no list of people knows.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for partition, payload in rows:
        found = json.loads(payload)
        message = found.get("message") if isinstance(found, dict) else None
        if not isinstance(message, dict) or message.get("subtype") in (*CHANNEL_EVENTS, "tombstone"):
            continue
        counts[partition, "sampled", ""] += 1
        for name in message:
            counts[partition, "field", str(name)] += 1
        lacking = {
            "without_text": not any(message.get(name) for name in ("text", "blocks", "attachments", "files", "room")),
            "without_author": not any(message.get(name) for name in ("user", "bot_id", "username")),
            "unknown_author": "bot_id" not in message
            and bool(message.get("user"))
            and message["user"] not in found.get("users", {})
            and "user_profile" not in message,
        }
        counts.update((partition, "lacking", name) for name, lacks in lacking.items() if lacks)
    keys = list(counts)
    return pl.DataFrame(
        {
            "partition": [key[0] for key in keys],
            "name": [key[2] for key in keys],
            "count": [counts[key] for key in keys],
            "measure": [key[1] for key in keys],
        },
        schema={"partition": pl.String, "name": pl.String, "count": pl.Int64, "measure": pl.String},
    )


def together(frames: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    """All counts in one frame, in the order of partition, measure and name."""
    found: pl.DataFrame = pl.concat(pl.collect_all(list(frames), engine="streaming"))
    return found.select("measure", "name", "count", "partition").sort(KEY)
