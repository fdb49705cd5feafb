"""The decision: bounds against measures. No text is read here."""

from collections.abc import Sequence
from typing import TypeVar

import polars as pl

from parlance.errors import ConfigError, SchemaError
from parlance.filters import registry
from parlance.filters.recipes import Bound
from parlance.languages import WITHOUT_SPACES

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

# Columns of every signals table that a bound may name beside the rules, with their versions.
COLUMNS = {
    "blocked_host": 1,
    "blocked_words": 1,
    "characters": 1,
    "contamination": 1,
    "language_score": 1,
    "quality": 1,
    "words": 1,
}


def decide(signals: Frame, rules: Sequence[Bound]) -> Frame:
    """For each row `id`, `reason`, `rule`, `value`, `bound`, `reasons` and `version`, in the same order.

    `reason` is the first bound broken in the order of `rules`, as text: `name<bound`, `name>bound`, or
    `name:undefined` for a value that is null or NaN; null where the row is kept. `rule`, `value`, `bound` and
    `version` belong to it (an undefined value broke no number: both are null). `reasons` are all of them.
    A bound with `languages` does not hold for another language or an unknown one; a rule
    that needs spaces between words does not hold for a language written without.
    """
    _check_columns(signals, rules)
    places = range(len(rules))
    reasons = signals.with_columns(_reason(bound).alias(f"_reason_{i}") for i, bound in zip(places, rules, strict=True))
    broken = [pl.col(f"_reason_{i}") for i in places]
    first = _first([pl.when(reason.is_not_null()).then(i) for i, reason in enumerate(broken)], pl.Int32)
    of_first = [pl.when(pl.col("_first") == i) for i in places]
    return reasons.with_columns(_first=first).select(
        "id",
        _first(broken, pl.String).alias("reason"),
        _first([one.then(pl.lit(bound.rule)) for one, bound in zip(of_first, rules, strict=True)], pl.String).alias(
            "rule"
        ),
        _first([one.then(_value(bound)) for one, bound in zip(of_first, rules, strict=True)], pl.Float64).alias(
            "value"
        ),
        _first([one.then(_limit(bound)) for one, bound in zip(of_first, rules, strict=True)], pl.Float64).alias(
            "bound"
        ),
        (pl.concat_list(broken).list.drop_nulls() if rules else pl.lit([], dtype=pl.List(pl.String))).alias("reasons"),
        _first([one.then(_version(bound)) for one, bound in zip(of_first, rules, strict=True)], pl.Int32).alias(
            "version"
        ),
    )


def compare(signals: pl.DataFrame, one: Sequence[Bound], other: Sequence[Bound]) -> pl.DataFrame:
    """The rows of `signals` that two recipes put on different sides: `id`, and `one` and `other`, the first reasons.

    A reason is null where that recipe keeps the row; so exactly one of the two is.
    """
    both = decide(signals, one).select("id", one="reason").with_columns(decide(signals, other)["reason"].alias("other"))
    return both.filter(pl.col("one").is_null() != pl.col("other").is_null())


def _check_columns(signals: pl.DataFrame | pl.LazyFrame, rules: Sequence[Bound]) -> None:
    known = {*registry.rules(), *COLUMNS}
    unknown = [bound.rule for bound in rules if bound.rule not in known]
    if unknown:
        raise ConfigError(f"unknown rule {unknown[0]!r}; known rules: {', '.join(sorted(known))}")
    needed = {"id", "language", *(bound.rule for bound in rules)}
    missing = sorted(needed.difference(signals.collect_schema().names()))
    if missing:
        raise SchemaError(f"signals lack columns {missing}; measure the documents again with the present rules")


def _first(candidates: Sequence[pl.Expr], dtype: pl.DataType | type[pl.DataType]) -> pl.Expr:
    """The first that is not null."""
    return pl.coalesce([*candidates, pl.lit(None)]).cast(dtype)


def _reason(bound: Bound) -> pl.Expr:
    """What the bound says of a row that breaks it; null for the others."""
    value = _value(bound)
    reason = pl.when(~_holds_for(bound)).then(None).when(value.is_null()).then(pl.lit(f"{bound.rule}:undefined"))
    if bound.at_least is not None:
        reason = reason.when(value < bound.at_least).then(pl.lit(f"{bound.rule}<{float(bound.at_least)}"))
    if bound.at_most is not None:
        reason = reason.when(value > bound.at_most).then(pl.lit(f"{bound.rule}>{float(bound.at_most)}"))
    return reason.otherwise(None).cast(pl.String)


def _value(bound: Bound) -> pl.Expr:
    return pl.col(bound.rule).cast(pl.Float64).fill_nan(None)


def _limit(bound: Bound) -> pl.Expr:
    """The side of the bound that the value is beyond; null where there is no value."""
    value = _value(bound)
    below = pl.lit(False) if bound.at_least is None else value < bound.at_least
    limit = (
        pl.when(below).then(pl.lit(bound.at_least, dtype=pl.Float64)).otherwise(pl.lit(bound.at_most, dtype=pl.Float64))
    )
    return pl.when(value.is_not_null()).then(limit)


def _version(bound: Bound) -> pl.Expr:
    return pl.lit(COLUMNS.get(bound.rule) or registry.get(bound.rule).version, dtype=pl.Int32)


def _holds_for(bound: Bound) -> pl.Expr:
    language = pl.col("language")
    holds = pl.lit(True)
    if bound.rule == "words" or (bound.rule not in COLUMNS and registry.get(bound.rule).needs_spaces):
        holds = ~language.is_in(sorted(WITHOUT_SPACES)).fill_null(False)
    if bound.languages is not None:
        holds = holds & language.is_in(bound.languages).fill_null(False)
    return holds
