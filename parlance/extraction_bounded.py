"""Extraction of many pages in helper processes, each page within a bound of time.

A page may hold an extractor for minutes inside C code that keeps the interpreter's lock, or crash it; only a process
can be stopped from without. The workers are plain subprocesses, not those of `multiprocessing`: these would run the
caller's main module a second time, and a daemonic process may have none.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from operator import length_hint
from pkgutil import resolve_name
from types import TracebackType
from typing import Literal, Self

from parlance import extraction
from parlance.errors import ConfigError, ParlanceError, TransientError
from parlance.extraction import Page

TIMEOUT_S = 10.0
# A worker loads libraries in the time in which it extracts about as many pages.
PAGES_PER_WORKER = 5
EXIT_S = 5
# How much text may wait for a page that takes long.
WAITING_CHARACTERS = 32 * 1024 * 1024

Extractor = Callable[..., Page]
Task = tuple[int, "Html"]


@dataclass(frozen=True, kw_only=True)
class Html:
    """A page as it came: `url` is where from, `charset` what its server said of its bytes."""

    html: bytes
    url: str | None = None
    charset: str | None = None


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A page that gave nothing: it went beyond the bound, or its worker died on it."""

    rule: Literal["extraction_timeout", "extraction_crashed"]
    detail: str


def extract_all(
    pages: Iterable[Html],
    *,
    timeout_s: float = TIMEOUT_S,
    workers: int | None = None,
    extractor: Extractor = extraction.extract,
) -> Iterator[Page | Loss]:
    """What `extractor` finds on each of `pages`, in their order, or how the page was lost: see `Workers`."""
    pool = Workers(timeout_s=timeout_s, workers=workers, extractor=extractor)
    return _extract_all(pages, pool)


def _extract_all(pages: Iterable[Html], pool: "Workers") -> Iterator[Page | Loss]:
    with pool, closing(pool.extract(pages)) as outcomes:
        yield from outcomes


class Workers:
    """Helper processes that extract pages; they start when there are pages and are gone after the `with` block.

    A worker that takes more than `timeout_s` seconds of wall time for a page is killed by the kernel, and another
    takes its place. There are at most `workers` of them, where not given one for each CPU that this process may use,
    and fewer where there are few pages. 0 extracts in this process, without a bound and without cover against
    crashes; that is also the default where there is no POSIX.

    `extractor` is called as `extract` is, with `url` and `charset`; it must be importable by its name. An error that
    it raises goes to the worker's stderr and counts as a crash. Raises ConfigError for settings that cannot work.
    """

    def __init__(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        workers: int | None = None,
        extractor: Extractor = extraction.extract,
    ) -> None:
        if not 0 < timeout_s < float("inf"):
            raise ConfigError(f"timeout_s is {timeout_s}; allowed is a number of seconds above 0")
        if workers is not None and workers < 0:
            raise ConfigError(f"workers is {workers}; allowed is 0 or more")
        self.timeout_s = timeout_s
        self.limit = _cpus() if workers is None else workers
        self.extractor = extractor
        self.name = _name(extractor) if self.limit else ""
        self.workers: list[_Worker] = []
        self.handed_out = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.stop()
        self.workers.clear()

    def extract(self, pages: Iterable[Html]) -> Generator[Page | Loss]:
        """The outcome of each of `pages`, in their order. Holds one page more than there are workers.

        Raises ConfigError where the extra `web` is missing, TransientError where no process can be started.
        """
        if not self.limit:
            return (self.extractor(page.html, url=page.url, charset=page.charset) for page in pages)
        return self._extract(pages)

    def _extract(self, pages: Iterable[Html]) -> Generator[Page | Loss]:
        todo = enumerate(pages)
        upcoming = next(todo, None)
        expected = length_hint(pages)
        outcomes: dict[int, Page | Loss] = {}
        following = waiting = 0
        try:
            while upcoming is not None or self._are_busy():
                if upcoming is not None and waiting < WAITING_CHARACTERS:
                    upcoming = self._hand_out(upcoming, todo, expected)
                for number, outcome in self._answers():
                    outcomes[number] = outcome
                    waiting += _characters(outcome)
                while following in outcomes:
                    outcome = outcomes.pop(following)
                    waiting -= _characters(outcome)
                    following += 1
                    yield outcome
        finally:
            # Where the caller stops early, pages are under way that nobody waits for.
            for worker in [worker for worker in self.workers if worker.number is not None]:
                self._retire(worker)

    def _are_busy(self) -> bool:
        return any(worker.number is not None for worker in self.workers)

    def _hand_out(self, upcoming: Task, todo: Iterator[Task], expected: int) -> Task | None:
        """Gives every idle worker a page; the first that nobody took, None where all are taken."""
        for worker in [worker for worker in self.workers if worker.is_idle and worker.process.poll() is not None]:
            self._retire(worker)
        wanted = 1 + max(self.handed_out, expected) // PAGES_PER_WORKER
        while len(self.workers) < min(self.limit, wanted):
            self.workers.append(_Worker(self.name, self.timeout_s))
        task: Task | None = upcoming
        for worker in self.workers:
            if task is not None and worker.is_idle:
                worker.give(*task)
                self.handed_out += 1
                task = next(todo, None)
        return task

    def _answers(self) -> Iterator[tuple[int, Page | Loss]]:
        """The outcomes that have come; waits for one, or for a worker that starts."""
        waited_for = {worker.connection: worker for worker in self.workers if not worker.is_idle}
        for connection in wait(list(waited_for)):
            worker = waited_for[connection]  # type: ignore[index]
            number, outcome = worker.number, worker.answer()
            if isinstance(outcome, Loss):
                self._retire(worker)
            if number is not None and outcome is not None:
                yield number, outcome

    def _retire(self, worker: "_Worker") -> None:
        worker.stop()
        self.workers.remove(worker)


class _Worker:
    """A process that extracts one page at a time: `number` says which, `is_idle` that it waits for one."""

    def __init__(self, extractor: str, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.number: int | None = None
        self.is_idle = False  # until it says that it has started
        self.connection, theirs = Pipe()
        command = [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"]
        arguments = [str(theirs.fileno()), repr(timeout_s), extractor]
        path = os.pathsep.join(one or os.getcwd() for one in sys.path)
        try:
            # In a process group of its own: a Ctrl-C is for this process to decide on.
            self.process = subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
                env={**os.environ, "PYTHONPATH": path},
            )
        except OSError as error:
            self.connection.close()
            raise TransientError(f"no worker for extraction could be started: {error}") from error
        finally:
            theirs.close()

    def give(self, number: int, page: Html) -> None:
        self.number, self.is_idle = number, False
        with suppress(ConnectionError):  # `answer` tells of it
            self.connection.send(page)

    def answer(self) -> Page | Loss | None:
        """What the worker says of its page; None where it says that it has started.

        Raises the worker's own error where it cannot work, TransientError where it died before its first page.
        """
        try:
            said: Page | ParlanceError | None = self.connection.recv()
        except (EOFError, OSError):
            return self._loss()
        if isinstance(said, ParlanceError):
            raise said
        self.number, self.is_idle = None, True
        return said

    def _loss(self) -> Loss:
        with suppress(subprocess.TimeoutExpired):  # it hung up, and now ends by itself
            self.process.wait(EXIT_S)
        status = self.stop()
        if self.number is None:
            raise TransientError(f"a worker for extraction ended as it started, with status {status}")
        if status == -signal.SIGALRM:
            return Loss(rule="extraction_timeout", detail=f"over {self.timeout_s:g} s")
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return Loss(rule="extraction_crashed", detail=f"the worker ended with {how}")

    def stop(self) -> int:
        """The exit status of the process, which is killed where it runs."""
        self.process.kill()
        self.connection.close()
        return self.process.wait()


def serve() -> None:
    """What a worker does until its parent hangs up; `sys.argv` has the pipe, the seconds and the extractor's name."""
    descriptor, seconds, name = sys.argv[1:]
    # The kernel keeps the time: no extractor can hold it up, and it does so even when the parent is gone.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    connection = Connection(int(descriptor))
    extractor = resolve_name(name)
    with suppress(EOFError, ConnectionError):
        try:
            if extractor is extraction.extract:
                extraction.load()
        except ParlanceError as error:
            connection.send(error)
            return
        connection.send(None)
        while True:
            page: Html = connection.recv()
            signal.setitimer(signal.ITIMER_REAL, float(seconds))
            found = extractor(page.html, url=page.url, charset=page.charset)
            signal.setitimer(signal.ITIMER_REAL, 0)
            connection.send(found)


def _characters(outcome: Page | Loss) -> int:
    """About how much room `outcome` takes; one without text has its fields."""
    return 1_000 + (len(outcome.text) if isinstance(outcome, Page) else 0)


def _name(extractor: Extractor) -> str:
    """The name by which a worker imports `extractor`."""
    name = f"{extractor.__module__}:{extractor.__qualname__}"
    try:
        found = resolve_name(name)
    except (ImportError, AttributeError, ValueError):
        found = None
    if found is not extractor or extractor.__module__ == "__main__":
        raise ConfigError(f"the extractor {name} cannot be imported by its name; a function of a module can")
    return name


def _cpus() -> int:
    if os.name != "posix":
        return 0
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
