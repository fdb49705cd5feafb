"""A workspace of its own for each end-to-end test; that in which the main job ran is in `tests/conftest.py`."""

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import psutil
import pytest

from parlance.lake import LANE_TABLES, TABLES, Lake

ROOT = Path(__file__).parent.parent.parent
NOT_OURS = ("PARLANCE", "SLACK", "AWS", "DAGSTER")
# What `make run CONFIG=recipes/quick.yaml` calls.
QUICK_RUN = ("orchestration", "--config", "recipes/quick.yaml")


@dataclass(frozen=True)
class Workspace:
    """A home of its own: a Dagster instance and a lake."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        # The light classifier trains in seconds; the network has its own tests.
        own = {"PARLANCE_HOME": str(self.home), "PARLANCE_SPEECH_ACTS": "light"}
        return inherited | own | {"DAGSTER_HOME": str(self.home / "dagster")}

    @property
    def lake(self) -> Lake:
        return Lake(root=str(self.home / "lake"))

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a module of the project in this workspace."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def rows(self, name: str) -> pl.DataFrame:
        """All rows of a table in an order that does not depend on files."""
        frame = self.lake.table(name).scan().collect()
        return frame.sort(
            [column for column in frame.columns if frame.schema[column] == pl.String], maintain_order=True
        )

    def tables(self) -> dict[str, pl.DataFrame]:
        names = [f"{lane}/{table}" for lane in ("slack", "crawl", "dump") for table in LANE_TABLES] + list(TABLES)
        return {name: self.rows(name) for name in names}

    def crawled(self) -> set[str]:
        """The days whose crawl is on disk: after midnight, UTC, the same command makes one more."""
        return {path.name for path in (self.home / "crawls").iterdir() if path.is_dir()}

    def processes(self, *, command: str = "") -> list[psutil.Process]:
        """Processes that were started for this workspace and still live, with `command` in their command line."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # it may end at any time
                is_ours = process.environ().get("PARLANCE_HOME") == str(self.home)
                if is_ours and command in " ".join(process.cmdline()):
                    found.append(process)
        return found


def new_workspace(home: Path) -> Workspace:
    (home / "dagster").mkdir(parents=True)
    settings = (ROOT / "dagster.yaml").read_text(encoding="utf-8")
    (home / "dagster" / "dagster.yaml").write_text(settings, encoding="utf-8")
    return Workspace(home)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return new_workspace(tmp_path / "home")
