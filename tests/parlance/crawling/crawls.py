"""Crawls in a process of their own, as they run, and what they leave on disk."""

import dataclasses
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator

from parlance.crawling.settings import CrawlList

ROOT = Path(__file__).parents[3]
CODE = """
import json, sys
from pathlib import Path
from parlance.crawling.process import crawl
from parlance.crawling.settings import CrawlList
given = json.loads(sys.argv[1])
listed = CrawlList(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
print(json.dumps(crawl(listed, Path(sys.argv[2]), sys.argv[3], report=lambda figures: None)))
"""
DAY = "2026-11-20"


def polite(**settings: Any) -> CrawlList:
    """A list for loopback: no delay but what robots.txt asks for."""
    given = {"contact": "crawler@team.example", "delay_s": 0.0, "timeout_s": 2.0}
    return CrawlList(**(given | settings))


def start(listed: CrawlList, folder: Path, day: str = DAY) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", CODE, json.dumps(dataclasses.asdict(listed)), str(folder), day]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def crawled(listed: CrawlList, folder: Path, day: str = DAY) -> dict[str, Any]:
    """Runs a crawl to its end; gives its figures."""
    with start(listed, folder, day) as process:
        try:
            out, errors = process.communicate(timeout=120)
        finally:
            process.kill()  # one that does not end would be waited for
    assert process.returncode == 0, errors
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def records(folder: Path, day: str = DAY, kind: str = "response") -> Counter[str]:
    """How many records of a kind each URL has in all WARC files of a day."""
    found: Counter[str] = Counter()
    for path in sorted((folder / day).glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                if record.rec_type == kind:
                    found[record.rec_headers.get_header("WARC-Target-URI")] += 1
    return found


def check(folder: Path) -> None:
    """`warcio check` finds nothing wrong with any file."""
    files = sorted(map(str, folder.glob("*/*.warc.gz")))
    assert files
    done = subprocess.run(
        [str(Path(sys.executable).with_name("warcio")), "check", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert not done.stdout.strip(), done.stdout
