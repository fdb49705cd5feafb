"""What a crawl fetched, and every URL that it did not: one raw row for each URL of a day's frontier."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from parlance.crawling.frontier import DATABASE, Frontier
from parlance.crawling.settings import CrawlList
from parlance.schemas import RAW
from parlance.sources import warc
from parlance.sources.rows import Row, batches, raw_row

SOURCE = "crawl"


def raw(folder: str, days: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """`RAW` rows of the crawls of `days` under `folder`, in the order in which their URLs were found.

    Pages are read from the WARC files at the places that the frontier names; an id is `crawl:<day>/<url>`. A URL
    without a page is a row with an error: `refused: robots.txt`, `failed: timeout`, `revisit: unchanged since ...`.
    The id of a robots.txt or tdmrep.json begins its URL with its kind: a redirect may lead from there to a page.
    """
    return batches((row for day in days for row in rows(Path(folder), day)), RAW)


def rows(folder: Path, day: str) -> Iterator[Row]:
    """The rows of one day; none where nothing was crawled on it."""
    if not (folder / DATABASE).exists():
        return
    with Frontier(folder / DATABASE, day, CrawlList(contact="")) as frontier:
        for position, (url, kind, state, reason, status, file, offset) in enumerate(frontier.entries()):
            here: Row = {"source": SOURCE, "shard": file or "frontier", "partition": day}
            id = f"{SOURCE}:{day}/{f'{kind} ' if kind in ('robots', 'tdmrep') else ''}{url}"
            if file is None or offset is None:
                error = _unfetched(state, reason)
                yield raw_row(id, url=url, media_type="", position=position, error=error, **here)
                continue
            row = _recorded(folder / day / file, offset, day)
            row |= {"id": id, "document_id": id, "url": url, "shard": file}
            yield row | {"error": _about(kind, status) or row["error"]}


def _recorded(path: Path, offset: int, day: str) -> Row:
    return warc.record(str(path), offset, partition=day, source=SOURCE)


def _unfetched(state: str, reason: str | None) -> str:
    if state == "waiting":
        return "refused: beyond the bounds of the list" if reason is None else f"failed: {reason}"
    return f"{state}: {reason}"


def _about(kind: str, status: int | None) -> str | None:
    """Why a record is no page; null where it may be one."""
    if kind != "page":
        return f"refused: {kind} file"
    if status is not None and 300 <= status < 400 and status != 304:
        return f"refused: redirect {status}"
    return f"failed: http status {status}" if status is not None and status >= 400 else None
