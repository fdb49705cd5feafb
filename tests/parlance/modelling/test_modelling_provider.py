"""Fine-tuning by a provider: what is sent, what is waited for, and that nothing is paid twice."""

import json
from collections.abc import Iterator
from dataclasses import fields, replace

import polars as pl
import pytest
from tiny_models import ANSWERS, examples

from parlance.errors import ConfigError, TransientError
from parlance.modelling import FinetuningSettings
from parlance.modelling.provider import FOLLOWED, Provider, Trained, finetune_there
from tests.servers.fine_tuning import Account, served

EXAMPLES = pl.concat(
    [examples(ANSWERS), examples({"one?": "eins"}, split="validation"), examples({"t": "t"}, split="test")]
)
TOO_MANY = (429, {"Retry-After": "0"}, "slow down")


@pytest.fixture
def account() -> Iterator[Account]:
    with served(Account(key="secret")) as running:
        yield running


def tune(account: Account, *, version: str = "abc", key: str = "secret", said: list[str] | None = None) -> Trained:
    provider = Provider(account.url, key=key, pause_s=0.001, poll_s=0.001)
    say = (said if said is not None else []).append
    try:
        return finetune_there(
            provider, EXAMPLES, model="small", version=version, settings=FinetuningSettings(epochs=2, seed=7), say=say
        )
    finally:
        provider.close()


def test_examples_are_sent_and_the_model_is_named(account: Account) -> None:
    said: list[str] = []
    done = tune(account, said=said)
    assert done == Trained(model="ft:small:parlance-abc:ftjob-0", job="ftjob-0", tokens=4321)
    (job,) = account.jobs
    assert (job["model"], job["seed"], job["hyperparameters"]) == ("small", 7, {"n_epochs": 2})
    lines = [json.loads(line) for line in account.contents[job["training_file"]].splitlines()]
    assert [line["messages"] for line in lines] == EXAMPLES.filter(split="train")["messages"].to_list()
    assert len(account.contents[job["validation_file"]].splitlines()) == 1
    assert {file["filename"] for file in account.files} == {"parlance-abc-train.jsonl", "parlance-abc-validation.jsonl"}
    # Each event once, in order.
    assert [line.rpartition(": ")[2] for line in said[1:]] == ["Created fine-tuning job", "Step 1/2", "Step 2/2"]


def test_a_job_already_made_is_found_again_behind_others(account: Account) -> None:
    first = tune(account)
    for other in ("other1", "other2", "other3"):
        tune(account, version=other)
    said: list[str] = []
    assert tune(account, said=said) == first
    assert "not paid twice" in said[0]
    assert (len(account.jobs), len(account.files)) == (4, 8)


@pytest.mark.parametrize("asked", ["POST /files", "POST /fine_tuning/jobs"])
@pytest.mark.parametrize("fault", ["cut", "lost", TOO_MANY, (503, {}, "")], ids=["cut", "lost", "429", "503"])
def test_an_answer_that_is_lost_creates_nothing_twice(account: Account, asked: str, fault: object) -> None:
    account.faults[asked] = [fault, fault] if fault != "lost" else [fault]
    tune(account)
    assert (len(account.jobs), len(account.files)) == (1, 2)


def test_a_crash_while_waiting_goes_on_with_the_same_job(account: Account) -> None:
    account.looks = 3
    account.faults["GET /fine_tuning/jobs/ftjob-0"] = [(500, {}, "down")] * 6
    with pytest.raises(TransientError, match="answered 500: 'down'"):
        tune(account)
    assert tune(account).job == "ftjob-0"
    assert len(account.jobs) == 1


def test_a_job_that_failed_says_why_and_does_not_stand_for_the_next(account: Account) -> None:
    account.fails_with = "The file has 4 examples, 10 are needed"
    with pytest.raises(ConfigError, match=r"ftjob-0 at http.* failed: The file has 4 examples, 10 are needed"):
        tune(account)
    account.fails_with = ""
    assert tune(account).job == "ftjob-1"
    assert len(account.files) == 2


def test_a_wrong_key_is_not_tried_again(account: Account) -> None:
    with pytest.raises(ConfigError, match=r"answered 401.*Incorrect API key.*PARLANCE_TRAINING_KEY"):
        tune(account, key="wrong")
    assert account.log == ["GET /files"]


UNFOLLOWED = {
    "method": "full",
    "packing": True,
    "patience": 2,
    "max_steps": 5,
    "learning_rate": 2e-4,
    "batch_size": 8,
    "gradient_accumulation": 2,
    "sequence_length": 512,
    "warmup_share": 0.1,
    "weight_decay": 0.1,
    "max_gradient_norm": 2.0,
    "gradient_checkpointing": True,
    "rank": 8,
    "alpha": 16,
    "dropout": 0.1,
    "target_modules": ("q_proj",),
    "train_embeddings": False,
    "logging_steps": 5,
    "validation_steps": 5,
    "save_steps": 5,
}


def test_every_setting_is_followed_or_refused() -> None:
    assert {field.name for field in fields(FinetuningSettings)} == FOLLOWED | set(UNFOLLOWED)


@pytest.mark.parametrize("change", [{name: value} for name, value in UNFOLLOWED.items()], ids=list(UNFOLLOWED))
def test_what_a_provider_decides_itself_cannot_be_set(account: Account, change: dict[str, object]) -> None:
    provider = Provider(account.url)
    settings = replace(FinetuningSettings(), **change)
    with pytest.raises(ConfigError, match=f"{next(iter(change))} .*a fine-tuning endpoint decides that itself"):
        finetune_there(provider, EXAMPLES, model="small", version="a", settings=settings, say=print)
    provider.close()
    assert account.log == []


def test_no_training_examples_are_refused(account: Account) -> None:
    provider = Provider(account.url)
    with pytest.raises(ConfigError, match="no example of split 'train' to fine-tune on, of 0 examples"):
        finetune_there(provider, EXAMPLES.clear(), model="small", version="a", settings=FinetuningSettings(), say=print)
    provider.close()


@pytest.mark.parametrize("url", ["", "host/v1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="PARLANCE_TRAINING_URL is "):
        Provider(url)
