"""The labelling functions there are: decorated functions in any module of `by_act/`; nothing lists them."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from importlib import import_module
from typing import Final, Literal

import polars as pl

from parlance.errors import ConfigError
from parlance.speech_acts.labelling.evidence import prepared
from parlance.speech_acts.labels import SpeechAct

Target = Literal["form", "function"]
TARGETS: Final[tuple[Target, ...]] = ("form", "function")
Condition = Callable[[], pl.Expr]


@dataclass(frozen=True, kw_only=True)
class LabellingFunction:
    """A condition on an utterance in its context, and the act that it votes for where it holds.

    `form` or `function` is None where it says nothing about that target.
    """

    name: str
    condition: Condition
    form: SpeechAct | None
    function: SpeechAct | None

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (self.condition.__doc__ or "").strip().partition("\n")[0]

    def act(self, target: Target) -> SpeechAct | None:
        """What it votes for as `target`."""
        return self.form if target == "form" else self.function


_FUNCTIONS: dict[str, LabellingFunction] = {}


def labels(
    *, form: SpeechAct | None = None, function: SpeechAct | None = None
) -> Callable[[Condition], Callable[..., bool]]:
    """Register a function that gives a boolean expression over the columns of `evidence`.

    What is left of it is a function of one utterance: its text, what was said before (by somebody else, where
    nothing is said of `speaker_changed`) and any other column of CONTEXT. A null counts as an abstention.
    """
    if form is None and function is None:
        raise ConfigError("a labelling function needs the form or the function that it votes for; both are None")

    def register(condition: Condition) -> Callable[..., bool]:
        found = LabellingFunction(name=condition.__name__, condition=condition, form=form, function=function)
        known = _FUNCTIONS.get(found.name)
        if known and known.condition.__module__ != condition.__module__:
            raise ConfigError(
                f"labelling function {found.name!r} stands in both {known.condition.__module__} and "
                f"{condition.__module__}; names must be unique"
            )
        _FUNCTIONS[found.name] = found

        @wraps(condition)
        def of_one(text: str, previous: str | None = None, **context: object) -> bool:
            row: dict[str, object] = {"text": text, "previous": previous, "speaker_changed": previous is not None}
            row |= {"position": int(previous is not None), "is_bot": False, "medium": "chat"} | context
            frame = prepared(pl.DataFrame([row], infer_schema_length=None))
            return bool(frame.select(condition().fill_null(False)).item())

        return of_one

    return register


def functions() -> list[LabellingFunction]:
    """All labelling functions in the order of their names."""
    return [found for _, found in sorted(_registered().items())]


def describe() -> pl.DataFrame:
    """One row for each labelling function: `name`, the acts it votes for as `form` and `function`, `summary`."""
    rows = [(found.name, found.form, found.function, found.summary) for found in functions()]
    return pl.DataFrame(rows, schema=dict.fromkeys(("name", "form", "function", "summary"), pl.String), orient="row")


@cache
def _registered() -> dict[str, LabellingFunction]:
    package = import_module("parlance.speech_acts.labelling.by_act")
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    return _FUNCTIONS
