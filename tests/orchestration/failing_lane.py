"""A lane whose source fails as a test says, and Dagster's own jobs over it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from dagster._core.storage.dagster_run import DagsterRun

from assets import boundary
from assets.lanes import Lane, lane_assets
from orchestration.catching_up import tables_of
from parlance.errors import ConfigError, SchemaError, TransientError
from parlance.lake import Lake
from parlance.sources import dumps
from resources.lake import LakeResource
from resources.sources import Source

KINDS: dict[str, type[Exception]] = {
    one.__name__: one for one in (ConfigError, SchemaError, TransientError, ValueError)
}


class Failing(Source):
    """Tickets, one for each day. `folder` says which days fail, and is told which were asked for."""

    folder: str

    def fail(self, day: str, error: Exception | None) -> None:
        """From now on the day fails with `error`; null: it no longer does."""
        path = Path(self.folder, f"{day}.error")
        path.unlink(missing_ok=True)
        if error is not None:
            path.write_text(json.dumps([type(error).__name__, str(error)]), encoding="utf-8")

    def asked(self) -> list[list[str]]:
        """The days of each attempt."""
        lines = Path(self.folder, "asked").read_text(encoding="utf-8").splitlines()
        return [line.split() for line in lines]

    def raw(self, lake: Lake, partitions: Sequence[str], *, first: str) -> Iterator[pa.RecordBatch]:
        with Path(self.folder, "asked").open("a", encoding="utf-8") as file:
            file.write(" ".join(partitions) + "\n")
        for day in partitions:
            if (path := Path(self.folder, f"{day}.error")).exists():
                kind, said = json.loads(path.read_text(encoding="utf-8"))
                raise KINDS[kind](said)
            tickets = Path(self.folder, f"{day}.jsonl")
            tickets.write_text(json.dumps({"id": day, "text": "The probe reads zero."}) + "\n", encoding="utf-8")
            yield from dumps.raw(str(tickets), partition=day, source="tickets")

    def documents(self, batches: Iterable[pa.RecordBatch]) -> Any:
        yield from dumps.documents(batches)


def tickets(source: Failing, *, first: str, days: Sequence[str]) -> Lane:
    """The lane; `days` are those with input."""
    return Lane(
        name="tickets",
        title="the support desk",
        partitions=dg.DailyPartitionsDefinition(start_date=first),
        recipe="web",
        modules=("sources.dumps",),
        source=source,
        inputs=lambda: list(days),
    )


def definitions(
    lane: Lane, lake: Path, *more: dg.AssetsDefinition, checks: Sequence[dg.AssetChecksDefinition] = ()
) -> dg.Definitions:
    """The first two steps of the lane and a job over them, as a lane's job is named; with `more` beside them."""
    steps = [asset for asset in lane_assets(lane) if {lane.key("raw"), lane.key("documents")} & asset.keys]
    chosen = dg.AssetSelection.assets(*(key for step in steps for key in step.keys))
    return dg.Definitions(
        assets=[*steps, *more],
        asset_checks=checks,
        jobs=[dg.define_asset_job(f"{lane.name}_lane", chosen)],
        resources={"lake": LakeResource(root=str(lake)), lane.name: lane.source},
    )


def run(
    lane: Lane, lake: Path, instance: dg.DagsterInstance, *, tags: dict[str, str] | None = None, **more: Any
) -> DagsterRun:
    """Runs the lane's job without waits between attempts; gives the run, whether it failed or not."""
    job = definitions(lane, lake).resolve_job_def(f"{lane.name}_lane")
    waits = boundary.TRANSIENT, boundary.CRASHED
    boundary.TRANSIENT, boundary.CRASHED = (dg.RetryPolicy(max_retries=one.max_retries, delay=0) for one in waits)
    try:
        result = job.execute_in_process(instance=instance, raise_on_error=False, tags=tags, **more)
    finally:
        boundary.TRANSIENT, boundary.CRASHED = waits
    found = instance.get_run_by_id(result.run_id)
    assert found is not None
    return found


def made(lane: Lane, instance: dg.DagsterInstance, *days: str) -> None:
    """Says of the days that every table of the lane was made."""
    for day in days:
        for table in tables_of(lane):
            instance.report_runless_asset_event(dg.AssetMaterialization(lane.key(table), partition=day))
