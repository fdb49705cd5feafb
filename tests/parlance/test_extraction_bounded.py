"""Pages in helper processes: the bound of time, pages that kill their process, order, and no process left behind."""

import ctypes
import importlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from parlance.errors import ConfigError, TransientError
from parlance.extraction import Page, extract
from parlance.extraction_bounded import PAGES_PER_WORKER, Html, Loss, Workers, extract_all

MANY = 20


def scripted(html: bytes, *, url: str | None, charset: str | None) -> Page:
    """An extractor that does what the page says: a verb, and what it is done to."""
    verb, _, object = html.decode().partition(" ")
    match verb:
        case "sleep":
            time.sleep(float(object))
        case "hold":  # the interpreter's lock, in C, for longer than there is time
            re.match(r"(a+)+$", "a" * 60 + "b")
        case "exit":
            os._exit(int(object))
        case "signal":
            os.kill(os.getpid(), int(object))
        case "crash":
            ctypes.string_at(0)
        case "raise":
            raise MemoryError(object)
        case "worker":
            return Page(text=str(os.getpid()))
        case "asked":
            return Page(text=f"{url} {charset}")
    return Page(text=html.decode())


def pages(*texts: str) -> list[Html]:
    return [Html(html=text.encode()) for text in texts]


def texts(found: Iterator[Page | Loss]) -> list[str]:
    return [one.text if isinstance(one, Page) else one.rule for one in found]


@pytest.fixture(autouse=True)
def _leaves_no_process() -> Iterator[None]:
    before = psutil.Process().children()
    yield
    assert [one for one in psutil.Process().children() if one not in before] == []


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_outcomes_come_in_order_once_each(workers: int) -> None:
    asked = [f"{number} words" if number % 7 else "worker" for number in range(MANY)]
    found = texts(extract_all(pages(*asked), workers=workers, extractor=scripted))
    assert [text for number, text in enumerate(found) if number % 7] == [text for text in asked if text != "worker"]
    assert len({text for number, text in enumerate(found) if not number % 7}) <= max(workers, 1)


def test_a_slow_page_does_not_overtake_nor_is_overtaken() -> None:
    asked = ["sleep 0.3", *(f"page {number}" for number in range(MANY)), "sleep 0.1", "last"]
    assert texts(extract_all(pages(*asked), workers=2, extractor=scripted)) == asked


def test_no_page_no_process() -> None:
    assert list(extract_all([], workers=2, extractor=scripted)) == []
    extract_all(pages("worker"), workers=2, extractor=scripted)  # nobody asks for an outcome


def test_what_is_known_of_a_page_comes_along() -> None:
    one = Html(html=b"asked", url="https://x.example/", charset="koi8-r")
    assert texts(extract_all([one], extractor=scripted, workers=1)) == ["https://x.example/ koi8-r"]


@pytest.mark.parametrize("page", ["sleep 60", "hold the lock"])
def test_a_page_beyond_the_bound_is_lost_and_the_others_are_not(page: str) -> None:
    began = time.monotonic()
    found = list(extract_all(pages("a", page, "sleep 0.1", "b"), timeout_s=0.6, workers=1, extractor=scripted))
    assert found == [
        Page(text="a"),
        Loss(rule="extraction_timeout", detail="over 0.6 s"),
        Page(text="sleep 0.1"),
        Page(text="b"),
    ]
    assert 0.6 < time.monotonic() - began < 10


def test_the_bound_is_of_each_page_and_not_of_all() -> None:
    asked = ["sleep 0.3"] * 4
    assert texts(extract_all(pages(*asked), timeout_s=0.9, workers=1, extractor=scripted)) == asked


def test_the_bound_holds_off_the_main_thread() -> None:
    found: list[str] = []
    asked = extract_all(pages("hold the lock", "a"), timeout_s=0.5, workers=1, extractor=scripted)
    thread = threading.Thread(target=lambda: found.extend(texts(asked)))
    thread.start()
    thread.join(20)
    assert found == ["extraction_timeout", "a"]


@pytest.mark.parametrize(
    ("page", "how"),
    [
        ("exit 3", "exit status 3"),
        ("exit 0", "exit status 0"),
        (f"signal {signal.SIGKILL}", "signal 9"),
        ("crash", "signal 11"),
        ("raise no memory", "exit status 1"),
    ],
)
def test_a_page_that_ends_its_process_is_lost_and_the_others_are_not(page: str, how: str) -> None:
    found = list(extract_all(pages("a", page, page, "b"), workers=1, extractor=scripted))
    lost = Loss(rule="extraction_crashed", detail=f"the worker ended with {how}")
    assert found == [Page(text="a"), lost, lost, Page(text="b")]


def test_bad_pages_among_many() -> None:
    bad = {3: "exit 1", 7: "sleep 60", 8: f"signal {signal.SIGKILL}", MANY - 1: "exit 2"}
    asked = [bad.get(number, f"page {number}") for number in range(MANY)]
    found = texts(extract_all(pages(*asked), timeout_s=0.5, workers=2, extractor=scripted))
    lost = {number: "extraction_timeout" if "sleep" in page else "extraction_crashed" for number, page in bad.items()}
    assert found == [lost.get(number, f"page {number}") for number in range(MANY)]


def test_a_worker_serves_until_it_dies_and_another_follows() -> None:
    first, same, _, other = texts(
        extract_all(pages("worker", "worker", "exit 1", "worker"), workers=1, extractor=scripted)
    )
    assert first == same != other


def test_workers_outlive_a_call_and_one_that_died_idle_costs_no_page() -> None:
    with Workers(workers=1, extractor=scripted) as pool:
        (first,) = texts(pool.extract(pages("worker")))
        assert texts(pool.extract(pages("worker"))) == [first]
        pool.workers[0].process.kill()
        pool.workers[0].process.wait()
        assert texts(pool.extract(pages("a", "b"))) == ["a", "b"]


def test_few_pages_start_one_worker_and_many_all() -> None:
    for count, started in [(PAGES_PER_WORKER - 1, 1), (PAGES_PER_WORKER, 2), (9 * PAGES_PER_WORKER, 3)]:
        with Workers(workers=3, extractor=scripted) as pool:
            list(pool.extract(pages(*["a"] * count)))
            assert len(pool.workers) == started


def test_no_more_pages_are_taken_than_there_are_workers_for() -> None:
    taken = 0

    def endless() -> Iterator[Html]:
        nonlocal taken
        while True:
            taken += 1
            yield Html(html=b"x" * 1_000)

    with Workers(workers=2, extractor=scripted) as pool, closing(pool.extract(endless())) as found:
        for given in range(1, 50):
            next(found)
            assert taken - given <= 4


def test_a_caller_that_stops_early_leaves_no_answer_to_the_next_call() -> None:
    with Workers(workers=2, extractor=scripted) as pool:
        with closing(pool.extract(pages("a", *["sleep 5"] * MANY))) as found:
            assert next(found) == Page(text="a")
        assert texts(pool.extract(pages("b", "c"))) == ["b", "c"]


def test_an_error_of_the_caller_ends_the_workers() -> None:
    def failing() -> Iterator[Html]:
        yield from pages("a", "sleep 60")
        raise LookupError("no more pages")

    with pytest.raises(LookupError, match="no more pages"):
        list(extract_all(failing(), workers=2, extractor=scripted))


def test_an_interrupt_ends_the_workers() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    timer = threading.Timer(0.6, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(extract_all(pages("sleep 60"), workers=1, extractor=scripted))
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


ORPHANED = """
import psutil, threading, time
from parlance.extraction_bounded import Html, extract_all
from test_extraction_bounded import scripted
def tell():
    while not (found := psutil.Process().children()):
        time.sleep(0.01)
    time.sleep(0.5)
    print(found[0].pid, flush=True)
threading.Thread(target=tell, daemon=True).start()
list(extract_all([Html(html=b"sleep 60")], timeout_s=1.5, workers=1, extractor=scripted))
"""


def test_a_worker_outlives_a_killed_parent_by_no_more_than_the_bound() -> None:
    folder = Path(__file__).parent
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    with subprocess.Popen(
        [sys.executable, "-c", ORPHANED], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    deadline = time.monotonic() + 10
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


UNGUARDED = """
print("once")
from parlance.extraction_bounded import Html, extract_all
print([page.text for page in extract_all([Html(html=b"<p>Five days carry over.</p>")], workers=1)])
"""
DAEMONIC = """
import multiprocessing
from parlance.extraction_bounded import Html, extract_all
def told():
    print([page.text for page in extract_all([Html(html=b"<p>Five days carry over.</p>")], workers=1)], flush=True)
process = multiprocessing.get_context("fork").Process(target=told, daemon=True)
process.start()
process.join()
"""


@pytest.mark.parametrize(("script", "said"), [(UNGUARDED, "once\n"), (DAEMONIC, "")])
def test_scripts_without_a_guard_and_daemonic_processes_may_have_workers(
    tmp_path: Path, script: str, said: str
) -> None:
    path = tmp_path / "script.py"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{said}['Five days carry over.']\n", "")


def test_real_pages_give_what_they_give_in_one_process() -> None:
    html = "<html lang='en'><title>T</title><body><article><p>" + "Days carry over to March. " * 40
    real = [Html(html=f"{html} {number}".encode(), url="https://x.example/") for number in range(MANY)]
    assert list(extract_all(real, workers=2)) == [extract(one.html, url=one.url) for one in real]


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf")])
def test_a_bound_that_is_none(timeout_s: float) -> None:
    with pytest.raises(ConfigError, match="timeout_s is "):
        extract_all([], timeout_s=timeout_s)


def test_settings_that_cannot_work() -> None:
    with pytest.raises(ConfigError, match="workers is -1; allowed is 0 or more"):
        extract_all([], workers=-1)
    with pytest.raises(ConfigError, match="cannot be imported by its name"):
        extract_all([], workers=1, extractor=lambda html, **_: Page(text=""))
    assert texts(extract_all(pages("a"), workers=0, extractor=lambda html, **_: Page(text="b"))) == ["b"]


def test_workers_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "extractor_of_a_test.py"
    path.write_text("def found(html, *, url, charset): ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    extractor = importlib.import_module(path.stem).found
    path.write_text("import os; os._exit(7)", encoding="utf-8")
    with pytest.raises(TransientError, match="ended as it started, with status 7"):
        list(extract_all(pages("a"), workers=1, extractor=extractor))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(TransientError, match="no worker for extraction could be started"):
        list(extract_all(pages("a"), workers=1, extractor=scripted))


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resiliparse.py").write_text("raise ImportError('not here')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="needs the extra 'web'"):
        list(extract_all(pages("<p>a"), workers=1))
