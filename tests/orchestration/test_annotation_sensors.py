"""The sensors of annotations and of gold, evaluated as the daemon does."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from orchestration.definitions import defs
from orchestration.settings import annotations_folder, lake_root, retrain_after
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.storage.tables import empty_frame

GOLD, MODEL = dg.AssetKey(["corpus", "gold"]), dg.AssetKey(["corpus", "speech_act_model"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARLANCE_HOME", str(tmp_path / "home"))
    for name in ("PARLANCE_LAKE", "PARLANCE_ANNOTATIONS", "PARLANCE_RETRAIN_AFTER"):
        monkeypatch.delenv(name, raising=False)
    return Path(annotations_folder())


def look(cursor: str | None, instance: dg.DagsterInstance) -> dg.SensorResult:
    sensor = defs().resolve_sensor_def("finished_annotations")
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        return sensor(context)


def looks(times: int, cursor: str | None, instance: dg.DagsterInstance) -> tuple[list[str], str | None]:
    keys = []
    for _ in range(times):
        result = look(cursor, instance)
        keys += [request.run_key for request in result.run_requests]
        cursor = result.cursor
    return keys, cursor


def test_the_default_folder_is_made(folder: Path, tmp_path: Path) -> None:
    assert folder == tmp_path / "home" / "annotations"
    assert folder.is_dir()


def test_a_file_is_taken_once_on_the_second_look(folder: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (folder / "ann.jsonl").write_text("{}\n")
        keys, cursor = looks(1, None, instance)
        assert keys == []
        keys, cursor = looks(3, cursor, instance)
        assert len(keys) == 1
        (folder / "copy.jsonl").write_text("{}\n")  # the same content
        assert looks(3, cursor, instance)[0] == []


def test_a_changed_file_is_taken_again_and_a_touched_one_is_not(folder: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (folder / "team").mkdir()
        (folder / "team" / "ann.jsonl").write_text("{}\n")
        first, cursor = looks(3, None, instance)
        (folder / "team" / "ann.jsonl").touch()
        assert looks(3, cursor, instance)[0] == []
        (folder / "team" / "ann.jsonl").write_text('{"more": 1}\n')
        second, _ = looks(3, cursor, instance)
        assert len({*first, *second}) == 2


def test_while_one_file_is_being_copied_none_is_taken(folder: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (folder / "ann.jsonl").write_text("{}\n")
        _, cursor = looks(1, None, instance)
        (folder / "ben.jsonl").write_text("{")
        keys, cursor = looks(1, cursor, instance)
        assert keys == []
        (folder / "ben.jsonl").write_text("{}\n ")
        keys, cursor = looks(1, cursor, instance)
        assert keys == []
        assert len(looks(2, cursor, instance)[0]) == 1


def test_what_was_exported_beside_the_files_is_left_alone(folder: Path) -> None:
    for name in ("README.md", "label_config.json", "annotation_guide.md", ".hidden.jsonl"):
        (folder / name).write_text("{}\n")
    with dg.DagsterInstance.ephemeral() as instance:
        assert looks(3, None, instance)[0] == []


def write_gold(rows: int) -> None:
    table = Lake(root=lake_root()).table("corpus/gold")
    empty = empty_frame(table.schema)
    filled = pl.DataFrame({"id": [str(number) for number in range(rows)]}).with_columns(
        *(pl.lit("x").alias(name) for name in ("source", "document_id", "text", "medium", "guide_version", "sample")),
        *(pl.lit("none").alias(name) for name in ("form", "function")),
        before=pl.lit([], dtype=empty.schema["before"]),
        annotators=pl.lit([], dtype=pl.List(pl.String)),
        decided_at=pl.lit(0).cast(pl.Datetime("us", "UTC")),
        adjudicated=pl.lit(False),
    )
    frame = pl.concat([empty, filled], how="diagonal_relaxed").select(empty.columns)
    table.replace(frame.to_arrow().to_batches())


def asked_to_train(instance: dg.DagsterInstance) -> bool:
    instance.report_runless_asset_event(dg.AssetMaterialization(GOLD))
    definitions = defs()
    sensor = definitions.resolve_sensor_def("enough_gold")
    with dg.build_sensor_context(instance=instance, repository_def=definitions.get_repository_def()) as context:
        return bool(sensor.evaluate_tick(context).run_requests)


def test_enough_new_gold_asks_for_training(folder: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        write_gold(49)
        assert not asked_to_train(instance)
        write_gold(50)
        assert asked_to_train(instance)
        instance.report_runless_asset_event(dg.AssetMaterialization(MODEL, metadata={"gold_labels": 50}))
        assert not asked_to_train(instance)
        write_gold(99)
        assert not asked_to_train(instance)
        write_gold(100)
        assert asked_to_train(instance)


def test_how_much_is_enough_is_a_setting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLANCE_RETRAIN_AFTER", "3")
    write_gold(3)
    with dg.DagsterInstance.ephemeral() as instance:
        assert asked_to_train(instance)
    monkeypatch.setenv("PARLANCE_RETRAIN_AFTER", "few")
    with pytest.raises(ConfigError, match="'few'"):
        retrain_after()
