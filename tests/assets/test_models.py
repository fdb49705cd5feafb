"""Models through Dagster: what a folder says it was made from, the rules of thumb, and training by a provider."""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.models import BASE, FINE_TUNED, TOKENIZER, model_assets, model_checks
from assets.tokenizers import name_of
from assets.training_settings import FinetuningConfig, PretrainingConfig
from orchestration.lanes import lanes
from parlance import schemas
from parlance.lake import Lake
from parlance.modelling.records import KEYS
from parlance.modelling.settings import FinetuningSettings, PretrainingSettings
from parlance.stages import models as stages
from parlance.storage import record_batches
from resources.lake import LakeResource
from resources.training import TrainingProcess
from resources.training_endpoint import EndpointTraining
from tests.parlance.modelling.tiny_models import save_tokenizer
from tests.parlance.synthesis.real_examples import examples
from tests.servers import fine_tuning

TUNING = {"max_steps": 2, "sequence_length": 256, "rank": 4, "alpha": 8, "packing": True, "logging_steps": 1}
PRETRAINING = {"hidden_size": 32, "layers": 1, "heads": 2, "max_steps": 2, "logging_steps": 1}
CONFIG = {"ops": {"models__base_model": {"config": PRETRAINING}, "models__fine_tuned_model": {"config": TUNING}}}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(root=str(tmp_path / "lake"))
    made.table("instruct/examples").replace(record_batches(examples(), schemas.EXAMPLES))
    return made


@pytest.fixture
def account() -> Iterator[fine_tuning.Account]:
    with fine_tuning.served(fine_tuning.Account()) as running:
        yield running


def run(
    lake: Lake, training: TrainingProcess, config: dict[str, Any] | None = None, *names: str, base: str = ""
) -> dg.ExecuteInProcessResult:
    """Materialises the models `names` (none: the fine-tuned one) and their checks; `base` is the configured one."""
    return dg.materialize(
        [*model_assets(list(lanes().values()), base=base), *model_checks()],
        selection=dg.AssetSelection.assets(*(name.split("/") for name in names or (FINE_TUNED,))),
        resources={"lake": LakeResource(root=lake.root), "training": training},
        run_config=config or {},
        raise_on_error=False,
    )


def shown(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node("models__fine_tuned_model")
    return {key: value.value for key, value in event.metadata.items()}


def failure(result: dg.ExecuteInProcessResult) -> str:
    return " ".join(str(event.step_failure_data) for event in result.all_events if event.is_step_failure)


@pytest.mark.parametrize(
    ("form", "settings"), [(PretrainingConfig, PretrainingSettings), (FinetuningConfig, FinetuningSettings)]
)
def test_the_launchpad_has_every_setting_with_its_meaning(form: type[dg.Config], settings: type) -> None:
    assert set(form.model_fields) == {field.name for field in fields(settings)}
    assert all(field.description for field in form.model_fields.values())
    defaults = settings(**form().model_dump())
    assert defaults == settings()


@pytest.mark.slow
def test_a_fine_tuned_model_says_what_it_was_made_from(lake: Lake, tmp_path: Path) -> None:
    with lake.files.publish(name_of(TOKENIZER), "cut1") as folder:
        save_tokenizer(folder)
    training = TrainingProcess(checkpoints=str(tmp_path / "checkpoints"))
    result = run(lake, training, CONFIG, BASE, FINE_TUNED)
    assert result.success, failure(result)
    base = stages.record_of(lake.files.folder(BASE))
    assert (base["base"], base["tokenizer_version"], base["metrics"]["steps"]) == (None, "cut1", 2)
    assert base["dataset_table_versions"]["slack/kept"] is None
    assert all(base[key] for key in KEYS if key not in ("base", "base_version"))
    folder = lake.files.folder(FINE_TUNED)
    record = stages.record_of(folder)
    assert set(KEYS) <= set(record)
    assert all(record[key] for key in KEYS)
    assert (record["base"], record["base_version"]) == (BASE, lake.files.latest(BASE))
    assert record["dataset"] == "instruct/examples"
    assert record["dataset_version"] == stages.examples_version(lake)
    assert record["dataset_table_versions"] == {"instruct/examples": lake.table("instruct/examples").version()}
    assert record["tokenizer_version"] == "cut1"
    assert record["settings"]["seed"] == 1
    assert record["metrics"]["steps"] == shown(result)["steps"] == 2
    assert not list((tmp_path / "checkpoints").rglob("checkpoint-*"))

    every = result.get_asset_check_evaluations()
    assert all(one.severity is dg.AssetCheckSeverity.WARN for one in every)
    checks = {one.check_name: one for one in every if one.asset_key.path[-1] == "fine_tuned_model"}
    assert set(checks) == {"tokens_suffice", "data_is_not_repeated_too_often", "validation_loss_does_not_rise"}
    assert checks["tokens_suffice"].metadata["tokens"].value == record["metrics"]["tokens"]

    # From scratch 20 tokens for each parameter, which so few texts never are.
    (few,) = [one for one in every if one.check_name == "tokens_suffice" and one.asset_key.path[-1] == "base_model"]
    assert not few.passed
    assert "a base model that was trained already" in str(few.metadata["what_to_do"].value)

    same = {"ops": {"models__fine_tuned_model": {"config": TUNING}}}
    assert shown(run(lake, training, same, FINE_TUNED))["trained_now"] is False


def test_other_weights_in_the_folder_of_the_base_are_another_version(lake: Lake, tmp_path: Path) -> None:
    folder, training = tmp_path / "your-model", TrainingProcess(checkpoints=str(tmp_path / "checkpoints"))
    folder.mkdir()
    made = []
    for weights in (b"old", b"new", b"old"):
        (folder / "model.safetensors").write_bytes(weights)
        assert run(lake, training, {}, BASE, base=str(folder)).success
        made.append(lake.files.latest(BASE))
        assert stages.base_of(lake.files.folder(BASE)) == str(folder)
    assert made[0] == made[2] != made[1]


def test_a_provider_trains_once_and_its_model_is_named(lake: Lake, account: fine_tuning.Account) -> None:
    with lake.files.publish(BASE, "base1") as folder:
        stages.refer_to("small", folder)
    training = EndpointTraining(checkpoints=lake.root, url=account.url, pause_s=0.001, poll_s=0.001)
    # A crash after the job was made: the answers of the server stop.
    account.faults["GET /fine_tuning/jobs/ftjob-0"] = [(500, {}, "down")] * 6
    result = run(lake, training)
    assert result.success, failure(result)  # the step's own retry went on with the job
    assert len(account.jobs) == 1
    folder = lake.files.folder(FINE_TUNED)
    assert stages.base_of(folder) == account.jobs[0]["fine_tuned_model"] == shown(result)["model"]
    assert stages.endpoint_of(folder) == account.url
    record = stages.record_of(folder)
    assert (record["base"], record["base_version"]) == ("small", "base1")
    assert record["dataset_version"] == stages.examples_version(lake)
    assert all(one.passed for one in result.get_asset_check_evaluations())
    assert shown(run(lake, training))["trained_now"] is False
    assert len(account.jobs) == 1


def test_what_a_provider_refuses_is_shown_and_not_tried_again(lake: Lake, account: fine_tuning.Account) -> None:
    with lake.files.publish(BASE, "base1") as folder:
        stages.refer_to("small", folder)
    account.fails_with = "This model cannot be fine-tuned"
    result = run(lake, EndpointTraining(checkpoints=lake.root, url=account.url, pause_s=0.001, poll_s=0.001))
    assert not result.success
    assert "This model cannot be fine-tuned" in failure(result)
    assert len(account.jobs) == 1


def test_a_change_asks_no_provider(lake: Lake) -> None:
    every = list(lanes().values())
    for where, automated in (("local", True), ("endpoint", False)):
        tuned = model_assets(every, base="small", training=where)[1]
        assert any(spec.automation_condition is not None for spec in tuned.specs) == automated


def test_an_older_record_lacks_what_it_did_not_say(tmp_path: Path) -> None:
    (tmp_path / "parlance.json").write_text(json.dumps({"fingerprint": "a", "base": "b", "steps": 3}))
    record = stages.record_of(tmp_path)
    assert (record["fingerprint"], record["base"], record["metrics"]) == ("a", "b", None)
