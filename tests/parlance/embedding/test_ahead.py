import threading
import time
from collections.abc import Iterator

import pytest

from parlance.embedding.ahead import ahead


def test_items_come_in_order_from_one_other_thread() -> None:
    threads = set()

    def made() -> Iterator[int]:
        for number in range(50):
            threads.add(threading.get_ident())
            yield number

    assert list(ahead(made())) == list(range(50))
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_it_is_ahead_and_not_far() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            yield number

    taken = ahead(items(), most=3)
    assert next(taken) == 0
    until = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(made) == 4
    taken.close()
    assert len(made) <= 5


def test_what_making_raises_is_raised_in_its_place() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise KeyError("planted")

    taken = ahead(broken())
    assert next(taken) == 1
    with pytest.raises(KeyError, match="planted"):
        next(taken)
    assert list(ahead(())) == []
