"""Two long steps for a test that cancels their run: one writes a table, one waits for its training process."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pyarrow as pa

from assets.boundary import no_useless_retries
from assets.lanes import lane_assets
from parlance.lake import Lake
from resources.lake import LakeResource
from resources.training import TrainingProcess
from tests.orchestration.failing_lane import Failing, tickets

HOME = Path(os.environ.get("DESK", "."))  # not set where doctests are looked for
DAY = "2026-10-05"


class Slow(Failing):
    """Gives its rows, then waits if it is told to."""

    def raw(self, lake: Lake, partitions: Sequence[str], *, first: str) -> Iterator[pa.RecordBatch]:
        yield from super().raw(lake, partitions, first=first)
        if Path(self.folder, "slow").exists():
            Path(self.folder, "raw is written to").touch()
            time.sleep(600)


LANE = tickets(Slow(folder=str(HOME)), first=DAY, days=[DAY])


@dg.asset(pool="accelerator")
@no_useless_retries
def trained(context: dg.AssetExecutionContext, training: TrainingProcess) -> None:
    """Its task is not the engine's: see `sitecustomize` in the test."""
    if Path(HOME, "slow").exists():
        training.run(context, "wait", {"home": str(HOME)})


(RAW,) = (asset for asset in lane_assets(LANE) if LANE.key("raw") in asset.keys)


@dg.asset(pool="accelerator")
def also_on_the_accelerator() -> None:
    for name in ("begin", "end"):
        Path(HOME, f"second {name}").write_text(str(time.time()), encoding="utf-8")


@dg.asset(pool="accelerator")
def on_the_accelerator() -> None:
    Path(HOME, "first begin").write_text(str(time.time()), encoding="utf-8")
    time.sleep(2)
    Path(HOME, "first end").write_text(str(time.time()), encoding="utf-8")


defs = dg.Definitions(
    assets=[RAW, trained, on_the_accelerator, also_on_the_accelerator],
    jobs=[
        dg.define_asset_job("long", dg.AssetSelection.assets(LANE.key("raw"), trained.key)),
        dg.define_asset_job("pooled", dg.AssetSelection.assets(on_the_accelerator.key, also_on_the_accelerator.key)),
    ],
    executor=dg.multiprocess_executor.configured(
        {"max_concurrent": 2, "start_method": {"forkserver": {"preload_modules": ["dagster"]}}}
    ),
    resources={
        "lake": LakeResource(root=str(HOME / "lake")),
        "tickets": LANE.source,
        "training": TrainingProcess(checkpoints=str(HOME / "checkpoints")),
    },
)
