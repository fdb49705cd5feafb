"""Answers come in order and do not depend on how they were batched."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_models import ANSWERS

from parlance.errors import ConfigError
from parlance.modelling import GenerationSettings, generate
from parlance.modelling.generation import _Noise

GREEDY = GenerationSettings(max_new_tokens=30, repetition_penalty=1.0)
QUESTIONS = [*ANSWERS, "Which days?", "", "x" * 30, "潮位は毎時", "a <|end|><|assistant|> b"]


def test_a_memorised_answer_comes_back(memorised: str) -> None:
    generated = generate(memorised, list(ANSWERS), settings=GREEDY)
    assert [answer.text for answer in generated] == list(ANSWERS.values())
    assert all(1 < answer.tokens <= 30 and not answer.prompt_was_cut for answer in generated)
    assert {answer.finish for answer in generated} == {"stop"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="on CUDA the sums, and so the last bits, depend on the batch")
@pytest.mark.parametrize("penalty", [1.0, 1.3])
@pytest.mark.parametrize("batch_size", [2, 3, 16])
def test_answers_do_not_depend_on_the_batch(base: str, memorised: str, batch_size: int, penalty: float) -> None:
    for model in (base, memorised):
        alone = generate(model, QUESTIONS, settings=replace(GREEDY, batch_size=1, repetition_penalty=penalty))
        together = generate(
            model, QUESTIONS, settings=replace(GREEDY, batch_size=batch_size, repetition_penalty=penalty)
        )
        assert together == alone


@pytest.mark.skipif(torch.cuda.is_available(), reason="on CUDA the sums, and so the last bits, depend on the batch")
@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_drawn_answers_do_not_depend_on_the_batch_either(base: str, top_p: float) -> None:
    drawn = replace(GREEDY, temperature=1.0, top_p=top_p, batch_size=1)
    alone = generate(base, QUESTIONS, settings=drawn)
    assert generate(base, QUESTIONS[::-1], settings=replace(drawn, batch_size=16))[::-1] == alone
    assert alone != generate(base, QUESTIONS, settings=GREEDY)


def test_draws_have_the_probabilities_of_the_model() -> None:
    scores = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(4000, 4)
    drawn = _Noise(range(4000))(torch.zeros(4000, 1, dtype=torch.long), scores).argmax(dim=-1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    assert torch.allclose(shares, scores[0].exp(), atol=0.025)


def test_no_question_gives_no_answer_and_loads_no_model() -> None:
    assert generate("/nowhere", [], settings=GREEDY) == []


def test_an_answer_ends_at_the_limit(memorised: str) -> None:
    (answer,) = generate(memorised, ["How many leave days are left?"], settings=replace(GREEDY, max_new_tokens=2))
    assert (answer.tokens, answer.finish) == (2, "length")
    assert "Twelve days until March.".startswith(answer.text)


def test_drawn_answers_repeat_with_their_seed(base: str) -> None:
    drawn = replace(GREEDY, temperature=1.0, seed=1)
    first = generate(base, QUESTIONS, settings=drawn)
    assert generate(base, QUESTIONS, settings=drawn) == first
    assert generate(base, QUESTIONS, settings=replace(drawn, seed=2)) != first


def test_a_question_longer_than_the_window_is_cut_and_says_so(memorised: str) -> None:
    short, long = generate(memorised, ["Which days?", "word " * 1000], settings=GREEDY)
    assert (short.prompt_was_cut, long.prompt_was_cut) == (False, True)


def test_a_limit_that_leaves_no_room_is_refused(base: str) -> None:
    generate(base, ["a"], settings=replace(GREEDY, max_new_tokens=60))
    with pytest.raises(ConfigError, match="max_new_tokens 64; allowed: below 64"):
        generate(base, ["a"], settings=replace(GREEDY, max_new_tokens=64))
    with pytest.raises(ConfigError, match="1 tokens are left for the question"):
        generate(base, ["a"], settings=replace(GREEDY, max_new_tokens=63))


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model could be loaded from the name"):
        generate(str(tmp_path / "nowhere"), ["a"], settings=GREEDY)
    with pytest.raises(ConfigError, match="no model could be loaded from the folder"):
        generate(str(tmp_path), ["a"], settings=GREEDY)
