"""A lane of support tickets by day, whose steps run alone."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import dagster as dg
import pyarrow as pa

from assets.lane_checks import lane_checks
from assets.lanes import Lane, lane_assets
from assets.references import references
from parlance.lake import Lake
from parlance.sources import dumps
from resources.lake import LakeResource
from resources.references import NamedReferences
from resources.sources import Source

DAYS = ["2026-11-02", "2026-11-03", "2026-11-04"]
RANGE = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[-1]}


class Tickets(Source):
    folder: str

    def raw(self, lake: Lake, partitions: Sequence[str], *, first: str) -> Iterator[pa.RecordBatch]:
        for day in partitions:
            yield from dumps.raw(f"{self.folder}/{day}.jsonl", partition=day, source="tickets")

    def documents(self, batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
        yield from dumps.documents(batches)


def lane(folder: Path) -> Lane:
    return Lane(
        name="tickets",
        title="the support desk",
        partitions=dg.DailyPartitionsDefinition(start_date=DAYS[0], end_date="2026-11-05"),
        recipe="slack",
        modules=("sources.dumps",),
        source=Tickets(folder=str(folder)),
        inputs=lambda: DAYS,
    )


def run(made: Lane, table: str, lake: LakeResource) -> dg.ExecuteInProcessResult:
    """Materialises `table` for all days, with what is made beside it, its checks, and an asset that comes after it."""
    (step,) = [asset for asset in lane_assets(made) if made.key(table) in asset.keys]

    @dg.asset(deps=[made.key(table)], partitions_def=made.partitions, backfill_policy=dg.BackfillPolicy.single_run())
    def after() -> None:
        return

    return dg.materialize(
        [step, after, *lane_checks(made)],
        selection=dg.AssetSelection.assets(*step.keys, after.key),
        resources={"lake": lake, "tickets": made.source},
        tags=RANGE,
        raise_on_error=False,
    )


def fill(home: Path) -> None:
    """Tickets, and a lake with every step of three days, each of which has rows kept, dropped and rejected."""
    for day in DAYS:
        texts = ["The probe reads zero.", "It reads zero again today.", "ok", "no"]
        rows = [json.dumps({"id": f"{day}/{number}", "text": text}) for number, text in enumerate(texts)]
        (home / f"{day}.jsonl").write_text("\n".join([*rows, "not JSON", "nor this"]), encoding="utf-8")
    (home / "references.yaml").write_text("{}", encoding="utf-8")  # nothing is kept out
    lake = LakeResource(root=str(home / "lake"))
    named = NamedReferences(path=str(home / "references.yaml"))
    assert dg.materialize([references], resources={"lake": lake, "references": named}).success
    for table in ("raw", "documents", "signals", "kept"):
        result = run(lane(home), table, lake)
        assert result.success
        assert result.asset_materializations_for_node("after")
        assert all(evaluation.passed for evaluation in result.get_asset_check_evaluations())
    opened = lake.open()
    counts = [opened.table(f"tickets/{table}").scan().collect().height for table in ("rejected", "kept", "dropped")]
    assert counts == [6, 6, 6]
