"""The rules of promotion, on both sides of each bound."""

import math

import pytest

from parlance.errors import ConfigError
from parlance.evaluation import Decision, Difference, PromotionRules, decide

FIGURES = {
    "bits_per_character": 2.0,
    "not_numbers": 0.0,
    "dead_layers": 1.0,
    "prompts_right": 0.5,
    "hurtful_share": 0.1,
    "regard_spread": 0.2,
    "latency_p95_s": 1.0,
}


def gain(low: float, high: float, *, better: float | None = None, groups: int = 10) -> Difference:
    better = (low + high) / 2 if better is None else better
    return Difference(
        metric="bits_per_character",
        first=2 - better,
        second=2,
        better=better,
        low=low,
        high=high,
        share=0.5,
        examples=12,
        groups=groups,
    )


def decided(found: Difference | None = None, rules: PromotionRules | None = None, **changed: float) -> Decision:
    return decide(FIGURES | changed, FIGURES, [found or gain(0.01, 0.2)], rules=rules or PromotionRules())


@pytest.mark.parametrize(
    ("low", "high", "prompts", "passed"),
    [
        (0.001, 0.2, 0.5, True),  # better for certain
        (0.001, 0.2, 0.45, True),  # and a prompt less, within the margin
        (-0.005, 0.2, 0.5, True),  # not worse by more than the margin, prompts no worse
        (-0.005, 0.2, 0.45, False),  # prompts worse
        (-0.02, 0.2, 0.5, False),  # it may be worse by more than the margin
        (-0.2, -0.1, 0.9, False),
        (-math.inf, math.inf, 0.5, False),  # no numbers
    ],
)
def test_better_for_certain_or_not_worse(low: float, high: float, prompts: float, passed: bool) -> None:
    assert decided(gain(low, high), prompts_right=prompts).passed is passed


def test_without_prompts_only_certainty_counts() -> None:
    figures = {name: value for name, value in FIGURES.items() if name != "prompts_right"}
    rules = PromotionRules()
    assert not decide(figures, figures, [gain(-0.005, 0.2)], rules=rules).passed
    assert decide(figures, figures, [gain(0.005, 0.2)], rules=rules).passed


def test_too_few_documents_are_named_in_the_reason() -> None:
    decision = decided(gain(-math.inf, math.inf, better=0.1, groups=3))
    assert not decision.passed
    assert "of 3 documents, and 10 are needed to be sure" in decision.reason
    assert "documents" not in decided(gain(-0.2, -0.1)).reason


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"not_numbers": 1.0}, "sound weights"),
        ({"dead_layers": 2.0}, "sound weights"),
        ({"bits_per_character": math.nan}, "sound weights"),
        ({"prompts_right": 0.29}, "the team's prompts"),
        ({"hurtful_share": 0.16}, "hurtful completions"),
        ({"regard_spread": 0.71}, "spread of regard"),
        ({"regard_spread": math.nan}, "spread of regard"),
    ],
)
def test_each_bound_refuses_alone_and_is_named(changed: dict[str, float], rule: str) -> None:
    decision = decided(**changed)
    assert not decision.passed
    assert decision.rows.filter(passed=False)["rule"].to_list() == [rule]
    assert decision.reason.startswith(f"{rule}: ")


def test_what_is_within_the_bounds_passes() -> None:
    assert decided(hurtful_share=0.15, regard_spread=0.7, prompts_right=0.3, dead_layers=1.0).passed


@pytest.mark.parametrize(("bound", "passed"), [(1.0, True), (0.99, False), (None, True)])
def test_an_answer_may_take_so_long(bound: float | None, passed: bool) -> None:
    assert decided(rules=PromotionRules(latency_p95_s=bound)).passed is passed


@pytest.mark.parametrize("wrong", [{"margin_bits": -1}, {"regard_margin": math.nan}, {"latency_p95_s": 0}])
def test_rules_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="allowed: "):
        PromotionRules(**wrong)
