"""The crawl's process is killed at random moments and started again: in the union every page stands once."""

import random
import time
from pathlib import Path

import pytest

from tests.parlance.crawling.crawls import check, crawled, polite, records, start
from tests.servers.sites import page, served

PAGES = 120


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_and_resumed(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    links = {n: [chance.randrange(PAGES) for _ in range(4)] + [n + 1, 2 * n + 1] for n in range(PAGES)}
    site = {
        f"/{n}": page(*(f"/{target}" for target in links[n] if target < PAGES), text="word " * chance.randrange(2000))
        for n in range(PAGES)
    }
    with served({"one.example": site}) as world:
        listed = polite(seeds=("http://one.example/0",), connect_to=world.connect_to, depth=100, concurrency_per_host=4)
        kills = 0
        for _ in range(6):
            with start(listed, tmp_path) as process:
                seen = len(world.log)
                until = seen + chance.randrange(3, 35)
                while len(world.log) < until and process.poll() is None:
                    time.sleep(0.001)
                time.sleep(chance.random() * 0.02)
                if process.poll() is None:
                    process.kill()
                    kills += 1
                process.communicate()
        assert kills >= 3
        crawled(listed, tmp_path)
    pages = {url: count for url, count in records(tmp_path).items() if "robots" not in url and "tdmrep" not in url}
    assert pages == {f"http://one.example/{n}": 1 for n in range(PAGES)}
    check(tmp_path)
