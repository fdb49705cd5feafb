"""What an evaluation tells its caller. Nothing here loads a model."""

from dataclasses import dataclass, fields
from typing import Any

import polars as pl


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a model does on held-out examples.

    `loss` (nats per token), `perplexity` and `bits_per_character` are of the reference answers and their end tokens,
    given the question. `rouge*`, `exact_match` and `f1` (0 to 1), `bleu` and `chrf` (0 to 100) compare the model's own
    answers with the references. `answers` has the columns id, question, reference, answer; `scores` the same ids with
    what each example adds to the figures (see `compare`). `left_out` lists the ids of examples that are longer than
    the model's window.
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
    exact_match: float
    f1: float
    answers: pl.DataFrame
    scores: pl.DataFrame
    left_out: list[str]

    def figures(self) -> dict[str, float]:
        """The numbers by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.type in (int, float)}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All that is measured of one model: `figures` by name, and the tables behind them.

    `examples`: `Evaluation.answers` joined with `scores`. `prompts`: a row for each prompt of the team. `bias`: a row
    for each group of people. `health`: a row for each matrix of weights. `left_out`: ids that were too long.
    """

    figures: dict[str, float]
    examples: pl.DataFrame
    prompts: pl.DataFrame
    bias: pl.DataFrame
    health: pl.DataFrame
    left_out: list[str]

    def frames(self) -> dict[str, pl.DataFrame]:
        return {name: getattr(self, name) for name in ("examples", "prompts", "bias", "health")}

    def to_dict(self) -> dict[str, Any]:
        return {"figures": self.figures, "left_out": self.left_out}
