"""What the labelling functions vote, and figures on each of them."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parlance.errors import ConfigError
from parlance.speech_acts.labelling.evidence import prepared
from parlance.speech_acts.labelling.registry import Target, functions
from parlance.speech_acts.labels import LABELS

ABSTAINS: Final = -1
COUNT: Final = "rows"

_SUMMARY: Final = {
    "name": pl.String,
    "act": pl.String,
    "votes": pl.Int64,
    "coverage": pl.Float64,
    "overlap": pl.Float64,
    "conflict": pl.Float64,
    "with_gold": pl.Int64,
    "accuracy": pl.Float64,
}


def fired(utterances: pl.DataFrame) -> pl.DataFrame:
    """Whether each labelling function votes on each utterance, a Boolean column for each by its name.

    `utterances` have the columns of `evidence.CONTEXT`; the rows do not depend on one another.
    """
    return prepared(utterances).select(one.condition().fill_null(False).alias(one.name) for one in functions())


def votes(utterances: pl.DataFrame, *, target: Target = "function") -> pl.DataFrame:
    """What is voted for as `target`: (utterances, functions) Int8, an index into LABELS or ABSTAINS.

    Functions that say nothing about the target have no column.
    """
    return as_votes(fired(utterances), target=target)


def as_votes(fired: pl.DataFrame, *, target: Target) -> pl.DataFrame:
    """The votes for `target` of functions of which `fired` says where they vote."""
    acts = [(one.name, one.act(target)) for one in functions()]
    return fired.select(
        pl.when(name).then(pl.lit(LABELS.index(act), pl.Int8)).otherwise(pl.lit(ABSTAINS, pl.Int8)).alias(name)
        for name, act in acts
        if act is not None
    )


def tallied(frames: Iterable[pl.DataFrame], tally: pl.DataFrame | None = None) -> pl.DataFrame:
    """The distinct rows of `frames` in a fixed order, with their number as the column `rows`, added to a `tally`.

    What functions vote together repeats so often that a corpus is some thousands of rows.
    """
    for frame in frames:
        counted = frame.group_by(frame.columns).agg(pl.len().cast(pl.Int64).alias(COUNT))
        both = counted if tally is None else pl.concat([tally, counted])
        tally = both.group_by(frame.columns).agg(pl.col(COUNT).sum())
    if tally is None:
        schema = {one.name: pl.Boolean() for one in functions()}
        return pl.DataFrame(schema={**schema, COUNT: pl.Int64()})
    return tally.sort(tally.columns)


def summary(votes: pl.DataFrame, gold: pl.Series | None = None, *, rows: pl.Series | None = None) -> pl.DataFrame:
    """One row for each function, as Snorkel's `LFAnalysis` (Ratner et al. 2017) has it.

    `coverage` is the share of utterances on which the function votes, `overlap` of those on which another votes
    too, `conflict` of those on which another votes otherwise, `accuracy` the share of its votes that equal
    `gold`, where that is not null (`with_gold` many; null where none). `rows` says how often each row of `votes`
    counts. Columns: `name`, `act` (null where it never votes), `votes`, and these. Raises ConfigError for series of
    another length.
    """
    weights = _weights(votes, rows)
    matrix = votes.to_numpy() if votes.width else np.empty((votes.height, 0), np.int8)
    truth = gold_indices(gold, votes.height)
    voting = matrix != ABSTAINS
    counts = np.stack([(matrix == act).sum(axis=1) for act in range(len(LABELS))], axis=1)
    total = max(1, int(weights.sum()))
    found = []
    for column, name in enumerate(votes.columns):
        on = voting[:, column]
        weight, choices, own = weights[on], counts[on], matrix[on, column]
        others = choices.sum(axis=1) - 1
        agreeing = choices[np.arange(len(own)), own] - 1
        known = truth[on] >= 0
        right = int(weight[known & (truth[on] == own)].sum())
        with_gold = int(weight[known].sum())
        found.append(
            (
                name,
                LABELS[own[0]] if len(own) else None,
                int(weight.sum()),
                weight.sum() / total,
                weight[others > 0].sum() / total,
                weight[others > agreeing].sum() / total,
                with_gold,
                right / with_gold if with_gold else None,
            )
        )
    return pl.DataFrame(found, schema=_SUMMARY, orient="row")


def gold_indices(gold: pl.Series | None, height: int) -> NDArray[np.int64]:
    """Indices into LABELS, -1 where there is no gold. Raises ConfigError for unknown acts and for another length."""
    if gold is None:
        return np.full(height, -1, np.int64)
    if len(gold) != height:
        raise ConfigError(f"{len(gold)} gold labels for {height} rows of votes; there must be as many")
    if unknown := sorted({*gold.drop_nulls().to_list()} - {*LABELS}):
        raise ConfigError(f"unknown speech acts {unknown}; known: {list(LABELS)}")
    known = {label: index for index, label in enumerate(LABELS)}
    return np.array([known.get(label, -1) for label in gold.to_list()], np.int64)


def _weights(votes: pl.DataFrame, rows: pl.Series | None) -> NDArray[np.int64]:
    if rows is None:
        return np.ones(votes.height, np.int64)
    if len(rows) != votes.height:
        raise ConfigError(f"{len(rows)} numbers of rows for {votes.height} rows of votes; there must be as many")
    return rows.cast(pl.Int64).to_numpy()
