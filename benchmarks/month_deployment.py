"""A deployment of the project for the simulated month: code server and daemon, by a clock, watched and never helped."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import psutil
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.scheduler.instigation import InstigatorState, ScheduleInstigatorData, SensorInstigatorData
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from dagster._utils.schedules import cron_string_iterator

from benchmarks.month_clock import Clock
from orchestration.instance import DATABASE, instance_yaml

ROOT = Path(__file__).parents[1]
NOT_OURS = ("PARLANCE", "SLACK", "AWS", "DAGSTER")
WAITING = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, *IN_PROGRESS_RUN_STATUSES)
BACKFILLING = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING]
ROUND_S = 61  # longer than the interval of the sensors that look often
POLL_S, PATIENCE_S = 0.5, 3600.0
HEARTBEAT_TOLERANCE_S = 40 * 86_400  # a step of the clock is no thread that hangs


class StuckError(Exception):
    """Something that should happen by itself did not, for a long time."""


@dataclass
class Deployment:
    """The project in a home of its own. `settings` are environment variables beside those of the home.

    With `database_url` the instance is kept in that PostgreSQL.
    """

    home: Path
    clock: Clock
    settings: dict[str, str]
    database_url: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    cpu_s: dict[tuple[int, float], float] = field(default_factory=dict)

    @property
    def lake(self) -> str:
        return self.settings.get("PARLANCE_LAKE") or str(self.home / "lake")

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        own = {
            "PARLANCE_HOME": str(self.home),
            "DAGSTER_HOME": str(self.home / "dagster"),
            "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE": str(HEARTBEAT_TOLERANCE_S),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
        return inherited | own | {DATABASE: self.database_url} | self.clock.environment() | self.settings

    def prepare(self) -> None:
        """A home with the project's own settings of Dagster."""
        (self.home / "dagster").mkdir(parents=True, exist_ok=True)
        own = (ROOT / "dagster.yaml").read_text(encoding="utf-8")
        (self.home / "dagster" / "dagster.yaml").write_text(instance_yaml(own, {DATABASE: self.database_url}))

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """The instance, to look at: opened in this process, which lives by the real clock."""
        os.environ[DATABASE] = self.database_url
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            yield instance

    def python(self, *arguments: str, log: str) -> int:
        """Runs a module of the project to its end; what it says goes to `<home>/log/<log>`."""
        with self._log(log) as file:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments], cwd=ROOT, env=self.environment, stdout=file, stderr=file
            )
            with self.measured([process]):
                return process.wait()

    def check(self, *arguments: str, log: str) -> None:
        """As `python`; raises StuckError where it fails."""
        if code := self.python(*arguments, log=log):
            raise StuckError(f"{' '.join(arguments)} ended with {code}; see {self.home / 'log' / log}.log")

    def materialize(self, names: Sequence[str], partitions: Sequence[str] = (), *, log: str) -> None:
        """Makes assets by the command line, all partitions from the first to the last in one range."""
        selected = " or ".join(f'key:"{name}"' for name in names)
        arguments = ["dagster", "asset", "materialize", "-m", "orchestration.definitions", "--select", selected]
        span = ["--partition-range", f"{partitions[0]}...{partitions[-1]}"] if partitions else []
        self.check(*arguments, *span, log=log)

    def start(self) -> None:
        """Code server and daemon, as separate services."""
        port = _free_port()
        workspace = self.home / "workspace.yaml"
        server = f"{{host: 127.0.0.1, port: {port}, location_name: parlance}}"
        workspace.write_text(f"load_from:\n  - grpc_server: {server}\n")
        code = ["dagster", "api", "grpc", "--module-name", "orchestration.definitions", "--host", "127.0.0.1"]
        code += ["--port", str(port), "--location-name", "parlance", "--use-python-environment-entry-point"]
        self._run(code, "code-server")
        _wait_for_port(port)
        daemon = ["dagster._daemon", "run", "--workspace", str(workspace), "--log-format", "json"]
        self._run(daemon, "daemon", PARLANCE_MONTH_IMPATIENT="1")

    def turn_on(self, *, but: Sequence[str] = ()) -> None:
        """Turns on every schedule and sensor there is, as somebody does once, and those schedules off again."""
        workspace = str(self.home / "workspace.yaml")
        for kind in ("schedule", "sensor"):
            self.check("dagster", kind, "start", "--start-all", "-w", workspace, log=f"{kind}s-turned-on")
        for schedule in but:
            self.check("dagster", "schedule", "stop", schedule, "-w", workspace, log="schedules-turned-off")

    def stop(self) -> None:
        """Ends the services in order; runs that are going on end with them."""
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT if process is self.processes[-1] else signal.SIGTERM)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def run_workers(self) -> list[psutil.Process]:
        """The processes in which runs are executed: children of the code server with children of their own."""
        if not self.processes:
            return []
        found = []
        for child in psutil.Process(self.processes[0].pid).children():
            with suppress(psutil.Error):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def is_running(self) -> bool:
        return bool(self.processes) and all(process.poll() is None for process in self.processes)

    @contextmanager
    def measured(self, processes: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
        """Notes the CPU time of the processes and all below them, four times a second, as long as the block lasts."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.25):
                for process in processes:
                    self._note(process.pid)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def cpu_seconds(self) -> float:
        """CPU seconds noted so far, less the last quarter second of each process."""
        return sum(self.cpu_s.values())

    def _note(self, pid: int) -> None:
        with suppress(psutil.Error):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    self.cpu_s[process.pid, process.create_time()] = times.user + times.system

    def _run(self, arguments: list[str], log: str, **more: str) -> None:
        with self._log(log) as file:
            command, environment = [sys.executable, "-m", *arguments], self.environment | more
            self.processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file))

    @contextmanager
    def _log(self, name: str) -> Iterator[int]:
        folder = self.home / "log"
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            yield file
        finally:
            os.close(file)


@dataclass
class Watcher:
    """Steps the clock and waits until everything that was due has happened by itself."""

    deployment: Deployment
    instance: dg.DagsterInstance

    def step_to(self, time: float, *, while_running: Sequence[Callable[[], object]] = ()) -> None:
        """Steps, waits for the schedules' ticks and until no run is left; `while_running` is done while one goes on."""
        clock = self.deployment.clock
        clock.set(max(time, clock.now() + 1))
        self._wait("schedules to tick", lambda: not self._late_schedules())
        started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
        for act in while_running:
            self._wait("a run to start", lambda: self.instance.get_runs_count(started) > 0)
            act()
        self._wait("runs to end", self.is_idle)

    def rest(self, *, before: Callable[[], bool]) -> None:
        """Lets every sensor look until none finds anything to do and `before`, done before each look, changes nothing.

        They look twice at least: some take what is the same on two looks.
        """
        quiet = 0
        while quiet < 2:
            is_changed = before()
            quiet = 0 if self._round() or is_changed else quiet + 1

    def _round(self) -> bool:
        """One look of every sensor at what is new; whether it made runs, which have ended."""
        before, mark = self._runs(), self.deployment.clock.step(ROUND_S)
        self._wait("sensors to look", lambda: not self._late_sensors(mark))
        self._wait("runs to end", self.is_idle)
        return self._runs() > before

    def is_idle(self) -> bool:
        """Whether no run waits or goes on, and no backfill."""
        runs = self.instance.get_runs_count(dg.RunsFilter(statuses=list(WAITING)))
        return not runs and not self.instance.get_backfills_count(BulkActionsFilter(statuses=BACKFILLING))

    def states(self, kind: InstigatorType) -> list[InstigatorState]:
        """The schedules or sensors that are on."""
        return [one for one in self.instance.all_instigator_state() if one.instigator_type == kind and one.is_running]

    def _runs(self) -> int:
        return self.instance.get_runs_count()

    def _late_schedules(self) -> list[str]:
        """Schedules whose last time has passed without a tick."""
        now, late = self.deployment.clock.now(), []
        for state in self.states(InstigatorType.SCHEDULE):
            data = state.instigator_data
            if isinstance(data, ScheduleInstigatorData) and data.start_timestamp is not None:
                ticks = self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
                since = max(ticks[0].timestamp if ticks else 0.0, data.start_timestamp)
                crons = [data.cron_schedule] if isinstance(data.cron_schedule, str) else data.cron_schedule
                due = min(next(cron_string_iterator(since + 1, cron, "UTC")).timestamp() for cron in crons)
                if due <= now or (ticks and ticks[0].status.value == "STARTED"):
                    late.append(state.instigator_name)
        return late

    def _late_sensors(self, mark: float) -> list[str]:
        """Sensors that have not looked since `mark`, of those that look at least once in a round."""
        late = []
        for state in self.states(InstigatorType.SENSOR):
            data = state.instigator_data
            if isinstance(data, SensorInstigatorData) and (data.min_interval or 30) <= ROUND_S:
                looked = min(data.last_tick_start_timestamp or 0, data.last_tick_success_timestamp or 0)
                # Of the sensor of automation conditions only the ticks say when it looked.
                ticks = self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
                ended = max([looked, *(tick.timestamp for tick in ticks if tick.status.value != "STARTED")])
                late += [state.instigator_name] if ended < mark else []
        return late

    def _wait(self, what: str, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not is_so():
            if not self.deployment.is_running():
                raise StuckError(f"a service ended while waiting for {what}; see {self.deployment.home}/log")
            if time.monotonic() > until:
                raise StuckError(f"waited {PATIENCE_S:.0f} s for {what}")
            time.sleep(POLL_S)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for_port(port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(POLL_S)
    raise StuckError(f"the code server did not open port {port}")
