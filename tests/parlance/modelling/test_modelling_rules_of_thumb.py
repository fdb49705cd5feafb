"""Both sides of each rule of thumb."""

from typing import Any

import pytest

from parlance.modelling.rules_of_thumb import (
    RULES,
    Finding,
    data_is_not_repeated_too_often,
    tokens_suffice,
    validation_loss_does_not_rise,
)


def of(**changes: Any) -> dict[str, Any]:
    """A report that breaks no rule."""
    report = {"method": "scratch", "tokens": 2_000, "dataset_tokens": 1_000, "parameters": 100, "best_step": 30}
    return {**report, "validation_losses": [(10, 2.0), (20, 1.8), (30, 1.7)], **changes}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_sound_training_breaks_no_rule(rule: Any) -> None:
    found = rule(of())
    assert found.holds
    assert found.advice == ""


@pytest.mark.parametrize(
    ("found", "says", "advises"),
    [
        (tokens_suffice(of(tokens=1_999)), "1,999 tokens for 100 parameters", "a smaller model"),
        (tokens_suffice(of(method="lora", tokens=9, parameters=1_000_000)), "fine-tuning wants 10", "more examples"),
        (data_is_not_repeated_too_often(of(tokens=4_060)), "4.1 epochs over 1,000 tokens", "set epochs to 4"),
        (validation_loss_does_not_rise(of(best_step=10)), "17.6% above its lowest, 1.700 at step 30", "set patience"),
    ],
    ids=["scratch", "lora", "epochs", "overfitting"],
)
def test_a_broken_rule_says_its_numbers_and_what_to_do(found: Finding, says: str, advises: str) -> None:
    assert not found.holds
    assert says in found.said
    assert advises in found.advice
    assert found.numbers


@pytest.mark.parametrize(
    "found",
    [
        tokens_suffice(of(method="lora", tokens=10, parameters=1_000_000)),
        tokens_suffice(of(method="full", tokens=10, parameters=1_000_000)),
        # The last step of the fourth epoch may have begun a fifth.
        data_is_not_repeated_too_often(of(tokens=4_040)),
        validation_loss_does_not_rise(of(validation_losses=[])),
        validation_loss_does_not_rise(of(validation_losses=[(10, 1.7), (30, 1.716)])),
        # It rose, but the model has the weights of the lowest.
        validation_loss_does_not_rise(of(best_step=10, validation_losses=[(10, 1.0), (20, 2.0)])),
    ],
    ids=["lora", "full", "a fifth epoch begun", "no validation", "noise", "early stop"],
)
def test_what_is_within_a_bound_holds(found: Finding) -> None:
    assert found.holds
