"""A cancelled run leaves no half-written table, no process and no taken place in a pool; and a pool holds one step."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import psutil
import pytest

from parlance.lake import Lake
from tests.orchestration.failing_lane import Failing, tickets

ROOT = Path(__file__).parents[2]
DAY = "2026-10-05"
# The task of the training process: one that waits, in place of the engine's, which take minutes.
WAITING = """
import sys, time, types
from pathlib import Path

def wait(spec, progress):
    Path(spec["home"], "training goes on").touch()
    time.sleep(600)

sys.modules["resources.training_tasks"] = types.SimpleNamespace(TASKS={"wait": wait})
"""


class Desk:
    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "dagster").mkdir()
        (home / "site").mkdir()
        (home / "dagster" / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
        (home / "site" / "sitecustomize.py").write_text(WAITING)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PARLANCE", "DAGSTER"))},
            "DESK": str(home), "DAGSTER_HOME": str(home / "dagster"), "PYTHONPATH": f"{ROOT}:{home / 'site'}",
        }  # fmt: skip

    def start(self, job: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "tests.orchestration.cancelled", "-j", job]
        with (self.home / f"{job}.log").open("wb") as log:
            return subprocess.Popen([*command, *options], cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("DESK") == str(self.home):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def wait_for(self, *names: str, limit_s: float = 240) -> None:
        until = time.monotonic() + limit_s
        while not all((self.home / name).exists() for name in names):
            assert time.monotonic() < until, (self.home / "long.log").read_text()
            time.sleep(0.1)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_cancelled_run_leaves_a_clean_state(desk: Desk) -> None:
    lane = tickets(Failing(folder=str(desk.home)), first=DAY, days=[DAY])
    table = Lake(root=str(desk.home / "lake")).table("tickets/raw")
    table.replace(lane.source.raw(Lake(root=str(desk.home / "lake")), [DAY], first=DAY), [DAY])
    before, files = table.version(), sorted((desk.home / "lake").rglob("*.parquet"))
    (desk.home / "slow").touch()
    process = desk.start("long", "--tags", f'{{"dagster/partition": "{DAY}"}}')
    desk.wait_for("raw is written to", "training goes on")
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=120)
    _, alive = psutil.wait_procs(desk.processes(), timeout=60)
    assert alive == []
    assert table.version() == before
    assert sorted((desk.home / "lake").rglob("*.parquet")) == files
    assert table.scan([DAY]).collect().height == 1
    assert not list((desk.home / "checkpoints").rglob("*"))
    with dg.DagsterInstance.from_config(str(desk.home / "dagster")) as instance:
        (run,) = instance.get_runs()
        assert run.status in (dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE)
        kinds = [event.dagster_event.event_type_value for event in instance.all_logs(run.run_id) if event.dagster_event]
        assert "STEP_UP_FOR_RETRY" not in kinds
        for pool in ("tickets_source", "accelerator"):
            assert instance.event_log_storage.get_concurrency_info(pool).active_slot_count == 0


def test_steps_of_one_pool_do_not_overlap(desk: Desk) -> None:
    assert desk.start("pooled").wait(timeout=240) == 0, (desk.home / "pooled.log").read_text()
    times = {
        name: float((desk.home / name).read_text())
        for name in ("first begin", "first end", "second begin", "second end")
    }
    assert times["first end"] <= times["second begin"] or times["second end"] <= times["first begin"]
