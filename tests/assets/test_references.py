"""References in a lane: each list drops what it names, with its row in the ledger; an edit makes signals stale."""

import io
import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from rich.console import Console

from assets.corpus import corpus_assets
from assets.lane_checks import lane_checks
from assets.lanes import REFERENCES, lane_assets
from orchestration.lanes import dump
from orchestration.why import show
from parlance.lake import Lake
from parlance.stages.why import why
from resources.lake import LakeResource
from resources.references import NamedReferences
from resources.sources import Dumps

SAMPLE = Path(__file__).parents[2] / "sample"
QUESTION = "How many degrees does the polar star stand above the horizon of a town at fifty degrees north?"
PARTITION = "pages.jsonl"
NAMED = {
    "blocked_hosts": ["hosts.txt"],
    "blocked_words": ["words.txt"],
    "evaluation_sets": {"astronomy": {"files": ["astronomy.txt"]}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dump of six pages of which three are not to be kept, and what says so."""
    good = [one for one in yaml.safe_load((SAMPLE / "dumps/extra/good.yaml").read_text()) if one["lang"] == "en"]
    texts = {name: one["text"] for name, one in zip("abcdef", good, strict=False)}
    texts["b"] += "\n\nThe PROJECT\nNightjar was not mentioned."
    texts["c"] += "\n\n" + QUESTION.upper().replace(" ", "\n") + " Fifty."
    hosts = dict.fromkeys("abcdef", "fine.example") | {"a": "WWW.Content-Farm.example:8080"}
    rows = [{"id": name, "url": f"https://{hosts[name]}/{name}", "text": text} for name, text in texts.items()]
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / PARTITION).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "hosts.txt").write_text("# a list\ncontent-farm.example\n")
    (tmp_path / "words.txt").write_bytes(b"\xef\xbb\xbfproject nightjar\r\n")
    (tmp_path / "astronomy.txt").write_text(f"{QUESTION}\nIs it so?\n")
    (tmp_path / "references.yaml").write_text(yaml.safe_dump(NAMED))
    return tmp_path


LANE = dump.lane()
# Without what needs a model.
ASSETS = [
    asset
    for asset in (*lane_assets(LANE), *corpus_assets([LANE]))
    if not {"embedder", "labelled_utterances"} & set(asset.required_resource_keys)
]
TABLES = ("raw", "documents", "rejected", "signals", "kept", "dropped")


def resources(folder: Path) -> dict[str, object]:
    return {
        "lake": LakeResource(root=str(folder / "lake")),
        "references": NamedReferences(path=str(folder / "references.yaml")),
        "dump": Dumps(folder=str(folder / "dumps")),
    }


def materialized(
    folder: Path, instance: dg.DagsterInstance, *keys: dg.AssetKey, raise_on_error: bool = True
) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions("dumps", [PARTITION])
    return dg.materialize(
        [*ASSETS, *lane_checks(LANE)],
        selection=dg.AssetSelection.assets(*keys),
        partition_key=PARTITION if any(key.path[0] == "dump" for key in keys) else None,
        resources=resources(folder),
        instance=instance,
        raise_on_error=raise_on_error,
    )


def everything(folder: Path, instance: dg.DagsterInstance) -> list[str]:
    """One run, as the lane's job makes it; gives what the metadata of the signals say was found."""
    lane = [LANE.key(table) for table in TABLES]
    result = materialized(folder, instance, REFERENCES, dg.AssetKey(["corpus", "duplicates"]), *lane)
    (event,) = result.asset_materializations_for_node("dump__signals")
    return str(event.metadata["named"].value).splitlines()[2:]


def rows(folder: Path, table: str) -> pl.DataFrame:
    frame = Lake(root=str(folder / "lake")).table(f"dump/{table}").scan().collect()
    return frame.with_columns(name=pl.col("id").str.extract(r"(\w)$")).sort("id")


def test_what_is_named_is_dropped_with_rule_value_and_bound(folder: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        found = everything(folder, instance)
    assert found == ["| astronomy | 1 |", "| blocked_host | 1 |", "| blocked_words | 1 |"]
    signals = rows(folder, "signals")
    assert signals["blocked_host"].to_list() == [1, 0, 0, 0, 0, 0]
    assert signals["blocked_words"].to_list() == [0, 1, 0, 0, 0, 0]
    assert signals["contamination"].to_list() == [0, 0, 1, 0, 0, 0]
    assert signals["quality"].null_count() == 6
    dropped = rows(folder, "dropped").select("name", "rule", "reason", "value", "bound", "version", "detail").rows()
    assert dropped == [
        ("a", "blocked_host", "blocked_host>0.0", 1.0, 0.0, 1, None),
        ("b", "blocked_words", "blocked_words>0.0", 1.0, 0.0, 1, None),
        ("c", "contamination", "contamination>0.5", 1.0, 0.5, 1, "astronomy#1"),
    ]
    assert rows(folder, "kept")["name"].to_list() == ["d", "e", "f"]
    printed = io.StringIO()
    asked = rows(folder, "dropped")["id"][2]
    show(why(Lake(root=str(folder / "lake")), ["dump"], asked), Console(file=printed, width=100))
    assert "It holds the evaluation item astronomy#1." in printed.getvalue()


def status(folder: Path, instance: dg.DagsterInstance) -> StaleStatus:
    """Of the signals, to Dagster that has just been started."""
    graph = dg.Definitions(assets=ASSETS, resources=resources(folder)).resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return resolver.get_status(LANE.key("signals"), PARTITION)


def test_an_edited_list_makes_signals_stale_and_drops_what_it_names(folder: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        everything(folder, instance)
        first = made(instance)
        materialized(folder, instance, REFERENCES)
        assert made(instance) == first
        assert status(folder, instance) == StaleStatus.FRESH
        (folder / "words.txt").write_text("no such words\n")
        materialized(folder, instance, REFERENCES)
        assert made(instance) != first
        assert status(folder, instance) == StaleStatus.STALE
        assert everything(folder, instance) == ["| astronomy | 1 |", "| blocked_host | 1 |"]
        assert rows(folder, "dropped")["rule"].to_list() == ["blocked_host", "contamination"]
        (folder / "words.txt").write_bytes(b"\xef\xbb\xbfproject nightjar\r\n")
        materialized(folder, instance, REFERENCES)
        assert made(instance) == first
        everything(folder, instance)
        assert rows(folder, "dropped")["rule"].to_list() == ["blocked_host", "blocked_words", "contamination"]


def made(instance: dg.DagsterInstance) -> str | None:
    """The data version of the references."""
    event = instance.get_latest_materialization_event(REFERENCES)
    assert event is not None
    assert event.asset_materialization is not None
    return (event.asset_materialization.tags or {}).get("dagster/data_version")


def test_metadata_says_what_was_compiled(folder: Path) -> None:
    named = NAMED | {"quality": {"positive": ["good.jsonl"], "negative": ["bad.jsonl"]}}
    (folder / "references.yaml").write_text(yaml.safe_dump(named))
    (folder / "hosts.txt").write_text("content-farm.example\na page/with/a path\n")
    for name in ("good.jsonl", "bad.jsonl"):
        (folder / name).write_bytes((SAMPLE / "references" / name).read_bytes() + b"no JSON\n")
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialized(folder, instance, REFERENCES)
    (event,) = result.asset_materializations_for_node("corpus__references")
    shown = {name: value.value for name, value in event.metadata.items()}
    assert (shown["blocked_hosts"], shown["blocked_words"], shown["lines_without_host"]) == (1, 1, 1)
    assert shown["such_as"] == "a page/with/a path"
    assert "| astronomy | 2 | 1 | 6 |" in shown["evaluation_sets"]
    assert shown["quality_roc_auc"] > 0.9
    assert shown["quality_unreadable"] == 2
    assert shown["quality_scores"].startswith("![plot](data:image/svg+xml")


def test_signals_without_references_say_what_to_do(folder: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        keys = [LANE.key(table) for table in TABLES[:4]]
        result = materialized(folder, instance, *keys, raise_on_error=False)
    failed = [event for event in result.all_events if event.is_step_failure]
    assert "materialise 'corpus/references' first" in failed[0].step_failure_data.user_failure_data.description


def test_references_that_are_wrong_are_not_retried(folder: Path) -> None:
    (folder / "references.yaml").write_text("blocked_hosts: [gone.txt]\n")
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialized(folder, instance, REFERENCES, raise_on_error=False)
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert "gone.txt" in failed.step_failure_data.user_failure_data.description
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
