"""The rules of promotion, on both sides of each bound."""

import math

import polars as pl
import pytest

from parlance.errors import ConfigError
from parlance.evaluation import Decision, Difference, PairedPrompts, PromotionRules, decide

SAME, WORSE = PairedPrompts(won=0, lost=0), PairedPrompts(won=0, lost=6)
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


def decided(
    found: Difference | None = None,
    rules: PromotionRules | None = None,
    prompts: PairedPrompts = SAME,
    **changed: float,
) -> Decision:
    return decide(FIGURES | changed, FIGURES, [found or gain(0.01, 0.2)], prompts, rules=rules or PromotionRules())


@pytest.mark.parametrize(
    ("low", "high", "prompts", "passed"),
    [
        (0.001, 0.2, SAME, True),  # better for certain
        (0.001, 0.2, WORSE, True),  # and prompts are lost, within the margin
        (-0.005, 0.2, SAME, True),  # not worse by more than the margin, prompts no worse
        (-0.005, 0.2, PairedPrompts(won=0, lost=5), True),  # five may be chance
        (-0.005, 0.2, WORSE, False),  # six are not
        (-0.02, 0.2, SAME, False),  # it may be worse by more than the margin
        (-0.2, -0.1, PairedPrompts(won=9, lost=0), False),
        (-math.inf, math.inf, SAME, False),  # no numbers
    ],
)
def test_better_for_certain_or_not_worse(low: float, high: float, prompts: PairedPrompts, passed: bool) -> None:
    assert decided(gain(low, high), prompts=prompts).passed is passed


def test_what_prompts_show_is_in_the_reason() -> None:
    decision = decided(gain(-0.005, 0.2), prompts=PairedPrompts(won=1, lost=9))
    assert ", 1 prompts won and 9 lost" in decision.reason
    assert "with prompts not worse for certain" in decision.reason


@pytest.mark.parametrize(
    ("won", "lost", "worse"),
    [(0, 0, False), (6, 0, False), (6, 6, False), (1, 7, False), (1, 8, True), (40, 60, False), (40, 61, True)],
)
def test_prompts_are_worse_where_chance_hardly_does_it(won: int, lost: int, worse: bool) -> None:
    assert PairedPrompts(won=won, lost=lost).are_worse(confidence=0.95) is worse


def test_a_higher_confidence_asks_for_more_lost_prompts() -> None:
    assert not WORSE.are_worse(confidence=0.99)
    assert PairedPrompts(won=0, lost=8).are_worse(confidence=0.99)


def test_prompts_are_paired_by_their_ids() -> None:
    one = pl.DataFrame({"id": ["a", "b", "c", "d"], "right": [True, True, False, False]})
    other = pl.DataFrame({"id": ["d", "c", "b", "a"], "right": [True, False, False, True]})
    assert PairedPrompts.of(one, other) == PairedPrompts(won=1, lost=1)
    assert PairedPrompts.of(one, one) == SAME
    assert PairedPrompts.of(one.clear(), other.clear()) == SAME


def test_without_prompts_only_certainty_counts() -> None:
    figures = {name: value for name, value in FIGURES.items() if name != "prompts_right"}
    rules = PromotionRules()
    assert not decide(figures, figures, [gain(-0.005, 0.2)], SAME, rules=rules).passed
    assert decide(figures, figures, [gain(0.005, 0.2)], SAME, rules=rules).passed


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
