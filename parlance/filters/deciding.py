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
COLUMNS = {"characters": 1, "language_score": 1, "words": 1}

_VERDICT = pl.Struct(
    {"reason": pl.String, "rule": pl.String, "value": pl.Float64, "bound": pl.Float64, "version": pl.Int32}
)


def decide(signals: Frame, rules: Sequence[Bound]) -> Frame:
    """For each row `id`, `reason`, `rule`, `value`, `bound`, `reasons` and `version`, in the same order.

    `reason` is the first bound broken in the order of `rules`, as text: `name<bound`, `name>bound`, or
    `name:undefined` for a value that is null or NaN; null where the row is kept. `rule`, `value`, `bound` and
    `version` belong to it (an undefined value broke no number: both are null). `reasons` are all of them.
    A bound with `languages` does not hold for another language or an unknown one; a rule
    that needs spaces between words does not hold for a language written without.
    """
    _check_columns(signals, rules)
    verdicts = [_verdict(bound) for bound in rules]
    broken = pl.concat_list(verdicts).list.drop_nulls() if verdicts else pl.lit([], dtype=pl.List(_VERDICT))
    first = pl.col("_broken").list.get(0, null_on_oob=True).struct
    return signals.select("id", broken.alias("_broken")).select(
        "id",
        first.field("reason"),
        first.field("rule"),
        first.field("value"),
        first.field("bound"),
        pl.col("_broken").list.eval(pl.element().struct.field("reason")).alias("reasons"),
        first.field("version"),
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


def _verdict(bound: Bound) -> pl.Expr:
    """Struct of reason, rule, value, bound and version where the bound is broken, else null."""
    value = pl.col(bound.rule).cast(pl.Float64).fill_nan(None)
    broken = pl.when(~_holds_for(bound)).then(None).when(value.is_null()).then(_broken(bound, "undefined", None))
    if bound.at_least is not None:
        broken = broken.when(value < bound.at_least).then(_broken(bound, "<", bound.at_least))
    if bound.at_most is not None:
        broken = broken.when(value > bound.at_most).then(_broken(bound, ">", bound.at_most))
    return broken.otherwise(None)


def _holds_for(bound: Bound) -> pl.Expr:
    language = pl.col("language")
    holds = pl.lit(True)
    if bound.rule == "words" or (bound.rule not in COLUMNS and registry.get(bound.rule).needs_spaces):
        holds = ~language.is_in(sorted(WITHOUT_SPACES)).fill_null(False)
    if bound.languages is not None:
        holds = holds & language.is_in(bound.languages).fill_null(False)
    return holds


def _broken(bound: Bound, how: str, limit: float | None) -> pl.Expr:
    reason = f"{bound.rule}:{how}" if limit is None else f"{bound.rule}{how}{float(limit)}"
    version = COLUMNS.get(bound.rule) or registry.get(bound.rule).version
    return pl.struct(
        pl.lit(reason).alias("reason"),
        pl.lit(bound.rule).alias("rule"),
        pl.col(bound.rule).cast(pl.Float64).fill_nan(None).alias("value"),
        pl.lit(limit, dtype=pl.Float64).alias("bound"),
        pl.lit(version, dtype=pl.Int32).alias("version"),
    )
