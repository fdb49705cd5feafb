"""Draws of utterances by their ids."""

import polars as pl

from parlance.draws import position

# Of the gold this share is the exam: drawn at random for annotation, never picked, never trained on.
EXAM_SHARE = 0.5
EXAM_SEED = 0


def positions(ids: pl.Series, *, seed: int, use: str) -> pl.Series:
    """A number in [0, 1) for each id, the same wherever and whenever it is asked; other `use`, other numbers.

    >>> one, two = positions(pl.Series(["a", "b"]), seed=1, use="random").to_list()
    >>> positions(pl.Series(["b"]), seed=1, use="random").to_list() == [two]
    True
    """
    return pl.Series([position(use, seed, each) for each in ids], dtype=pl.Float64)


def reserved(ids: pl.Series) -> pl.Series:
    """Whether each utterance, should it ever be annotated, is for the exam. It never changes.

    >>> reserved(pl.Series([str(number) for number in range(1_000)])).sum()
    526
    """
    return positions(ids, seed=EXAM_SEED, use="exam") < EXAM_SHARE
