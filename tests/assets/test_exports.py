"""Exports through Dagster: files, card, lengths, generated rows and the hub, on a lake with examples."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from huggingface_hub import DatasetCard

from assets.exports import export_assets
from assets.synthesis import synthesis_assets, synthesis_checks
from orchestration.lanes import lanes
from parlance import schemas, tokenization
from parlance.instruct import formats
from parlance.lake import Lake
from parlance.storage import record_batches
from resources.hub import Hub
from resources.lake import LakeResource
from resources.language_model import LanguageModel
from tests.parlance.synthesis.real_examples import examples
from tests.servers import chat_completions, dataset_hub


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(root=str(tmp_path / "lake"))
    made.table("instruct/examples").replace(record_batches(examples(), schemas.EXAMPLES))
    return made


@pytest.fixture
def model() -> Iterator[chat_completions.Model]:
    with chat_completions.served(chat_completions.Model()) as running:
        yield running


def run(lake: Lake, *names: str, url: str = "", hub: str = "", **config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    """Materialises `instruct/<names>` with their configurations and checks."""
    every = [*export_assets(list(lanes().values())), *synthesis_assets]
    chosen = dg.AssetSelection.assets(*(["instruct", name] for name in names))
    return dg.materialize(
        [*every, *synthesis_checks],
        selection=chosen,
        resources={
            "lake": LakeResource(root=lake.root),
            "language_model": LanguageModel(url=url, model="tiny", cache=f"{lake.root}/answers", pause_s=0.001),
            "hub_repository": Hub(repository="ada/talk" if hub else "", url=hub, token_variable="TEST_HUB_TOKEN"),
        },
        run_config={"ops": {f"instruct__{name}": {"config": values} for name, values in config.items()}},
        raise_on_error=False,
    )


def shown(result: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node(f"instruct__{name}")
    return {key: value.value for key, value in event.metadata.items()}


def failure(result: dg.ExecuteInProcessResult) -> str:
    return " ".join(str(event.step_failure_data) for event in result.all_events if event.is_step_failure)


def test_the_card_says_what_the_files_hold(lake: Lake) -> None:
    result = run(lake, "exports", exports={"title": "Talk", "licence": "cc-by-4.0"})
    assert result.success
    folder = lake.files.folder("instruct/exports")
    card = DatasetCard.load(folder / "README.md")
    head = card.data.to_dict()
    assert (head["pretty_name"], head["license"], head["language"]) == ("Talk", "cc-by-4.0", ["en"])
    assert head["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in head["configs"]] == formats()
    assert [config["config_name"] for config in head["configs"] if config.get("default")] == ["chatml"]
    for config in head["configs"]:
        assert all((folder / one["path"]).exists() for one in config["data_files"])
    assert "None of them was written by a language model" in card.text
    assert "| train | 16 |" in card.text
    assert "| representative | 0 | 20 |" in card.text  # in how many answers
    assert shown(result, "exports")["card"] in card.content
    assert shown(result, "exports")["examples"] == 20


LOAD = """
import sys, datasets
datasets.disable_progress_bars()
for name in sys.argv[3:]:
    loaded = datasets.load_dataset(sys.argv[1], name, cache_dir=sys.argv[2])
    print(name, *(f"{split}={rows.num_rows}" for split, rows in sorted(loaded.items())))
"""


def test_datasets_loads_the_folder_by_its_card(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(lake, "exports").success
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    folder = str(lake.files.folder("instruct/exports"))
    command = [sys.executable, "-c", LOAD, folder, str(tmp_path / "cache"), *formats()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} test=2 train=16 validation=2" for name in formats()]


def test_the_same_examples_have_the_same_version(lake: Lake) -> None:
    run(lake, "exports")
    version = lake.files.latest("instruct/exports")
    lake.table("instruct/examples").replace(record_batches(examples().reverse(), schemas.EXAMPLES))
    run(lake, "exports")
    assert lake.files.latest("instruct/exports") == version
    lake.table("instruct/examples").replace(record_batches(examples().head(19), schemas.EXAMPLES))
    run(lake, "exports")
    assert lake.files.latest("instruct/exports") != version


def test_generated_rows_are_exported_only_when_asked_for_and_only_for_training(
    lake: Lake, model: chat_completions.Model
) -> None:
    made = run(lake, "synthetic", "exports", url=model.url, synthetic={"candidates": 6})
    assert made.success
    assert [one.passed for one in made.get_asset_check_evaluations()] == [True]
    assert shown(made, "exports")["synthetic"] == 0
    result = run(lake, "exports", exports={"synthetic": True})
    assert shown(result, "exports")["synthetic"] == 6
    assert "**6 of them (23.1%) were written by a\nlanguage model**" in shown(result, "exports")["card"]
    folder = lake.files.folder("instruct/exports")
    kinds = {
        split: set(pl.read_parquet(folder / "chatml" / f"{split}.parquet")["kind"])
        for split in ("train", "validation", "test")
    }
    assert kinds == {"train": {"answer", "synthetic"}, "validation": {"answer"}, "test": {"answer"}}


def test_a_second_run_of_the_model_costs_nothing(lake: Lake, model: chat_completions.Model) -> None:
    first = shown(run(lake, "synthetic", url=model.url, synthetic={"candidates": 4}), "synthetic")
    assert first["asked_now"] == 8
    assert first["tokens_paid_now"] == first["prompt_tokens"] + first["answer_tokens"] == model.tokens
    again = shown(run(lake, "synthetic", url=model.url, synthetic={"candidates": 4}), "synthetic")
    assert (again["asked_now"], again["tokens_paid_now"]) == (0, 0)
    assert again["prompt_tokens"] == first["prompt_tokens"]
    assert again["dagster/row_count"] == 4


def test_a_generated_row_in_the_wrong_place_blocks(lake: Lake, model: chat_completions.Model) -> None:
    run(lake, "synthetic", url=model.url, synthetic={"candidates": 2})
    table, (check,) = lake.table("instruct/synthetic"), synthesis_checks
    rows = table.scan().collect()
    places = {
        "not_train": {"split": "validation"},
        "not_marked": {"kind": "answer"},
        "id_of_example": {"id": "e001"},
        "no_seed": {"seed_ids": []},
    }
    for reason, change in places.items():
        changed = rows.with_columns(
            pl.lit(value, dtype=rows.schema[name]).alias(name) for name, value in change.items()
        )
        table.replace(record_batches(changed, schemas.SYNTHETIC))
        found = check(lake=LakeResource(root=lake.root))
        assert not found.passed
        assert reason in found.metadata["rows"].value.replace("\\", "")
    assert "rows that training must not see: {'no_seed': 2}" in failure(
        run(lake, "exports", exports={"synthetic": True})
    )
    assert run(lake, "exports").success  # without them


def test_a_seed_that_is_held_out_now_blocks(lake: Lake, model: chat_completions.Model) -> None:
    run(lake, "synthetic", url=model.url, synthetic={"candidates": 2})
    (seed, *_) = lake.table("instruct/synthetic").scan().collect()["seed_ids"][0]
    moved = pl.when(id=seed).then(pl.lit("test")).otherwise("split").alias("split")
    lake.table("instruct/examples").replace(record_batches(examples().with_columns(moved), schemas.EXAMPLES))
    message = failure(run(lake, "exports", exports={"synthetic": True}))
    assert "rows that training must not see: {'seed_not_train'" in message


def test_what_is_not_set_is_said_so(lake: Lake) -> None:
    assert "PARLANCE_LLM_URL and PARLANCE_LLM_MODEL are not both set" in failure(run(lake, "synthetic"))
    assert "instruct/synthetic has no rows" in failure(run(lake, "exports", exports={"synthetic": True}))
    run(lake, "exports")
    assert "PARLANCE_HUB_REPOSITORY is not set" in failure(run(lake, "hub_dataset"))


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the client's own, of its HTTP library
def test_the_export_is_pushed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("TEST_HUB_TOKEN", "hf_right")
    run(lake, "exports")
    folder = lake.files.folder("instruct/exports")
    with dataset_hub.served(dataset_hub.Hub()) as hub:
        result = run(lake, "hub_dataset", hub=hub.url)
    assert result.success
    pushed = hub.repositories["ada/talk"]
    assert pushed.private
    assert pushed.files == {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert shown(result, "hub_dataset")["commit"] == pushed.head
    assert "hf_right" not in str(shown(result, "hub_dataset"))


def test_lengths(lake: Lake, model: chat_completions.Model) -> None:
    with lake.files.publish("tokenizers/byte_level_bpe", "one") as folder:
        tokenization.train(examples()["output"], "byte_level_bpe", 400, path=folder)
    run(lake, "synthetic", url=model.url, synthetic={"candidates": 2})
    result = run(lake, "token_counts", token_counts={"length": 60})
    assert result.success, failure(result)
    rows = lake.table("instruct/token_counts").scan().collect()
    assert dict(rows.group_by("kind").len().iter_rows()) == {"answer": 20, "synthetic": 2}
    assert (rows["tokens"] - rows["cut_tokens"]).max() == 60
    found = shown(result, "token_counts")
    assert found["tokens"] == rows["tokens"].sum()
    assert "data:image/svg+xml" in found["histogram"]
    assert "| 60 |" in found["cut_at"]
    assert "unknown tokenizer 'words'" in failure(run(lake, "token_counts", token_counts={"tokenizer": "words"}))
