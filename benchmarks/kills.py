"""Random processes killed at random moments: `python -m benchmarks.kills [--rounds 50] [--seed 1] [--work lane ...]`.

Each round starts real work on four days of the sample in a home of its own: a command that materialises a lane, the
daemon with the same lane's run in its queue, fine-tuning, drafts, embeddings. One of its processes, drawn at random,
gets SIGKILL at a random moment of the time that the work takes undisturbed; now and then all of them do, as by a power
cut, or the work is killed a second time. What is still alive then goes on, and the same is started again until it says
that it is done. Then nothing may be missing: every partition that was asked for is materialised, every table can be
read and has exactly the rows of an undisturbed run, and a model has the same weights, bit for bit. `--round N` repeats
one round of a seed.

A home that `make run CONFIG=recipes/quick.yaml PARLANCE_SPEECH_ACTS=light` made can be given by `--template`, else one
is made, in some minutes.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.kill_work import ROOT, WORKS, Work, difference, environment, make_template, new_home, queue_a_run

SHARES = {"lane": 5, "daemon": 3, "training": 4, "inference": 4, "embedding": 4}
LIMIT_S = 900.0
STARTS = 6
KILLS = 2


@dataclass
class Outcome:
    """One round: what was killed and when, how often it was started, and what was wrong at its end."""

    number: int
    work: str
    killed: list[str] = field(default_factory=list)
    starts: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    left: int = 0


class Home:
    """One home and the processes that were started for it, whoever their parents are now."""

    def __init__(self, folder: Path, work: Work) -> None:
        self.folder, self.work = folder, work
        self.log = folder / "output.log"

    def start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            if not self.work.queued:  # as `make` does
                command = [sys.executable, "-m", "orchestration.lost_runs"]
                subprocess.run(command, cwd=ROOT, env=environment(self.folder), stdout=log, stderr=log, check=True)
            return subprocess.Popen(self.work.command(), cwd=ROOT, env=environment(self.folder), stdout=log, stderr=log)

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("PARLANCE_HOME") == str(self.folder):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def succeeded(self) -> bool:
        """Whether a run of the queue ended well."""
        with dg.DagsterInstance.from_config(str(self.folder / "dagster")) as instance:
            return any(run.status is dg.DagsterRunStatus.SUCCESS for run in instance.get_runs())

    def end(self) -> None:
        """Lets what was left alone finish; the daemon, which never does, is told to."""
        if self.work.queued:
            for process in self.processes():
                _signalled(process, signal.SIGTERM)
        _, alive = psutil.wait_procs(self.processes(), timeout=90)
        for process in alive:
            _signalled(process, signal.SIGKILL)


def _signalled(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def run(home: Home, outcome: Outcome, moments: Sequence[float], chance: random.Random) -> None:
    """Starts the work until it is done; at each of `moments`, in seconds after a start, something is killed."""
    until = time.monotonic() + LIMIT_S
    waiting = list(moments)
    while outcome.starts < STARTS and time.monotonic() < until:
        process = home.start()
        outcome.starts += 1
        moment = time.monotonic() + waiting.pop(0) if waiting else None
        while time.monotonic() < until:
            if moment is not None and time.monotonic() >= moment:
                outcome.killed.append(kill(home, chance))
                moment = None
            code = process.poll()
            if code == 0 or (home.work.queued and home.succeeded()):
                return
            if code is not None:
                break
            time.sleep(1.0 if home.work.queued and moment is None else 0.05)
    outcome.wrong.append(f"not done after {outcome.starts} starts, {LIMIT_S:.0f} s at most")


def kill(home: Home, chance: random.Random) -> str:
    """Kills one process of the home, or all; says which."""
    processes = sorted(home.processes(), key=lambda process: process.pid)
    everything = chance.random() < 0.15
    chosen = processes if everything else [chance.choice(processes)] if processes else []
    names = [_name(process) for process in chosen]
    for process in chosen:
        _signalled(process, signal.SIGKILL)
    return f"all {len(chosen)}" if everything else (names[0] if names else "nothing was left")


def _name(process: psutil.Process) -> str:
    """What a process is for, by its command line."""
    known = {
        "resources.training": "training process",
        "resource_tracker": "resource tracker",
        "watch_orphans": "watcher of orphans",
        "forkserver": "fork server or step",
        "dagster._daemon": "daemon",
        "grpc": "code server",
        "spawn_main": "run worker",
        "asset materialize": "command",
    }
    try:
        line = " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return "one that had just ended"
    return next((name for part, name in known.items() if part in line), line[-40:])


def one_round(
    number: int, *, seed: int, works: Sequence[Work], template: Path, undisturbed: dict[str, float], root: Path
) -> Outcome:
    chance = random.Random(f"{seed}-{number}")
    work = chance.choices(works, weights=[SHARES[work.name] for work in works])[0]
    folder = root / f"round-{number}"
    new_home(template, folder, work)
    home, outcome = Home(folder, work), Outcome(number=number, work=work.name)
    if work.queued:
        queue_a_run(folder)
    kills = 1 + (chance.random() < 0.3) if not work.queued else 1
    moments = [chance.uniform(0.05, 0.95) * undisturbed[work.name] for _ in range(min(kills, KILLS))]
    started = time.monotonic()
    try:
        run(home, outcome, moments, chance)
    finally:
        home.end()
    outcome.seconds = time.monotonic() - started
    if not outcome.wrong:
        outcome.wrong = difference(work, folder, root / work.name)
    outcome.left = len(list((folder / "lake").rglob(".publish-*")))
    if not outcome.wrong:
        shutil.rmtree(folder)
    return outcome


def undisturbed_runs(works: Sequence[Work], template: Path, root: Path) -> dict[str, float]:
    """Seconds that each work takes when nothing is killed; its home stays, to be compared with."""
    seconds = {}
    for work in works:
        new_home(template, root / work.name, work)
        home, outcome = Home(root / work.name, work), Outcome(number=0, work=work.name)
        if work.queued:
            queue_a_run(root / work.name)
        started = time.monotonic()
        run(home, outcome, [], random.Random(0))
        seconds[work.name] = time.monotonic() - started
        home.end()
        if outcome.wrong or difference(work, root / work.name, root / work.name):
            raise SystemExit(f"{work.name} failed undisturbed; see {home.log}")
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description="Kills processes and compares what is there afterwards.")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--round", type=int, help="this one round only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", nargs="*", choices=[work.name for work in WORKS], help="these only")
    parser.add_argument("--template", type=Path, help="a home in which the quick recipe ran")
    options = parser.parse_args()
    works = [work for work in WORKS if not options.work or work.name in options.work]
    console = Console(width=150)
    root = Path(tempfile.mkdtemp(prefix="parlance-kills-"))
    template = options.template or root / "template"
    if not options.template:
        make_template(template)
    undisturbed = undisturbed_runs(works, template, root)
    console.print(f"seed {options.seed}; undisturbed:", {name: f"{value:.0f} s" for name, value in undisturbed.items()})
    numbers = range(1, options.rounds + 1) if options.round is None else [options.round]
    outcomes = []
    for number in numbers:
        outcomes.append(
            one_round(number, seed=options.seed, works=works, template=template, undisturbed=undisturbed, root=root)
        )
        _say(console, outcomes[-1])
    return _summed(console, outcomes, root)


def _say(console: Console, outcome: Outcome) -> None:
    said = "; ".join(outcome.wrong) or "as undisturbed"
    killed = ", ".join(outcome.killed) or "nothing, it was faster"
    console.print(
        f"{outcome.number:>3} {outcome.work:<10} killed: {killed}; {outcome.starts} starts, {outcome.seconds:.0f} s;"
        f" {said}" + (f"; {outcome.left} scratch folders left" if outcome.left else ""),
        highlight=False,
    )


def _summed(console: Console, outcomes: Sequence[Outcome], root: Path) -> int:
    grid = Table("work", "rounds", "kills", "started again", "wrong", title="Kills")
    rounds = Counter(outcome.work for outcome in outcomes)
    for name in rounds:
        ours = [outcome for outcome in outcomes if outcome.work == name]
        kills, again = sum(len(each.killed) for each in ours), sum(each.starts - 1 for each in ours)
        grid.add_row(name, str(len(ours)), str(kills), str(again), str(sum(bool(each.wrong) for each in ours)))
    console.print(grid)
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    if wrong:
        console.print(f"what went wrong is in {root}")
        return 1
    shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
