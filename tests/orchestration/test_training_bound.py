"""Fine-tuning starts beyond the bound and not at it; what was withdrawn always counts; a gate holds it back."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.instruct import EXAMPLES
from orchestration import automation
from orchestration.automation import due
from orchestration.definitions import defs
from parlance.lake import Lake
from parlance.remains import Words, erase
from parlance.storage.tables import empty_frame

BASE = dg.AssetKey(["models", "base_model"])
GATES = (
    "every_kept_document_is_accounted_for",
    "nothing_is_on_two_sides",
    "rows_keep_their_contract",
    "rights_allow_training",
    "there_are_enough_examples",
)


def filled(lake: Lake, name: str, rows: pl.DataFrame) -> None:
    """Writes rows with the columns that matter here; the others hold nothing."""
    table = lake.table(name)
    schema = empty_frame(table.schema).schema
    nothing = {pl.String: "", pl.List: [], pl.Boolean: False, pl.Datetime: None, pl.Struct: None}
    columns = {
        column: pl.lit(nothing.get(kind.base_type(), 0), dtype=kind)
        for column, kind in schema.items()
        if column not in rows.columns
    }
    frame = rows.with_columns(**columns).select(schema.names())
    table.replace(frame.to_arrow().to_batches(), ["p"] if "partition" in schema else None)


class Workspace:
    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.lake, self.instance = Lake(root=str(folder / "lake")), instance

    def examples(self, texts: dict[str, str]) -> None:
        """Examples by id, each of the document and the message of its id."""
        chats = [[{"role": "user", "content": text}] for text in texts.values()]
        messages = pl.Series(chats, dtype=empty_frame(self.lake.table("instruct/examples").schema).schema["messages"])
        ids = {"id": list(texts), "document_id": list(texts), "raw_ids": [[id] for id in texts]}
        rows = pl.DataFrame(ids).with_columns(source=pl.lit("dump"), messages=messages)
        filled(self.lake, "instruct/examples", rows)
        version = self.lake.table("instruct/examples").version()
        self.made(EXAMPLES, str(version), table_version=version)

    def documents(self, ids: list[str]) -> None:
        rows = pl.DataFrame({"id": ids, "raw_ids": [[id] for id in ids], "partition": "p"})
        filled(self.lake, "dump/documents", rows)

    def made(self, key: dg.AssetKey, version: str, **metadata: object) -> None:
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(key, metadata=metadata, tags={"dagster/data_version": version})  # type: ignore[arg-type]
        )

    def trained(self) -> None:
        """What a run of the model's asset records, by Dagster itself."""

        @dg.asset(key=EXAMPLES)
        def examples() -> None: ...

        @dg.asset(key=BASE)
        def base() -> None: ...

        @dg.asset(key=automation.TUNED, deps=[EXAMPLES, BASE])
        def tuned() -> None: ...

        assets = [examples, base, tuned]
        assert dg.materialize(assets, selection=[tuned], instance=self.instance).success

    def due(self, share: float = 0.05) -> str:
        return due(self.instance, self.lake, share=share)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with dg.DagsterInstance.ephemeral() as instance:
        found = Workspace(tmp_path, instance)
        found.made(BASE, "1")
        found.documents([str(number) for number in range(200)])
        found.examples(SAME)
        found.trained()
        yield found


SAME = {str(number): "a" for number in range(100)}


def test_both_sides_of_the_bound(workspace: Workspace) -> None:
    assert workspace.due() == ""
    workspace.examples(SAME | {str(number): "a" for number in range(100, 105)})
    assert workspace.due() == ""
    workspace.examples(SAME | {str(number): "a" for number in range(100, 106)})
    assert workspace.due() == "6 examples are new, 0 changed, 0 gone, of 100"
    workspace.examples({**SAME, "0": "b", "1": "b", "100": "a"} | {})
    assert workspace.due() == ""
    assert workspace.due(share=0.02) == "1 examples are new, 2 changed, 0 gone, of 100"
    workspace.trained()
    assert workspace.due(share=0.0) == ""


def test_what_was_withdrawn_counts_whatever_the_bound(workspace: Workspace) -> None:
    fewer = {id: text for id, text in SAME.items() if id != "7"}
    workspace.examples(fewer)
    assert workspace.due() == ""  # its document is there, it only became no example
    workspace.examples(fewer | {"100": "b"})
    workspace.documents([str(number) for number in range(200) if number != 7])
    assert workspace.due() == "1 examples were withdrawn"


def test_erased_examples_are_a_reason(workspace: Workspace) -> None:
    workspace.examples({**SAME, "7": "what Ada said"})
    workspace.trained()
    workspace.examples({**SAME, "7": "what was left out"})
    assert erase(workspace.lake, Words(["Ada"]), written_before=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)) == 1
    assert workspace.due() == "examples that it was trained on were erased: of version 2 of instruct/examples"
    workspace.trained()
    assert workspace.due() == ""


def test_another_base_is_a_reason(workspace: Workspace) -> None:
    workspace.made(BASE, "1")
    assert workspace.due() == ""
    workspace.made(BASE, "2")
    assert workspace.due() == "models/base_model is another"


@pytest.mark.parametrize(("more", "passed", "requested"), [(5, True, 0), (6, True, 1), (6, False, 0), (6, None, 0)])
def test_the_condition_of_the_code_location(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, more: int, passed: bool | None, requested: int
) -> None:
    """Beyond the bound and with every gate passed; a gate that never ran (null) holds it back too."""
    monkeypatch.setenv("PARLANCE_LAKE", workspace.lake.root)
    definitions, chosen = defs(), dg.AssetSelection.assets(automation.TUNED)
    instance = workspace.instance
    tick = dg.evaluate_automation_conditions(definitions, instance, asset_selection=chosen)
    workspace.examples(SAME | {str(number): "a" for number in range(100, 100 + more)})
    for name in GATES if passed is not None else GATES[1:]:
        said = dg.AssetCheckEvaluation(asset_key=EXAMPLES, check_name=name, passed=passed is not False, blocking=True)
        instance.report_runless_asset_event(said)
    tick = dg.evaluate_automation_conditions(definitions, instance, asset_selection=chosen, cursor=tick.cursor)
    assert tick.total_requested == requested


def test_the_sensor_asks_for_the_training(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the daemon has the code location evaluate it, since the condition reads the lake."""
    monkeypatch.setenv("PARLANCE_LAKE", workspace.lake.root)
    definitions, cursor = defs(), None
    sensor = definitions.resolve_sensor_def("automation")
    asked: list[dg.AssetKey] = []
    for more in (0, 6):
        workspace.examples(SAME | {str(number): "a" for number in range(100, 100 + more)})
        for name in GATES:
            said = dg.AssetCheckEvaluation(asset_key=EXAMPLES, check_name=name, passed=True, blocking=True)
            workspace.instance.report_runless_asset_event(said)
        for _ in range(2):
            repository = definitions.get_repository_def()
            with dg.build_sensor_context(
                instance=workspace.instance, cursor=cursor, repository_def=repository
            ) as context:
                tick = sensor.evaluate_tick(context)
            cursor = tick.cursor
            asked += [key for request in tick.run_requests or [] for key in request.asset_selection or []]
    assert asked == [automation.TUNED]
