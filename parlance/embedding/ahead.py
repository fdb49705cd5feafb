"""Work done ahead of who waits for it, in a thread."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

_END: Final = object()


def ahead(items: Iterable[T], *, most: int = 2) -> Iterator[T]:
    """`items` in their order, made in a thread, up to `most` of them before they are asked for.

    What making one raises is raised in its place; whoever stops asking ends the thread.

    >>> list(ahead(range(3)))
    [0, 1, 2]
    """
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        made: deque[Future[object]] = deque(pool.submit(next, source, _END) for _ in range(most))
        try:
            while (item := made.popleft().result()) is not _END:
                made.append(pool.submit(next, source, _END))
                yield item  # type: ignore[misc]
        finally:
            pool.shutdown(cancel_futures=True)
