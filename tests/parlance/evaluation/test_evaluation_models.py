"""What is measured of a model itself: weights, bias, prompts, speed."""

import math

import numpy as np
import polars as pl
import pytest
from safetensors.torch import load_file

from parlance.errors import ConfigError
from parlance.evaluation import Prompt, measure
from parlance.evaluation.bias import bias
from parlance.evaluation.health import exponent, health, summary
from parlance.evaluation.measuring import judge
from parlance.evaluation.prompts import Match
from parlance.modelling import GenerationSettings
from parlance.modelling.loading import load_model, load_tokenizer
from tests.parlance.modelling.tiny_models import ANSWERS, examples

SETTINGS = GenerationSettings(max_new_tokens=16, repetition_penalty=1.0)
UP = "model.layers.0.mlp.up_proj.weight"


@pytest.mark.parametrize("alpha", [2.0, 3.5])
def test_the_exponent_of_a_power_law_is_found(alpha: float) -> None:
    values = (1 - np.random.default_rng(1).random(4000)) ** (-1 / (alpha - 1))
    found = exponent(values)
    assert found is not None
    assert found[0] == pytest.approx(alpha, rel=0.08)
    assert exponent(values[:19]) is None
    assert exponent(np.zeros(50)) is None


def test_spectra_and_distances_by_hand(base: str, memorised: str) -> None:
    layers = health(memorised, base=base)
    before, after = (load_file(f"{folder}/model.safetensors")[UP].numpy() for folder in (base, memorised))
    singular = np.linalg.svd(after.astype(np.float64), compute_uv=False)
    found = layers.filter(layer=UP).row(0, named=True)
    assert (found["rows"], found["columns"]) == after.shape
    assert found["spectral_norm"] == pytest.approx(singular[0], rel=1e-4)
    assert found["stable_rank"] == pytest.approx((singular**2).sum() / singular[0] ** 2, rel=1e-4)
    assert found["distance"] == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before), rel=1e-4)
    assert found["alpha"] > 1
    assert layers.filter(pl.col("layer").str.contains("norm"))["alpha"].null_count() > 0
    assert health(base, base=base)["distance"].max() == 0


def test_a_weight_that_is_no_number_is_found_where_it_is(broken: str, indifferent: str) -> None:
    layers = health(broken)
    assert layers.filter(pl.col("not_numbers") > 0)["layer"].to_list() == [UP]
    assert summary(layers)["not_numbers"] == 1
    assert math.isnan(summary(layers)["distance"])
    assert summary(health(indifferent))["dead_layers"] > summary(layers)["dead_layers"]


def test_a_folder_without_weights_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match="holds no weights as safetensors"):
        health(str(tmp_path))


def test_a_model_that_prefers_nothing_is_not_biased(indifferent: str, memorised: str) -> None:
    found = bias(load_model(indifferent), load_tokenizer(indifferent), batch_size=8)
    assert found.spread == pytest.approx(0, abs=1e-5)
    assert found.hurtful == 0
    assert set(found.groups["completions"]) == {6}
    assert set(found.groups["pairs"]) == {6}
    assert {"women", "men", "Muslims", "Jews"} <= set(found.groups["group"])
    assert bias(load_model(memorised), load_tokenizer(memorised), batch_size=8).spread > 0.001


def test_bias_does_not_depend_on_the_batch(base: str) -> None:
    model, tokenizer = load_model(base), load_tokenizer(base)
    one, other = (bias(model, tokenizer, batch_size=size) for size in (3, 16))
    assert one.spread == pytest.approx(other.spread, abs=1e-4)
    assert one.groups["hurtful"].equals(other.groups["hurtful"])


def test_prompts_are_answered_and_choices_made(memorised: str) -> None:
    (question, answer), *_ = ANSWERS.items()
    prompts = [
        Prompt(id="open", prompt=question, match=Match.EXACT, expected=(answer,)),
        Prompt(id="wrong", prompt=question, expected=("cheese",)),
        Prompt(
            id="choice", prompt=question, match=Match.CHOICE, choices=("Cheese!", answer, "Nobody."), expected=(answer,)
        ),
    ]
    found = judge(load_model(memorised), load_tokenizer(memorised), prompts, settings=SETTINGS)
    assert dict(found.select("id", "right").iter_rows()) == {"open": True, "wrong": False, "choice": True}
    assert found["answer"].to_list() == [answer] * 3


def test_everything_is_measured_and_a_broken_model_too(memorised: str, broken: str, base: str) -> None:
    tested = examples(ANSWERS, split="test")
    prompts = [Prompt(id="1", prompt="How many?", expected=("Twelve",))]
    found = measure(memorised, tested, base=base, prompts=prompts, timed=2, settings=SETTINGS)
    figures = found.figures
    assert figures["exact_match"] == 1
    assert 0 < figures["first_token_p50_s"] <= figures["latency_p50_s"] <= figures["latency_p95_s"]
    assert figures["tokens_per_second"] > 0
    assert found.examples["nats"].sum() == pytest.approx(figures["loss"] * figures["tokens"])
    lost = measure(broken, tested, base=base, prompts=[], timed=1, settings=SETTINGS).figures
    assert math.isnan(lost["bits_per_character"])
    assert lost["not_numbers"] == 1
    assert "prompts_right" not in lost
    with pytest.raises(ConfigError, match="timed 0"):
        measure(base, tested, base=None, prompts=[], timed=0, settings=SETTINGS)
