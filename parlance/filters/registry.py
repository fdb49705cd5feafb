"""The rules there are. A rule is a decorated function in any module of this package; nothing lists them."""

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial, wraps
from importlib import import_module

import polars as pl

from parlance.errors import ConfigError

Measure = Callable[[pl.Expr], pl.Expr]
Preparation = Callable[[pl.Series], pl.Series]
OfTurns = Callable[[pl.Series, pl.Series | None], pl.Series]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A measure with its published version and bounds; `at_least` or `at_most` is None where unbounded.

    `measure` takes an expression of the text or, where there is a preparation, of what that made of the text;
    `of_turns` is a preparation that is given the documents' turns too.
    `needs_spaces`: the rule counts words between spaces (or punctuation that some scripts lack), so it says
    nothing about a language of `parlance.languages.WITHOUT_SPACES` and is never applied to one.
    """

    name: str
    measure: Measure
    version: int
    at_least: float | None
    at_most: float | None
    needs_spaces: bool
    preparation: Preparation | None
    of_turns: OfTurns | None

    @property
    def summary(self) -> str:
        """The first line of the rule's docstring."""
        return (self.measure.__doc__ or "").strip().partition("\n")[0]


_RULES: dict[str, Rule] = {}


def rule(
    *,
    version: int,
    at_least: float | None = None,
    at_most: float | None = None,
    needs_spaces: bool = False,
    preparation: Preparation | None = None,
    of_turns: OfTurns | None = None,
) -> Callable[[Measure], Measure]:
    """Register a function of a text expression as the rule of the function's name; it gives floats from then on.

    The expression must give one number per row that depends on that row alone; null means undefined. Rules
    that share costly work name it as their `preparation`, a function of the texts that is called once for all
    of them: the rule is then a function of what it returns, and still called with the text. A preparation
    `of_turns` is also given the column `turns` of the documents, or None where all that is known is their text.
    """

    def register(measure: Measure) -> Measure:
        @wraps(measure)
        def as_float(prepared: pl.Expr) -> pl.Expr:
            return measure(prepared).cast(pl.Float64).fill_nan(None)

        @wraps(measure)
        def of_text(text: pl.Expr) -> pl.Expr:
            prepare = preparation or (of_turns and partial(_without_turns, of_turns))
            if prepare is None:
                return as_float(text)
            made = prepare(pl.Series([], dtype=pl.String)).dtype
            return as_float(text.map_batches(prepare, return_dtype=made, is_elementwise=True))

        _add(
            Rule(
                name=measure.__name__,
                measure=as_float,
                version=version,
                at_least=at_least,
                at_most=at_most,
                needs_spaces=needs_spaces,
                preparation=preparation,
                of_turns=of_turns,
            )
        )
        return of_text

    return register


def scores(texts: pl.Series, names: Sequence[str], *, turns: pl.Series | None = None) -> pl.DataFrame:
    """A float column for each named rule, a row for each text; null where undefined.

    `turns` is the column of that name in `parlance.schemas.DOCUMENTS`; without it each text is one turn.
    """
    found = [get(name) for name in names]
    prepared: dict[Preparation | OfTurns | None, pl.Series] = {None: texts}
    for rule in found:
        if rule.of_turns and rule.of_turns not in prepared:
            prepared[rule.of_turns] = rule.of_turns(texts, turns)
        elif rule.preparation and rule.preparation not in prepared:
            prepared[rule.preparation] = rule.preparation(texts)
    columns = {key: f"prepared_{i}" for i, key in enumerate(prepared)}
    frame = pl.LazyFrame({columns[key]: values for key, values in prepared.items()})
    return frame.select(
        rule.measure(pl.col(columns[rule.preparation or rule.of_turns])).alias(rule.name) for rule in found
    ).collect()


def _without_turns(prepare: OfTurns, texts: pl.Series) -> pl.Series:
    return prepare(texts, None)


def _add(rule: Rule) -> None:
    known = _RULES.get(rule.name)
    if known and known.measure.__module__ != rule.measure.__module__:
        raise ConfigError(
            f"rule {rule.name!r} stands in both {known.measure.__module__} and {rule.measure.__module__}; "
            "names must be unique"
        )
    _RULES[rule.name] = rule


def rules() -> list[str]:
    """Names of all rules, sorted."""
    return sorted(_registered())


def get(name: str) -> Rule:
    """The rule of that name; ConfigError lists the known ones."""
    found = _registered().get(name)
    if found is None:
        raise ConfigError(f"unknown rule {name!r}; known rules: {', '.join(rules())}")
    return found


def describe() -> pl.DataFrame:
    """One row per rule: `rule`, `version`, its published bounds, `needs_spaces` and `summary`."""
    schema = {
        "rule": pl.String,
        "version": pl.Int32,
        "at_least": pl.Float64,
        "at_most": pl.Float64,
        "needs_spaces": pl.Boolean,
        "summary": pl.String,
    }
    rows = [
        (found.name, found.version, found.at_least, found.at_most, found.needs_spaces, found.summary)
        for found in map(get, rules())
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


@cache
def _registered() -> dict[str, Rule]:
    package = import_module("parlance.filters")
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    return _RULES
