"""From a fine-tuned model to the model in use and back, through Dagster, on a real registry and with real models."""

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM

from assets import promotion
from assets.evaluation import evaluation_assets
from assets.promotion import promotion_assets, promotion_checks
from orchestration.definitions import defs
from parlance import modelling, schemas
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.modelling import FinetuningSettings
from parlance.registry import CANDIDATE, CHAMPION, Registry
from parlance.registry.client import client_of
from parlance.stages import registry as stages
from parlance.stages.evaluation import EVALUATIONS, MEASUREMENTS
from parlance.storage import record_batches
from resources import training_tasks
from resources.lake import LakeResource
from resources.registry import ModelRegistry
from resources.training import TrainingProcess
from tests.parlance.modelling.tiny_models import ANSWERS, TEXTS, TINY, chat, examples, save_tokenizer, silent

BASE, TUNED = "models/base_model", "models/fine_tuned_model"
PROMPTS = Path(__file__).parents[2] / "sample" / "prompts.yaml"
QUICK = {"max_new_tokens": 8, "draws": 200, "timed": 1}
# As many as an evaluation needs to be sure of anything.
LEARNT = ANSWERS | {
    "How many days until March?": "Thirty days until March.",
    "Which probe is needed?": "One probe for each turbine.",
    "What does the expense pay?": "Twelve EUR every hour.",
    "How many receipts are left?": "Twelve receipts until noon.",
    "Which hour is needed?": "One hour for each probe.",
    "What does the receipt say?": "Above 50 EUR, every day.",
    "Wie viele Stunden habe ich?": "Noch drei Stunden!",
    "How many probes are left?": "Two probes until March.",
}


class HereProcess(TrainingProcess):
    """Runs the same tasks in this process: torch is loaded already."""

    def run(self, context: dg.AssetExecutionContext, task: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        return training_tasks.TASKS[task](json.loads(json.dumps(dict(spec))), silent)


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base, two models fine-tuned for shorter and for longer, and the longer one with noise on its weights."""
    folder = tmp_path_factory.mktemp("models")
    modelling.pretrain(
        TEXTS,
        tokenizer=save_tokenizer(folder / "tokenizer"),
        output=folder / "base",
        checkpoints=folder / "checkpoints",
        settings=TINY,
        progress=silent,
    )
    for name, steps in (("good", 25), ("better", 90)):
        settings = FinetuningSettings(
            rank=8, alpha=16, sequence_length=64, max_steps=steps, batch_size=4, learning_rate=0.02, save_steps=200
        )
        modelling.finetune(
            examples(LEARNT),
            base=str(folder / "base"),
            output=folder / name,
            checkpoints=folder / f"{name}-checkpoints",
            settings=settings,
            progress=silent,
        )
    shutil.copytree(folder / "better", folder / "worse")
    model = AutoModelForCausalLM.from_pretrained(folder / "worse")
    torch.manual_seed(1)
    for weights in model.parameters():
        weights.data += 0.5 * torch.randn_like(weights)
    model.save_pretrained(folder / "worse")
    return {name: folder / name for name in ("base", "good", "better", "worse")}


class Registered:
    """A lake and a registry, and runs of the assets between a fine-tuned model and the one in use."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(root=str(folder / "lake"))
        self.registry = Registry(url=f"sqlite:///{folder / 'mlflow.db'}")
        self.training = HereProcess(checkpoints=str(folder / "checkpoints"))
        (folder / "dagster").mkdir()
        self.instance = dg.DagsterInstance.local_temp(str(folder / "dagster"))

    def publish(self, name: str, version: str, folder: Path) -> None:
        with self.lake.files.publish(name, version) as new:
            shutil.copytree(folder, new, dirs_exist_ok=True)

    def run(self, *keys: str, config: Mapping[str, Any] | None = None) -> dg.ExecuteInProcessResult:
        ops = {"models__evaluation": {"config": QUICK}, "models__champion": {"config": dict(config or {})}}
        wanted = keys or ("candidate", "evaluation", "champion")
        return dg.materialize(
            [*promotion_assets, *evaluation_assets(prompts=str(PROMPTS)), *promotion_checks],
            selection=dg.AssetSelection.assets(*(["models", key] for key in wanted)),
            instance=self.instance,
            resources={
                "lake": LakeResource(root=self.lake.root),
                "registry": ModelRegistry(url=self.registry.url),
                "training": self.training,
            },
            run_config={"ops": {name: ops[name] for name in ops if name.removeprefix("models__") in wanted}},
            raise_on_error=False,
        )

    def champion(self) -> str:
        """The model in use, on which lake, registry and history must agree."""
        assert stages.disagreement(self.lake, self.registry) == ""
        folder, version = stages.champion(self.lake)
        assert (folder / "model.safetensors").exists()
        return version


@pytest.fixture(scope="module")
def registered(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """After a first model was promoted."""
    made = Registered(tmp_path_factory.mktemp("registered"))
    rows = {
        name: pl.Series([[]] * len(LEARNT)) if isinstance(kind, pl.List) else pl.Series([None] * len(LEARNT))
        for name, kind in pl.DataFrame(pl.from_arrow(schemas.EXAMPLES.empty_table())).schema.items()
    }
    known: dict[str, Any] = {
        "id": [f"e{number}" for number in range(len(LEARNT))],
        "document_id": [f"d{number}" for number in range(len(LEARNT))],
        "messages": [chat(*pair) for pair in LEARNT.items()],
    }
    same = {"split": "test", "instruction": "", "input": "", "output": "", "kind": "answer", "source": "slack"}
    same |= {"quality": 1.0, "thanked": False, "unsure": 0}
    frame = pl.DataFrame(rows | known).with_columns(pl.lit(value).alias(name) for name, value in same.items())
    frame = frame.cast(dict(pl.DataFrame(pl.from_arrow(schemas.EXAMPLES.empty_table())).schema))
    made.lake.table("instruct/examples").replace(record_batches(frame, schemas.EXAMPLES))
    made.publish(BASE, "base0", models["base"])
    made.publish(TUNED, "good0", models["good"])
    with pytest.raises(ConfigError, match="no model is in use: materialise 'models/champion'"):
        stages.champion(made.lake)
    assert made.run().success
    return made


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {one.check_name: one.passed for one in result.get_asset_check_evaluations()}


def published(registered: Registered, name: str) -> dict[str, int]:
    """The published versions of `name`, each with the time at which it was written."""
    folders = Path(registered.lake.files.uri(name)).glob("[!.]*/")
    return {folder.name: folder.resolve().stat().st_mtime_ns for folder in folders}


def shown(result: dg.ExecuteInProcessResult, key: str) -> dict[str, Any]:
    (found,) = result.asset_materializations_for_node(f"models__{key}")
    return {name: value.value for name, value in found.metadata.items()}


def test_the_first_model_that_beats_its_base_is_taken_into_use(registered: Registered) -> None:
    assert registered.champion() == "good0"
    (row,) = stages.history(registered.lake).to_dicts()
    assert (row["action"], row["model"], row["previous"]) == ("promoted", "good0", None)
    assert row["reason"].startswith("better on held-out answers: +")
    assert row["promoted_by"] == "materialised by hand"
    found = registered.registry.named(CHAMPION)
    assert found is not None
    assert (found.tags["reason"], found.tags["promoted_by"]) == (row["reason"], row["promoted_by"])
    run = client_of(registered.registry.url).get_run(found.run)
    assert run.data.params["max_steps"] == "25"
    assert run.data.metrics["evaluation.bits_per_character"] > 0
    card = (stages.champion(registered.lake)[0] / "README.md").read_text(encoding="utf-8")
    assert "version | good0" in card
    assert "max\\_steps | 25" in card or "max_steps | 25" in card
    assert "better on held-out answers" in card


def test_again_changes_nothing(registered: Registered) -> None:
    measured, rows = published(registered, MEASUREMENTS), stages.history(registered.lake)
    versions = client_of(registered.registry.url).search_model_versions("name = 'parlance'")
    result = registered.run()
    assert result.success
    assert checks(result) == {"candidate_may_be_promoted": True, "registry_and_lake_agree": True}
    assert shown(result, "evaluation")["reason"].startswith("already in use")
    assert len(client_of(registered.registry.url).search_model_versions("name = 'parlance'")) == len(versions)
    assert stages.history(registered.lake).equals(rows)
    # Beside its champion it is evaluated once more; nothing is measured again.
    assert len(published(registered, EVALUATIONS)) == 2
    assert published(registered, MEASUREMENTS) == measured
    assert len(measured) == 2


def test_a_worse_model_is_refused_and_the_champion_stays(registered: Registered, models: dict[str, Path]) -> None:
    registered.publish(TUNED, "worse0", models["worse"])
    result = registered.run()
    assert not result.success
    assert checks(result) == {"candidate_may_be_promoted": False}
    assert "better on held-out answers: -" in shown(result, "evaluation")["reason"]
    assert (registered.registry.named(CANDIDATE) or pytest.fail("no candidate")).version == "worse0"
    alone = registered.run("champion")
    assert not alone.success
    assert "candidate 'worse0' is refused by its evaluation" in str(alone.all_events)
    assert registered.champion() == "good0"


def test_a_better_model_is_promoted_with_who_and_why(registered: Registered, models: dict[str, Path]) -> None:
    registered.publish(TUNED, "better0", models["better"])
    early = registered.run("candidate", "champion")
    assert not early.success
    assert "the last evaluation is of candidate 'worse0' beside champion 'good0'" in str(early.all_events)
    result = registered.run(config={"promoted_by": "Ada", "reason": "answers by heart"})
    assert result.success
    assert registered.champion() == "better0"
    last = stages.history(registered.lake).tail(1).to_dicts()[0]
    assert (last["previous"], last["promoted_by"], last["reason"]) == ("good0", "Ada", "answers by heart")
    metadata = shown(result, "champion")
    assert (metadata["promoted_by"], metadata["version"]) == ("Ada", "better0")
    figures = shown(result, "evaluation")["figures"]
    assert set(figures) == {"candidate", "champion", "base"}
    assert figures["candidate"]["bits_per_character"] < figures["champion"]["bits_per_character"]


def test_rollback_restores_the_old_champion_and_it_stays(registered: Registered, definitions: dg.Definitions) -> None:
    back = definitions.resolve_job_def("rollback").run_config["ops"]["models__champion"]["config"]
    nameless = registered.run("champion", config=back)
    assert not nameless.success
    assert "promoted_by and reason must be said" in str(nameless.all_events)
    assert registered.champion() == "better0"
    said = {"promoted_by": "Grace", "reason": "it answers too fast"}
    assert registered.run("champion", config=back | said).success
    assert registered.champion() == "good0"
    last = stages.history(registered.lake).tail(1).to_dicts()[0]
    assert (last["action"], last["previous"], last["promoted_by"]) == ("rolled_back", "better0", "Grace")
    again = registered.run()
    assert again.success
    assert shown(again, "champion")["stayed"] == "better0 was taken out of use by Grace: it answers too fast"
    assert registered.champion() == "good0"
    assert registered.run("champion", config=said | {"version": "better0"}).success
    assert registered.champion() == "better0"
    assert stages.history(registered.lake)["action"].to_list() == ["promoted", "promoted", "rolled_back", "chosen"]
    unknown = registered.run("champion", config=said | {"version": "nothing"})
    assert "no model 'nothing' is registered; registered and once in use: ['good0', 'better0']" in str(
        unknown.all_events
    )


def test_a_change_that_broke_off_is_finished_by_the_second_attempt(registered: Registered) -> None:
    """As after a crash between the table and the registry: the same run asks for `previous` again."""
    before = registered.champion()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    change = stages.Change(action="rolled_back", by="Grace", reason="again", at=at, run="run 1")
    row = stages.history(registered.lake).tail(1).to_dicts()[0]
    broken = row | {"number": row["number"] + 1, "model": "good0", "previous": before, "run": "run 1", "at": at}
    broken |= {"action": "rolled_back", "promoted_by": "Grace", "reason": "again"}
    frame = pl.DataFrame([broken], schema_overrides={"evaluation": pl.String})
    registered.lake.table("models/promotions").append(record_batches(frame, schemas.PROMOTIONS))
    assert "models/promotions: good0" in stages.disagreement(registered.lake, registered.registry)
    for _ in range(2):
        stages.choose(registered.lake, registered.registry, stages.PREVIOUS, change)
        assert registered.champion() == "good0"
    assert stages.history(registered.lake).height == broken["number"]


def test_a_run_that_is_started_again_is_the_same_request() -> None:
    first = dg.DagsterRun(job_name="rollback", run_id="one")
    again = dg.DagsterRun(job_name="rollback", run_id="two", root_run_id="one", parent_run_id="one")
    assert promotion._request(first) == promotion._request(again) == "one"


def test_an_alias_that_somebody_moved_is_found(registered: Registered) -> None:
    worse = registered.registry.find("worse0")
    assert worse is not None
    registered.registry.name(CHAMPION, worse)
    found = stages.disagreement(registered.lake, registered.registry)
    assert found == "the lake: good0, the registry: worse0, models/promotions: good0"


CANDIDATE_KEY, EVALUATION_KEY, CHAMPION_KEY = (
    dg.AssetKey(["models", name]) for name in ("candidate", "evaluation", "champion")
)


def report(instance: dg.DagsterInstance, key: dg.AssetKey, version: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(key, tags={"dagster/data_version": version}))


@pytest.mark.parametrize("passed", [True, False])
def test_a_champion_follows_an_evaluation_that_allows_it(passed: bool, definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for key in (CANDIDATE_KEY, EVALUATION_KEY, CHAMPION_KEY):
            report(instance, key, "1")
        only = dg.AssetSelection.assets(CHAMPION_KEY)
        tick = dg.evaluate_automation_conditions(definitions, instance, asset_selection=only)
        tick = dg.evaluate_automation_conditions(definitions, instance, asset_selection=only, cursor=tick.cursor)
        assert tick.total_requested == 0
        report(instance, EVALUATION_KEY, "2")
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=EVALUATION_KEY,
                check_name="candidate_may_be_promoted",
                passed=passed,
                blocking=True,
                metadata={},
            )
        )
        tick = dg.evaluate_automation_conditions(definitions, instance, asset_selection=only, cursor=tick.cursor)
        assert tick.total_requested == int(passed)
