"""The crawl list, by day: one crawl of the list belongs to the day on which it began, in UTC."""

import datetime as dt
from pathlib import Path

import dagster as dg

from assets.lanes import Lane
from orchestration.settings import crawl_list, crawl_site, crawls_folder, day_setting
from parlance.sources.slack import is_day
from resources.crawler import Crawler

MODULES = (
    "crawling",
    "sources.crawl",
    "sources.rows",
    "sources.warc",
    "sources.web_documents",
    "extraction",
    "extraction_choice",
    "extraction_metadata",
)


def lane() -> Lane:
    return Lane(
        name="crawl",
        title="the crawl list",
        partitions=dg.DailyPartitionsDefinition(start_date=first_day(), end_offset=1),
        recipe="web",
        modules=MODULES,
        kinds=frozenset({"scrapy"}),
        source=Crawler(list_path=crawl_list(), folder=crawls_folder(), site=crawl_site()),
        inputs=lambda: [today().isoformat()] if crawl_list() else [],
        setting="PARLANCE_CRAWL",
    )


def first_day() -> str:
    """PARLANCE_CRAWL_START, or else the day of the first crawl that is kept.

    Where there is none, yesterday: a process that starts just after midnight knows the day that it was asked for.
    """
    if start := day_setting("PARLANCE_CRAWL_START"):
        return start
    folder = Path(crawls_folder())
    found = [one.name for one in folder.iterdir() if is_day(one.name)] if folder.is_dir() else []
    return min(found, default=(today() - dt.timedelta(days=1)).isoformat())


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
