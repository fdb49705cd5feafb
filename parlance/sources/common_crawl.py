"""Parts of Common Crawl as manifests, each of which is one dump: whole WARC files, or the records of some sites.

    python -m parlance.sources.common_crawl --crawl CC-MAIN-2024-22 --files 100 --inbox dumps/
    python -m parlance.sources.common_crawl --crawl CC-MAIN-2024-22 --domain example.org --inbox dumps/

Layout and etiquette: https://commoncrawl.org/get-started. One request at a time, a second between two attempts; whole
files rather than many small requests, but for the records of a site, which the columnar index finds by ranges.
"""

import argparse
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Literal, get_args

import polars as pl
import pyarrow.parquet as pq
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from parlance.errors import ConfigError, TransientError
from parlance.sources import files
from parlance.sources.compression import inflated

BASE_URL = "https://data.commoncrawl.org/"
Kind = Literal["warc", "wet", "wat"]
INDEX_COLUMNS = (
    "url_host_registered_domain", "fetch_status", "content_languages", "warc_filename", "warc_record_offset",
    "warc_record_length",
)  # fmt: skip

politely = retry(
    retry=retry_if_exception_type(TransientError), stop=stop_after_attempt(5), wait=wait_fixed(1), reraise=True
)


@dataclass(frozen=True, kw_only=True)
class Record:
    """Where one record lies."""

    file: str
    offset: int
    length: int


def paths(crawl: str, kind: Kind = "warc", *, base_url: str = BASE_URL) -> list[str]:
    """Paths of all files of a crawl, relative to `base_url`. Raises ConfigError where there is no such crawl."""
    if kind not in get_args(Kind):
        raise ConfigError(f"unknown kind {kind!r}; allowed: {', '.join(get_args(Kind))}")
    return _lines(f"{base_url}crawl-data/{crawl}/{kind}.paths.gz")


def sample(listed: Sequence[str], count: int, *, seed: int = 1) -> list[str]:
    """`count` of the paths, the same for a seed, in their order."""
    if not 1 <= count <= len(listed):
        raise ConfigError(f"{count} files are asked for; allowed: 1 to {len(listed)}")
    chosen = set(random.Random(seed).sample(range(len(listed)), count))
    return [path for number, path in enumerate(listed) if number in chosen]


def query(crawl: str, *, domain: str, language: str | None = None, base_url: str = BASE_URL) -> Iterator[Record]:
    """Records of the pages of a registered domain that were fetched with status 200, by the columnar index.

    `language` is one of ISO 639-3 (`eng`), as the index has them. Row groups that cannot hold the domain are not read.
    """
    for path in _lines(f"{base_url}crawl-data/{crawl}/cc-index-table.paths.gz"):
        if "subset=warc" in path:
            for found in _matching(base_url + path, domain):
                rows = found.filter(pl.col("fetch_status") == 200)
                if language is not None:
                    rows = rows.filter(pl.col("content_languages").str.split(",").list.contains(language))
                names = ("warc_filename", "warc_record_offset", "warc_record_length")
                for file, offset, length in rows.select(names).iter_rows():
                    yield Record(file=file, offset=offset, length=length)


def group(
    entries: Iterable[str | Record], folder: Path, *, name: str, each: int, base_url: str = BASE_URL
) -> list[Path]:
    """Writes manifests of up to `each` files (or records, those of one file together) and gives their paths."""
    if each < 1:
        raise ConfigError(f"{each} files in a partition are asked for; allowed: 1 and more")
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    waiting = iter(entries)
    for number, part in enumerate(iter(lambda: list(islice(waiting, each)), [])):
        path = folder / f"{name}-{number:05d}.paths"
        lines = [f"# base: {base_url}", *_lines_of(part)]
        hidden = path.with_name(f".{path.name}")
        hidden.write_text("\n".join(lines) + "\n", encoding="utf-8")
        hidden.replace(path)
        made.append(path)
    return made


def _lines_of(part: Sequence[str | Record]) -> Iterator[str]:
    yield from (entry for entry in part if isinstance(entry, str))
    records = sorted((entry for entry in part if isinstance(entry, Record)), key=lambda one: (one.file, one.offset))
    for _, of_file in groupby(records, key=lambda one: one.file):
        yield from (f"{one.file} {one.offset} {one.length}" for one in of_file)


@politely
def _lines(url: str) -> list[str]:
    with files.opened(files.at(url)) as stream:
        return [line.decode().strip() for line in inflated(stream, "gzip") if line.strip()]


@politely
def _matching(url: str, domain: str) -> list[pl.DataFrame]:
    """The rows of a domain in one file of the index."""
    found = []
    with files.opened(files.at(url)) as stream:
        index = pq.ParquetFile(stream)
        column = index.schema_arrow.names.index("url_host_registered_domain")
        for number in range(index.num_row_groups):
            statistics = index.metadata.row_group(number).column(column).statistics
            if statistics is None or not statistics.has_min_max or statistics.min <= domain <= statistics.max:
                rows = pl.DataFrame(index.read_row_group(number, columns=list(INDEX_COLUMNS)))
                found.append(rows.filter(pl.col("url_host_registered_domain") == domain))
    return found


def main() -> int:
    """Writes manifests into an inbox and says what to do next."""
    parser = argparse.ArgumentParser(description="Writes manifests of parts of Common Crawl into an inbox of dumps.")
    parser.add_argument("--crawl", required=True, help="such as CC-MAIN-2024-22")
    parser.add_argument("--kind", default="warc", choices=get_args(Kind))
    parser.add_argument("--files", type=int, help="how many files, chosen by the seed")
    parser.add_argument("--domain", help="instead of whole files the pages of one registered domain")
    parser.add_argument("--language", help="with --domain: only pages in a language, such as eng")
    parser.add_argument("--each", type=int, default=50, help="files in a manifest; with --domain: thousands of records")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inbox", type=Path, required=True, help="the folder that DUMPS names")
    parser.add_argument("--base-url", default=BASE_URL)
    options = parser.parse_args()
    if (options.files is None) == (options.domain is None):
        parser.error("one of --files and --domain is needed")
    try:
        entries: Iterable[str | Record]
        if options.domain:
            entries = query(options.crawl, domain=options.domain, language=options.language, base_url=options.base_url)
            name, each = f"{options.crawl}-{options.domain}", options.each * 1000
        else:
            listed = paths(options.crawl, options.kind, base_url=options.base_url)
            entries, each = sample(listed, options.files, seed=options.seed), options.each
            name = f"{options.crawl}-{options.kind}"
        made = group(entries, options.inbox, name=name, each=each, base_url=options.base_url)
    except (ConfigError, TransientError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in made:
        print(path)
    print(f"{len(made)} manifests. Next: make run DUMPS={options.inbox}" if made else "nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
