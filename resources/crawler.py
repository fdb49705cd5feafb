"""The crawler: a process of its own through Dagster Pipes, and what it left on disk as raw rows.

A crash of that process is a failed step; its retry goes on where the crawl stopped.
"""

import dataclasses
import datetime as dt
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import pyarrow as pa
from dagster._core.errors import DagsterPipesExecutionError
from dagster_pipes import PipesContext, open_dagster_pipes
from pydantic import Field

from parlance import plots
from parlance.crawling import settings
from parlance.crawling.settings import CrawlList
from parlance.errors import ConfigError, TransientError
from parlance.lake import Lake
from parlance.sources import web_documents
from resources.local_site import served
from resources.sources import Parsed, Source

ERROR, RESULT = "error.json", "result.json"
Figures = dict[str, Any]


class Crawler(Source):
    """Crawls of a list, one for each day, kept as WARC files in a folder."""

    list_path: str = Field(description="The crawl list, a YAML file; empty: none.")
    folder: str = Field(description="A local folder for frontiers and WARC files.")
    site: str = Field(default="", description="A folder that stands for the list's site, served while it is crawled.")

    def fetch(self, context: dg.AssetExecutionContext, lake: Lake, partitions: Sequence[str]) -> dict[str, Any]:
        """Crawls for the last of the days, if that is today or yesterday in UTC; a day that is past cannot be fetched.

        A crawl that was finished before asks for nothing; one that was broken off goes on.
        """
        listed, day = self._list(), partitions[-1]
        missing = [day for day in partitions[:-1] if not Path(self.folder, day).is_dir()]
        if missing:
            context.log.warning(f"not crawled, and past: {len(missing)} days from {missing[0]} to {missing[-1]}")
        if day < (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)).isoformat():
            context.log.info(f"{day} is past: its rows are made of what was crawled then")
            return {"days_not_crawled": len(missing)}
        with served(self.site) if self.site else nullcontext() as origin:
            figures = self._crawl(context, connected(listed, origin), day)
        return {"days_not_crawled": len(missing), "crawl_list": self.list_path, **shown(figures)}

    def raw(self, lake: Lake, partitions: Sequence[str], *, first: str) -> Iterator[pa.RecordBatch]:
        """A row for every URL that the crawls of the days knew."""
        from parlance.sources import crawl

        yield from crawl.raw(self.folder, partitions)

    def documents(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Parsed]:
        yield from web_documents.documents(batches)

    def _list(self) -> CrawlList:
        if not self.list_path:
            raise ConfigError(
                "no crawl list is set: name one by PARLANCE_CRAWL (make: CRAWL=...), like sample/crawl.yaml"
            )
        return settings.read(self.list_path)

    def _crawl(self, context: dg.AssetExecutionContext, listed: CrawlList, day: str) -> Figures:
        """Runs the process; its progress appears in the run's log as it comes."""
        with tempfile.TemporaryDirectory(prefix="parlance-crawl-") as folder:
            extras = {"list": dataclasses.asdict(listed), "crawls": self.folder, "day": day, "folder": folder}
            try:
                dg.PipesSubprocessClient(env=dict(os.environ), cwd=str(Path(__file__).parent.parent)).run(
                    context=context, command=[sys.executable, "-m", "resources.crawler"], extras=extras
                )
            except DagsterPipesExecutionError:
                if (reported := Path(folder, ERROR)).exists():
                    raise TransientError(json.loads(reported.read_text(encoding="utf-8"))) from None
                raise
            result: Figures = json.loads(Path(folder, RESULT).read_text(encoding="utf-8"))
            return result


def connected(listed: CrawlList, origin: str | None) -> CrawlList:
    """The list with every origin of its seeds connected to `origin`, where there is one."""
    if origin is None:
        return listed
    seeds = (urlsplit(seed) for seed in listed.seeds)
    return dataclasses.replace(listed, connect_to={f"{seed.scheme}://{seed.netloc}": origin for seed in seeds})


def shown(figures: Figures) -> dict[str, Any]:
    """The figures of a crawl as metadata: URLs by state, records by host, and why URLs were refused or failed."""
    reasons: Mapping[str, int] = dict(list(figures["reasons"].items())[:20])
    found: dict[str, Any] = {f"urls_{state}": count for state, count in figures["urls"].items()}
    found["hosts"] = dg.MetadataValue.json(dict(list(figures["hosts"].items())[:50]))
    if reasons:
        found["refused_or_failed"] = plots.bars(reasons, title="URLs without a page, by reason")
    return found


def progress(pipes: PipesContext) -> Any:
    """A call for the crawl that logs where it stands."""

    def report(figures: Figures) -> None:
        urls = figures["urls"]
        states = ", ".join(f"{urls.get(state, 0):,} {state}" for state in ("waiting", "refused", "failed"))
        size = figures["size_bytes"] / 1e6
        pipes.log.info(f"{figures['pages']:,} pages, {size:,.1f} MB, {len(figures['hosts']):,} hosts; {states}")

    return report


def main() -> None:
    """The process: one crawl; what came of it is written where the asset looks for it."""
    from parlance.crawling.process import crawl

    with open_dagster_pipes() as pipes:
        folder = Path(pipes.get_extra("folder"))
        given = pipes.get_extra("list")
        listed = CrawlList(
            **{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        )
        try:
            crawled = crawl(listed, Path(pipes.get_extra("crawls")), pipes.get_extra("day"), report=progress(pipes))
        except TransientError as error:
            (folder / ERROR).write_text(json.dumps(str(error)), encoding="utf-8")
            raise
        (folder / RESULT).write_text(json.dumps(crawled), encoding="utf-8")


if __name__ == "__main__":
    main()
