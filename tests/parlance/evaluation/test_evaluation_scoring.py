"""Figures of an evaluation against what they are by hand."""

import json
import math
from typing import Any

import polars as pl
import pytest
import torch

from parlance.errors import ConfigError
from parlance.evaluation import evaluate, scoring
from parlance.evaluation.overlap import overlap
from parlance.evaluation.scoring import answer_nats
from parlance.modelling import GenerationSettings
from parlance.modelling.chats import IGNORED, labelled_examples, labelled_tokens
from parlance.modelling.loading import load_model, load_tokenizer
from tests.parlance.modelling.tiny_models import ANSWERS, chat, examples

GREEDY = GenerationSettings(max_new_tokens=30, repetition_penalty=1.0)
TESTED = examples(ANSWERS, split="test")


def test_a_memorised_set_is_answered_without_fault(memorised: str) -> None:
    evaluation = evaluate(memorised, TESTED, settings=GREEDY)
    assert (evaluation.rouge1, evaluation.rouge2, evaluation.rouge_l) == (1.0, 1.0, 1.0)
    assert evaluation.bleu == pytest.approx(100)
    assert evaluation.chrf == pytest.approx(100)
    assert evaluation.loss < 0.1
    assert (evaluation.exact_match, evaluation.f1) == (1.0, 1.0)
    assert evaluation.answers["answer"].to_list() == evaluation.answers["reference"].to_list() == list(ANSWERS.values())
    assert evaluation.answers.columns == ["id", "question", "reference", "answer"]
    assert evaluation.answers["id"].to_list() == TESTED["id"].to_list()


def test_bits_per_character_by_hand(indifferent: str) -> None:
    evaluation = evaluate(indifferent, TESTED, settings=GREEDY)
    tokenizer = load_tokenizer(indifferent)
    # An answer's tokens and its end token, each 1 of 400.
    tokens = sum(len(tokenizer(answer)["input_ids"]) + 1 for answer in ANSWERS.values())
    characters = sum(len(answer) for answer in ANSWERS.values())
    assert (evaluation.tokens, evaluation.characters, evaluation.examples) == (tokens, characters, 4)
    assert evaluation.bits_per_character == pytest.approx(tokens * math.log2(400) / characters, rel=1e-6)
    assert evaluation.loss == pytest.approx(math.log(400), rel=1e-6)
    assert evaluation.perplexity == pytest.approx(400, rel=1e-5)
    assert evaluation.scores["nats"].sum() / tokens == pytest.approx(math.log(400), rel=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_figures_do_not_depend_on_the_batch(base: str, batch_size: int) -> None:
    settings = GenerationSettings(max_new_tokens=5, batch_size=batch_size)
    one, other = (
        evaluate(base, TESTED, settings=GenerationSettings(max_new_tokens=5)),
        evaluate(base, TESTED, settings=settings),
    )
    assert one.figures() == pytest.approx(other.figures(), rel=1e-5)


@pytest.mark.parametrize("most_tokens", [1, 60, 4096])
def test_losses_are_of_labelled_tokens_alone_in_batches_that_fit(
    base: str, monkeypatch: pytest.MonkeyPatch, most_tokens: int
) -> None:
    monkeypatch.setattr(scoring, "MOST_TOKENS", most_tokens)
    model = load_model(base)
    fitting, _ = labelled_examples(load_tokenizer(base), TESTED, at_most=64)
    sequences = [example.sequence for example in fitting]
    batches, computed = [], []
    model.register_forward_pre_hook(lambda _, args, given: batches.append(given["input_ids"].shape), with_kwargs=True)
    cross_entropy = torch.nn.functional.cross_entropy

    def counted(scores: torch.Tensor, *args: Any, **more: Any) -> torch.Tensor:
        computed.append(len(scores))
        return cross_entropy(scores, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.functional, "cross_entropy", counted)
        nats, tokens = answer_nats(model, sequences, padding=0, batch_size=3)
    assert sorted(computed) == sorted(tokens)
    assert all(rows == 1 or (rows <= 3 and rows * width <= most_tokens) for rows, width in batches)
    assert sum(rows for rows, _ in batches) == 4
    for sequence, found, count in zip(sequences, nats, tokens, strict=True):
        one = {name: torch.tensor([values]) for name, values in sequence.items()}
        assert count == sum(label != IGNORED for label in sequence["labels"])
        assert found == pytest.approx(model(**one).loss.item() * count, rel=1e-5)


def test_figures_are_json_and_only_numbers(base: str) -> None:
    figures = evaluate(base, TESTED, settings=GenerationSettings(max_new_tokens=5)).figures()
    assert json.loads(json.dumps(figures)) == figures
    assert set(figures) >= {"loss", "perplexity", "bits_per_character", "rouge1", "rouge2", "rouge_l", "bleu", "chrf"}
    assert not {"answers", "left_out"} & set(figures)


def test_only_the_test_split_counts_and_what_does_not_fit_is_listed(base: str) -> None:
    frame = pl.concat([examples(ANSWERS), examples({"one?": "two", "long?": "word " * 200}, split="test")])
    evaluation = evaluate(base, frame, settings=GenerationSettings(max_new_tokens=5))
    assert evaluation.answers["reference"].to_list() == ["two"]
    assert evaluation.left_out == ["test-1"]


@pytest.mark.parametrize("frame", [examples({}), examples(ANSWERS)], ids=["no examples", "no test split"])
def test_an_empty_split_is_refused(frame: pl.DataFrame) -> None:
    with pytest.raises(ConfigError, match="no example of split 'test' to evaluate on"):
        evaluate("/nowhere", frame, settings=GREEDY)


def test_a_split_of_which_nothing_fits_is_refused(base: str) -> None:
    with pytest.raises(ConfigError, match="all 1 test examples are longer than the model's 64 tokens"):
        evaluate(base, examples({"long?": "word " * 200}, split="test"), settings=GREEDY)


def test_labels_shifted_by_one_predict_the_first_token_of_the_answer(base: str) -> None:
    tokenizer = load_tokenizer(base)
    tokens, labels = labelled_tokens(tokenizer, chat("one?", "two"))
    first = next(place for place, label in enumerate(labels) if label != IGNORED)
    assert tokenizer.decode(tokens[first - 1]) == "<|assistant|>"


@pytest.mark.parametrize(
    ("reference", "answer", "rouge1", "rouge2"),
    [
        ("the cat sat", "the cat sat", 1.0, 1.0),
        ("the cat sat", "the dog sat", 2 / 3, 0.0),
        ("the cat sat", "", 0.0, 0.0),
        ("Größe prüfen", "größe PRÜFEN", 1.0, 1.0),
        ("Größe", "gr e", 0.0, 0.0),
        ("潮位", "潮の位", 0.8, 0.0),
        ("🙂", "🙂", 0.0, 0.0),
    ],
)
def test_rouge_counts_words_of_any_script(reference: str, answer: str, rouge1: float, rouge2: float) -> None:
    figures = overlap([reference], [answer])
    assert (figures["rouge1"], figures["rouge2"]) == pytest.approx((rouge1, rouge2))
