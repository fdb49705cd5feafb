"""Which URLs wait, how deep they are, and what a key is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.crawling.frontier import DATABASE, Frontier, key_of, normal
from tests.parlance.crawling.crawls import DAY, polite

SITE = "http://one.example"


@pytest.fixture
def frontier(tmp_path: Path) -> Iterator[Frontier]:
    listed = polite(seeds=(f"{SITE}/",), depth=2, exclude=("*/excluded",))
    with Frontier(tmp_path / DATABASE, DAY, listed) as opened:
        yield opened


def waiting(frontier: Frontier) -> list[tuple[str, int]]:
    """Takes what waits: path and depth."""
    found = frontier.claim(["one.example"], now=1e12, each=100)
    return [(entry.url.removeprefix(SITE), entry.depth) for entry in found]


@pytest.mark.parametrize(
    ("depths", "expected"),
    [([3], []), ([2], [2]), ([3, 2], [2]), ([3, 4, 1], [1]), ([2, 1], [1]), ([1, 2], [1]), ([1, 3], [1])],
)
def test_a_page_is_as_near_as_the_shortest_way_to_it(
    frontier: Frontier, depths: list[int], expected: list[int]
) -> None:
    for depth in depths:
        frontier.add([f"{SITE}/a"], depth=depth)
    assert waiting(frontier) == [("/a", depth) for depth in expected]
    assert frontier.reasons() == ({} if expected else {"deeper than 2": 1})


def test_a_shorter_chain_of_redirects_is_one_too(frontier: Frontier) -> None:
    frontier.add([f"{SITE}/a"], hops=11)
    assert frontier.reasons() == {"more than 10 redirects": 1}
    frontier.add([f"{SITE}/a"], hops=1)
    assert waiting(frontier) == [("/a", 0)]


@pytest.mark.parametrize("state", ["done", "refused", "failed"])
def test_what_was_asked_for_is_not_asked_for_again(frontier: Frontier, state: str) -> None:
    frontier.add([f"{SITE}/a"], depth=2)
    (entry,) = frontier.claim(["one.example"], now=1e12, each=1)
    assert frontier.in_flight() == {"one.example": 1}
    frontier.settle(entry, state, reason="robots.txt")  # type: ignore[arg-type]
    frontier.add([f"{SITE}/a"], depth=1)
    assert not waiting(frontier)
    assert not frontier.in_flight()


def test_other_bounds_are_those_of_every_way(frontier: Frontier) -> None:
    for depth in (2, 1):
        frontier.add([f"{SITE}/excluded", "http://other.example/"], depth=depth)
    assert not waiting(frontier)
    assert frontier.reasons() == {"excluded by the list": 1, "host not in the list": 1}


def test_robots_and_page_of_one_url_are_two(frontier: Frontier) -> None:
    robots = frontier.take(f"{SITE}/", "robots")
    frontier.add([f"{SITE}/"])
    frontier.settle(robots, "done")
    assert frontier.take(f"{SITE}/", "robots").id == robots.id
    assert frontier.take(f"{SITE}/", "tdmrep").id != robots.id
    assert waiting(frontier) == [("/", 0)]


@given(
    url=st.text(st.sampled_from("htps:/[]@?#&=;%.ax1\\ \t\n\0éß\ud800İ"), max_size=30) | st.text(),
    base=st.sampled_from(["", f"{SITE}/a/b?c", "http://[::1]/"]),
)
def test_any_text_is_a_url_that_stays_itself_or_none(url: str, base: str) -> None:
    found = normal(url, base)
    assert found is None or (normal(found) == found and key_of(found))


def test_urls_that_are_too_long_are_none() -> None:
    assert normal(f"{SITE}/{'a' * 3000}") is None
    assert normal("a" * 1000, f"{SITE}/{'b' * 1500}/") is None
    assert normal(f"http://{'a.' * 200}example/") is None
