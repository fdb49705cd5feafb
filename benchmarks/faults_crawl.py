"""Faults of sites and of the crawl's own process, each by itself, on a site of 40 pages on loopback."""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.fault import Fault
from tests.parlance.crawling.crawls import crawled, polite, records, start
from tests.servers.sites import Answer, Page, page, served

PAGES = 40
HOST = "http://one.example"


def rows() -> list[Fault]:
    """Each fault on every fourth page, twice and then no more; and a crawl that is killed at random moments."""
    faults: dict[str, Page] = {
        "503, twice": Page(status=503),
        "429 with Retry-After 0.2, twice": Page(status=429, headers={"Retry-After": "0.2"}),
        "body cut in the middle, twice": Page(body=b"x" * 5_000, fault="cut"),
        "connection reset before the answer, twice": Page(fault="reset"),
        "no answer until the timeout, twice": Page(body=b"x", fault="stall"),
    }
    found = [
        _measured(what, lambda good, bad=bad: lambda before: bad if before < 2 else good)
        for what, bad in faults.items()
    ]
    found.append(_measured("slow bytes", lambda good: Page(body=good.body, fault="slow")))
    found.append(
        _measured("redirect to itself beside the site", lambda good: good, extra={"/loop": _redirect("/loop")})
    )
    return [*found, *(_killed(seed) for seed in (1, 2))]


def _redirect(target: str) -> Page:
    return Page(status=301, headers={"Location": target})


def _site(fault: Callable[[Page], Answer]) -> dict[str, Answer]:
    links = [f"/{n}" for n in range(PAGES)]
    pages = {f"/{n}": page(*links, "/loop", text=f"page {n} " * 50) for n in range(PAGES)}
    return {path: fault(one) if n % 4 == 3 else one for n, (path, one) in enumerate(pages.items())}


def _measured(what: str, fault: Callable[[Page], Answer], *, extra: dict[str, Answer] | None = None) -> Fault:
    with tempfile.TemporaryDirectory() as folder, served({"one.example": _site(fault) | (extra or {})}) as world:
        listed = polite(seeds=(f"{HOST}/0",), connect_to=world.connect_to, timeout_s=1.0, concurrency_per_host=4)
        crawled(listed, Path(folder))
        return Fault(area="crawl", what=what, unit="pages", readable=PAGES, got=_got(Path(folder)))


def _killed(seed: int) -> Fault:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, served({"one.example": _site(lambda good: good)}) as world:
        listed = polite(seeds=(f"{HOST}/0",), connect_to=world.connect_to, concurrency_per_host=4)
        kills = 0
        for _ in range(4):
            with start(listed, Path(folder)) as process:
                until = len(world.log) + chance.randrange(3, 12)
                while len(world.log) < until and process.poll() is None:
                    time.sleep(0.001)
                kills += process.poll() is None
                process.kill()
                process.communicate()
        crawled(listed, Path(folder))
        what = f"SIGKILL at a random moment, {kills} times"
        return Fault(area="crawl", what=what, unit="pages, each once", readable=PAGES, got=_got(Path(folder)))


def _got(folder: Path) -> int:
    """Pages of the site that stand in the WARC files, each once."""
    wanted = {f"{HOST}/{n}" for n in range(PAGES)}
    return len(wanted & {url for url, count in records(folder).items() if count == 1})
