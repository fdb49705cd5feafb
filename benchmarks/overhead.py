"""What Dagster costs beside the work: `python -m benchmarks.overhead [--days 90]`.

A Slack export with one short thread a day goes through the first steps of the Slack lane, from raw rows to signals,
with their checks: so little work that nearly everything is overhead. Each way of running it is a process of its own in
a home of its own. Printed are the seconds and CPU-seconds of all its processes, those inside asset bodies (seen
where all is one process), and what remains for each step and for each partition of each asset.
"""

import argparse
import ctypes
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
FIRST = dt.date(2026, 1, 1)
ASSETS = ("raw", "documents", "rejected", "signals")
STEPS = 6  # of the run: four assets in three steps, three checks
NOT_OURS = ("PARLANCE", "SLACK", "AWS", "DAGSTER")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one way to run the lane: seconds, CPU-seconds of all processes, the same inside asset bodies, events."""

    way: str
    days: int
    seconds: float
    cpu_s: float
    inside_s: float | None = None
    events: int = 0


def write_export(folder: Path, days: int) -> None:
    """A workspace with one channel in which somebody asks and somebody answers once a day."""
    people = [{"id": f"U{n}", "name": name, "profile": {"real_name": name}} for n, name in enumerate(("ada", "lin"))]
    channel = folder / "help"
    channel.mkdir(parents=True)
    (folder / "users.json").write_text(json.dumps(people))
    members = [one["id"] for one in people]
    (folder / "channels.json").write_text(json.dumps([{"id": "C1", "name": "help", "members": members}]))
    for number in range(days):
        day = FIRST + dt.timedelta(days=number)
        root = f"{dt.datetime(day.year, day.month, day.day, 9, tzinfo=dt.UTC).timestamp():.6f}"
        said = (
            f"Where do I find the form for the travel costs of trip {number}, and who signs it in the end?",
            f"It is in the folder of the travel desk under {number}, and your lead signs it before the month ends.",
        )
        messages = [
            {"type": "message", "user": f"U{n}", "ts": f"{float(root) + 60 * n:.6f}", "thread_ts": root, "text": text}
            for n, text in enumerate(said)
        ]
        (channel / f"{day}.json").write_text(json.dumps(messages))


def make_references(home: Path, export: Path) -> None:
    """What signals are compared with, made once."""
    (home / "dagster").mkdir(parents=True)
    command = [
        "dagster",
        "asset",
        "materialize",
        "-m",
        "orchestration.definitions",
        "--select",
        "key:corpus/references",
    ]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment(home, export, {}), capture_output=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"corpus/references failed:\n{done.stderr.decode()[-3000:]}")


def environment(home: Path, export: Path, more: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    own = {
        "PARLANCE_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "PARLANCE_SLACK_EXPORT": str(export),
        "PARLANCE_SLACK_RIGHTS": str(ROOT / "sample" / "slack" / "rights.yaml"),
        "PARLANCE_SPEECH_ACTS": "light",
        "OMP_NUM_THREADS": "1",
    }
    return inherited | own | more


def measured(way: str, arguments: list[str], *, days: int, folder: Path, **more: str) -> Cost:
    """Runs a module in a home of its own."""
    home = folder / way.replace(" ", "-").replace(",", "")
    shutil.copytree(folder / "references" / "lake", home / "lake", symlinks=True)
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment(home, folder / "export", more),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    reap()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{way} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    last = done.stdout.strip().rpartition("\n")[2]
    found = json.loads(last) if last.startswith("{") else {}
    return Cost(way=way, days=days, seconds=seconds, cpu_s=cpu_s, **found)


def adopt_orphans() -> None:
    """Makes this process the parent of processes whose own parent ends, so that their time counts too.

    Steps are forked by a server that nobody waits for (prctl(2), PR_SET_CHILD_SUBREAPER).
    """
    if ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def reap() -> None:
    """Waits for all that is left of a run."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def command(first: int, last: int) -> list[str]:
    """The command line for a range of days, with the executor of the project: a process for each step."""
    bounds = "...".join(str(FIRST + dt.timedelta(days=number)) for number in (first, last))
    select = " or ".join(f"key:slack/{name}" for name in ASSETS)
    return [
        "dagster", "asset", "materialize", "-m", "orchestration.definitions", "--select", select,
        "--partition-range", bounds,
    ]  # fmt: skip


def timed(inside: list[float]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that adds up the CPU-seconds of asset bodies, generators too."""
    import inspect

    def decorator(compute: Callable[..., Any]) -> Callable[..., Any]:
        def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
            running = compute(*args, **kwargs)
            while True:
                started = time.process_time()
                try:
                    value = next(running)
                except StopIteration:
                    return
                finally:
                    inside.append(time.process_time() - started)
                yield value

        def function(*args: Any, **kwargs: Any) -> Any:
            started = time.process_time()
            try:
                return compute(*args, **kwargs)
            finally:
                inside.append(time.process_time() - started)

        return wraps(compute)(generator if inspect.isgeneratorfunction(compute) else function)

    return decorator


def in_one_process(days: int) -> None:
    """Runs the lane in this process, with a clock in every asset body; prints what it saw as JSON."""
    from assets import boundary

    inside: list[float] = []
    theirs, clock = boundary.no_useless_retries, timed(inside)
    boundary.no_useless_retries = lambda compute: clock(theirs(compute))  # before the assets are defined
    import dagster as dg

    from orchestration.definitions import defs

    keys = [["slack", name] for name in ASSETS]
    made = defs()
    lane = dg.Definitions(
        assets=made.assets,
        asset_checks=made.asset_checks,
        resources=made.resources,
        jobs=[dg.define_asset_job("lane", dg.AssetSelection.assets(*keys))],
    )
    bounds = {"start": FIRST, "end": FIRST + dt.timedelta(days=days - 1)}
    tags = {f"dagster/asset_partition_range_{name}": str(day) for name, day in bounds.items()}
    with dg.DagsterInstance.get() as instance:
        result = lane.resolve_job_def("lane").execute_in_process(instance=instance, tags=tags)
        events = len(instance.all_logs(result.run_id))
    print(json.dumps({"inside_s": sum(inside), "events": events}))


def show(costs: list[Cost], days: int) -> Table:
    (seen,) = {cost.inside_s for cost in costs if cost.inside_s is not None}
    grid = Table("way", "days", "s", "CPU-s", "in bodies", "overhead", "for a step", "for a partition", "events")
    for cost in costs:
        overhead = cost.cpu_s - (seen or 0.0) * cost.days / days
        runs = 1 if cost.days == days else cost.days
        grid.add_row(
            cost.way,
            str(cost.days),
            f"{cost.seconds:.1f}",
            f"{cost.cpu_s:.1f}",
            "" if cost.inside_s is None else f"{cost.inside_s:.1f}",
            f"{overhead:.1f}",
            f"{overhead / STEPS / runs:.3f}",
            f"{overhead / len(ASSETS) / cost.days:.4f}",
            f"{cost.events or ''}",
        )
    return grid


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures what Dagster costs beside the work.")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--inside", action="store_true", help="what the measured process itself is started with")
    options = parser.parse_args()
    if options.inside:
        in_one_process(options.days)
        return 0
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="parlance-overhead-") as root:
        folder, days = Path(root), options.days
        write_export(folder / "export", days)
        make_references(folder / "references", folder / "export")
        reap()
        inside = ["benchmarks.overhead", "--inside", "--days"]
        costs = [
            measured("to load the definitions alone", ["orchestration.definitions"], days=1, folder=folder),
            measured("one process", [*inside, str(days)], days=days, folder=folder),
            measured("a process a step, one run", command(0, days - 1), days=days, folder=folder),
            measured("a process a step, one day", command(0, 0), days=1, folder=folder),
        ]
        Console(width=140).print(show(costs, days))
    return 0


if __name__ == "__main__":
    sys.exit(main())
