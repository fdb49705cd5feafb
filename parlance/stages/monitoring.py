"""Vital figures of a lane's partitions, written beside its other tables and read back as a history."""

import datetime as dt
from collections.abc import Iterator, Sequence

import polars as pl

from parlance import schemas
from parlance.lake import Lake
from parlance.monitoring import vitals
from parlance.storage import Written, record_batches

HISTORY = 60  # partitions that are read beside those which are judged


def write_vitals(lake: Lake, lane: str, partitions: Sequence[str], *, chat: bool) -> Written:
    """What is counted of `partitions` of `lane`, of which each table is read once; `chat`: it has messages.

    Of the texts only the characters that betray a wrong encoding are looked for; fields are those of up to 1,000
    messages of a partition, drawn by the hash of their id.
    """

    def rows(table: str) -> pl.LazyFrame:
        return lake.table(f"{lane}/{table}").scan(partitions)

    hashes = ("id", "partition", "words", "content_hash")
    addresses = rows("raw").select("partition", "url", "error")
    signals, documents = rows("signals").select(hashes), rows("documents").select("id", "partition", "url", "text")
    frames = [
        *vitals.arrivals(rows("raw").select("partition", "created_at", "error")),
        *vitals.texts(documents),
        *vitals.decisions(rows("rejected"), rows("dropped")),
        *vitals.pages(addresses, documents, signals),
    ]
    if chat:
        everywhere = lake.table(f"{lane}/signals").scan().select(hashes)
        frames += [*vitals.talk(rows("messages")), *vitals.twins(signals, everywhere)]
        frames.append(vitals.fields(_payloads(rows("raw"))).lazy())
    found = vitals.together(frames)
    return lake.table(f"{lane}/vitals").replace(record_batches(found, schemas.VITALS), partitions)


def _payloads(raw: pl.LazyFrame) -> Iterator[tuple[str, bytes]]:
    readable = raw.filter(pl.col("error").is_null(), pl.col("payload").is_not_null())
    counts = readable.group_by("partition").len().sort("partition").collect()
    for partition, count in counts.iter_rows():
        every = max(1, count // vitals.SAMPLED)
        drawn = readable.filter(pl.col("partition") == partition, pl.col("id").hash() % every == 0)
        yield from drawn.select("partition", "payload").head(2 * vitals.SAMPLED).collect().iter_rows()


def history(lake: Lake, lane: str, partitions: Sequence[str] | None = None) -> pl.DataFrame:
    """The vitals of `partitions` and of up to 60 before them; of the newest where none are named."""
    table = lake.table(f"{lane}/vitals").scan()
    known = table.select(pl.col("partition").unique().sort()).collect()["partition"]
    until = max(partitions) if partitions else None
    since = min(partitions) if partitions else None
    before = [key for key in known if since is None or key < since][-HISTORY:]
    wanted = [*before, *(key for key in known if since is not None and until is not None and since <= key <= until)]
    return table.filter(pl.col("partition").is_in(wanted)).collect().sort(vitals.KEY)


def arrivals(lake: Lake, lane: str) -> list[dt.datetime]:
    """The hours in which something of the newest 60 partitions came, by the times that the source gives."""
    rows = history(lake, lane).filter(pl.col("measure") == "arrived").sort("name")
    # Without minutes Polars reads no time.
    at = (pl.col("name") + ":00").str.to_datetime("%Y-%m-%dT%H:%M", time_zone="UTC", strict=False)
    hours = rows.select(at.alias("name")).drop_nulls()
    found: list[dt.datetime] = hours["name"].to_list()
    return found
