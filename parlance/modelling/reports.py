"""What training, evaluation and generation tell their caller. Nothing here loads a model."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import polars as pl


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where training stands after `step` of `steps`; `validation_loss` is null where this step measured none.

    `loss` is the mean per token since the last report, `tokens_per_second` that of this process.
    """

    step: int
    steps: int
    loss: float
    validation_loss: float | None
    tokens_per_second: float


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """What a training run did.

    `resumed_from` is the step of the checkpoint that this process went on from, 0 where it began. `tokens` (padding
    not counted) and the losses, as (step, nats per token), are of the whole run, `seconds` of this process.
    `parameters` counts an adapter in. `left_out` lists the ids of examples longer than the sequence length.
    """

    fingerprint: str
    steps: int
    resumed_from: int
    train_losses: list[tuple[int, float]]
    validation_losses: list[tuple[int, float]]
    tokens: int
    seconds: float
    device: str
    parameters: int
    trainable_parameters: int
    left_out: list[str]


@dataclass(frozen=True, kw_only=True)
class Generated:
    """One answer; `tokens` counts what the model wrote, its end token included.

    `prompt_was_cut` is true where the end of the question did not fit the model's window.
    """

    text: str
    tokens: int
    prompt_was_cut: bool


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a model does on held-out examples.

    `loss` (nats per token), `perplexity` and `bits_per_character` are of the reference answers and their end tokens,
    given the question. `rouge*` (F1, 0 to 1), `bleu` and `chrf` (0 to 100) compare the model's own answers with
    the references. `answers` has the columns id, question, reference, answer. `left_out` lists the ids of
    examples that are longer than the model's window.
    """

    examples: int
    tokens: int
    characters: int
    loss: float
    perplexity: float
    bits_per_character: float
    rouge1: float
    rouge2: float
    rouge_l: float
    bleu: float
    chrf: float
    answers: pl.DataFrame
    left_out: list[str]

    def figures(self) -> dict[str, float]:
        """The numbers by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.type in (int, float)}
