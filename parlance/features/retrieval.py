"""Features by entity and time, joined as of that time; and the newest that are stored."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from parlance.errors import ConfigError, SchemaError
from parlance.features import authors, threads
from parlance.features.events import TIME
from parlance.lake import Lake

THREADS: Final = threads.FEATURES
AUTHORS: Final = authors.FEATURES
KINDS: Final = {"threads": THREADS, "authors": AUTHORS}


def as_of(lake: Lake, entities: pl.DataFrame, *, features: Sequence[str]) -> pl.DataFrame:
    """`entities` with `features` as they were known at each row's time, in the same order.

    `entities` has `id`, a thread's document id or an author as `slack/messages` names them, and `timestamp`, with a
    time zone; further columns stay. A message counts from when it was said until it was seen to be deleted, an act from
    the version of the message that had it. What happened at the very time is known. An entity that is unknown then has
    zeros and nulls. The messages' keys and times are in memory.

    Raises ConfigError for an unknown feature or for features of both kinds, SchemaError for other columns.
    """
    kind = _kind(features)
    lacking = {"id", "timestamp"} - set(entities.columns)
    if lacking or entities.schema["id"] != pl.String or not _has_zone(entities.schema["timestamp"]):
        raise SchemaError(
            f"entities have columns {dict(entities.schema)}; needs id (String), timestamp (Datetime with zone)"
        )
    asked = entities.with_row_index("row").select(
        "row", "id", timestamp=pl.col("timestamp").dt.convert_time_zone("UTC").cast(TIME)
    )
    found = (
        threads.features(lake, asked.lazy().rename({"id": "thread"}))
        if kind == "threads"
        else authors.features(lake, asked.lazy())
    )
    rows = found.select("row", *features).collect().sort("row")
    return pl.concat([entities, rows.drop("row")], how="horizontal")


def latest(lake: Lake, ids: Sequence[str], *, features: Sequence[str]) -> pl.DataFrame:
    """The newest stored `features` of `ids` in their order, with `event_timestamp`; nulls for who has none.

    They are those of the assets `features/threads` and `features/authors`: of the end of a day. Raises ConfigError as
    `as_of`.
    """
    table = lake.table(f"features/{_kind(features)}")
    ours = table.scan().filter(pl.col("id").is_in(list(ids)))
    newest = ours.sort("event_timestamp").group_by("id").last().select("id", "event_timestamp", *features)
    wanted = pl.DataFrame({"id": list(ids)}, schema={"id": pl.String})
    return wanted.join(newest.collect(), on="id", how="left", maintain_order="left")


def _kind(features: Sequence[str]) -> str:
    if features:
        for kind, known in KINDS.items():
            if set(features) <= set(known):
                return kind
    raise ConfigError(
        f"features {list(features)} are not all of threads {list(THREADS)} nor all of authors {list(AUTHORS)}"
    )


def _has_zone(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
