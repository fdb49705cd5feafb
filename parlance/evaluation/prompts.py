"""A team's own prompts, and whether a model's answers are what was expected.

A file is YAML (a list, or a mapping with the key `prompts`) or JSON lines. Each prompt has

    id:       its name; by default its place in the file
    prompt:   what is asked
    match:    exact, contains, regex, f1 or choice; by default contains
    expected: a text or a list of texts, of which one must fit; of `choice` the right one of `choices`
    choices:  of `choice`: the answers among which the model's likelihood decides
    at_least: of `f1`: the least F1 of words, by default 0.5
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import yaml

from parlance.errors import ConfigError
from parlance.evaluation.overlap import exact_match, f1

KEYS: Final = ("id", "prompt", "match", "expected", "choices", "at_least")


class Match(StrEnum):
    """How an answer is held against what was expected."""

    EXACT = "exact"
    CONTAINS = "contains"
    REGEX = "regex"
    F1 = "f1"
    CHOICE = "choice"


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt; see the module. Raises ConfigError for what cannot be matched."""

    id: str
    prompt: str
    expected: tuple[str, ...]
    match: Match = Match.CONTAINS
    choices: tuple[str, ...] = field(default=())
    at_least: float = 0.5

    def __post_init__(self) -> None:
        if not self.prompt.strip() or not self.expected:
            raise ConfigError("prompt and expected must not be empty")
        if self.match == Match.CHOICE and (len(self.choices) < 2 or not set(self.expected) < set(self.choices)):
            raise ConfigError(f"choices {list(self.choices)} must be two or more and hold {list(self.expected)}")
        if self.match != Match.CHOICE and self.choices:
            raise ConfigError(f"choices are only for match 'choice', not {self.match.value!r}")
        if not 0 < self.at_least <= 1:
            raise ConfigError(f"at_least {self.at_least!r}; allowed: above 0, to 1")
        for pattern in self.expected if self.match == Match.REGEX else ():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ConfigError(f"expected {pattern!r} is no regular expression: {error}") from error

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Prompt":
        """The prompt that `asdict` and JSON made `values` of."""
        texts = {name: tuple(values[name]) for name in ("expected", "choices")}
        return cls(**{**values, **texts, "match": Match(values["match"])})

    def judge(self, answer: str) -> float:
        """How far `answer` is what was expected: F1 for `f1`, else 1 or 0; of a `choice`, what was chosen.

        >>> Prompt(id="1", prompt="How many?", expected=("12", "twelve")).judge("Twelve days.")
        1.0
        """
        return max(self._fits(one, answer) for one in self.expected)

    def is_right(self, value: float) -> bool:
        """Whether a value of `judge` is enough."""
        return value >= (self.at_least if self.match == Match.F1 else 1)

    def _fits(self, expected: str, answer: str) -> float:
        match self.match:
            case Match.EXACT:
                return float(exact_match(expected, answer))
            case Match.CONTAINS:
                return float(" ".join(expected.split()).casefold() in " ".join(answer.split()).casefold())
            case Match.REGEX:
                return float(re.search(expected, answer) is not None)
            case Match.F1:
                return f1(expected, answer)
            case Match.CHOICE:
                return float(answer == expected)


def read_prompts(path: str) -> list[Prompt]:
    """The prompts of a file, in its order; none for an empty `path`.

    Raises ConfigError for a file that is not there, is no YAML or JSON lines, has none, or has a bad one: its place
    and what is wrong are said.
    """
    if not path:
        return []
    prompts = [_prompt(path, place, one) for place, one in enumerate(_items(path), start=1)]
    if not prompts:
        raise ConfigError(f"prompts file {path!r} has no prompts")
    seen: set[str] = set()
    for one in prompts:
        if one.id in seen:
            raise ConfigError(f"prompts file {path!r}: the id {one.id!r} is there twice")
        seen.add(one.id)
    return prompts


def _items(path: str) -> list[Any]:
    file = Path(path)
    if not file.is_file():
        raise ConfigError(f"prompts file {path!r} does not exist; see sample/prompts.yaml for its form")
    text = file.read_text(encoding="utf-8")
    if file.suffix in {".yaml", ".yml"}:
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"prompts file {path!r} is no YAML: {error}") from error
        found = found.get("prompts") if isinstance(found, Mapping) else found
        if not isinstance(found, list):
            raise ConfigError(f"prompts file {path!r} holds no list of prompts")
        return found
    if file.suffix not in {".jsonl", ".ndjson"}:
        raise ConfigError(f"prompts file {path!r} ends with {file.suffix!r}; allowed: .yaml, .yml, .jsonl, .ndjson")
    items = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            items += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise ConfigError(f"prompts file {path!r}, line {number} is no JSON: {error}") from error
    return items


def _prompt(path: str, place: int, found: Any) -> Prompt:
    where = f"prompts file {path!r}, prompt {place}"
    if not isinstance(found, Mapping):
        raise ConfigError(
            f"{where} is {found!r}; it must have the keys {', '.join(KEYS)}, of which prompt and expected"
        )
    if unknown := sorted(set(map(str, found)) - set(KEYS)):
        raise ConfigError(f"{where}: unknown keys {unknown}; allowed: {', '.join(KEYS)}")
    match = str(found.get("match", Match.CONTAINS))
    if match not in set(Match):
        raise ConfigError(f"{where}: match {match!r}; allowed: {', '.join(Match)}")
    at_least = found.get("at_least", 0.5)
    if type(at_least) not in (int, float):
        raise ConfigError(f"{where}: at_least {at_least!r}; allowed: a number above 0, to 1")
    texts = {name: _texts(where, name, found.get(name)) for name in ("expected", "choices")}
    if not isinstance(found.get("prompt", ""), str):
        raise ConfigError(f"{where}: prompt {found['prompt']!r} is no text")
    try:
        return Prompt(
            id=str(found.get("id", place)),
            prompt=found.get("prompt", ""),
            match=Match(match),
            at_least=float(at_least),
            **texts,
        )
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _texts(where: str, name: str, value: Any) -> tuple[str, ...]:
    """A text, a number or a list of them as texts; YAML reads `expected: 12` as a number."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    for one in values:
        if type(one) not in (str, int, float):
            raise ConfigError(f"{where}: {name} holds {one!r}; allowed: texts")
    return tuple(str(one) for one in values)
