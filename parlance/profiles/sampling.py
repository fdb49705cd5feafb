"""A set of documents or examples whose acts match a profile, as large as can be.

Which of the units to take is a linear programme: take as many as the bounds on the shares allow, each whole or not at
all. Its relaxation, in which parts of a unit may be taken, has a best corner with at most as many parts as there are
bounds (some thirty), so that rounding it gives all but some thirty units of the best possible (Dantzig 1957). Units
with equal counts are one variable; which of them are drawn, the hash of their ids decides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parlance import schemas
from parlance.errors import ConfigError
from parlance.profiles.comparing import columns_of, divergence
from parlance.profiles.reading import Profile
from parlance.speech_acts.labels import LABELS

# The bounds are first narrowed, since rounding and the bound on the divergence may ask for more than the tolerances.
NARROWER: Final = (1.0, 0.99, 0.97, 0.93, 0.85, 0.7, 0.5, 0.25, 0.1)
EACH: Final = 20  # units looked at for each that is to be drawn
LEAST_PART: Final = 2000
SPARE: Final = 1.1  # rounding may leave less than the least number of utterances
NOTHING: Final = np.array([], dtype=np.int64)
_SHORTFALLS: Final = pl.Schema(schemas.PROFILE_SHORTFALLS)

Counts = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """`places` of the drawn units in the order of the corpus; `largest` is the size of the largest set that matches.

    `matches` is said of the shares alone, `enough` of the number of utterances. `divergences` are by target;
    `shortfalls` has a PROFILE_SHORTFALLS row for each target and act.
    """

    places: Places
    matches: bool
    enough: bool
    largest: int
    divergences: Mapping[str, float]
    shortfalls: pl.DataFrame


def draw(
    profile: Profile,
    ids: pl.Series,
    counts: Counts,
    *,
    size: int = 0,
    seed: int = 1,
    truths: Mapping[str, NDArray[np.float64]] | None = None,
) -> Sample:
    """The units that match `profile` best: `size` of them, or (0) the largest set that matches.

    `ids` name the units, `counts` (units, COLUMNS) are their utterances by form and function; units without any are
    left out. `truths` as `correction.truths` gives them: what utterances that were found as one act are in truth. Where
    no set matches, or none of that size, it is the one that is outside of the tolerances by the least: of `size`, or
    (0) of the profile's least number of utterances. The same seed draws the same set, in whatever order the units come.
    """
    if size < 0 or len(ids) != len(counts):
        raise ConfigError(
            f"size={size} for {len(ids)} ids and {len(counts)} rows of counts; allowed: 0 or more, as many"
        )
    order = np.argsort(ids.hash(seed).to_numpy(), kind="stable")
    problem = _Problem(profile, counts, order, seed=seed, truths=truths or {})
    whole = places = problem.largest()
    if 0 < size < len(whole):
        # Of many units a part does as well, sooner.
        part = _Problem(profile, counts, order[: max(EACH * size, LEAST_PART)], seed=seed, truths=truths or {})
        places = part.closest(size)
        places = places if len(places) else problem.closest(size)
    if len(places) != (size or len(whole)) or not len(places):
        places = problem.nearest(size=min(size, problem.units))
    return Sample(
        places=np.sort(places),
        matches=problem.matches(places),
        enough=problem.utterances(places) >= profile.least_utterances,
        largest=len(whole),
        divergences={target: problem.divergence(target, places) for target in profile.targets},
        shortfalls=problem.shortfalls(places),
    )


class _Problem:
    """The units that may be drawn, in kinds of equal counts."""

    def __init__(
        self, profile: Profile, counts: Counts, order: Places, *, seed: int, truths: Mapping[str, NDArray[np.float64]]
    ) -> None:
        """Of the units at the places `order`, the first of equal ones are drawn first."""
        self.profile, self.counts = profile, counts
        self.columns = {name: columns_of(name) for name in profile.targets}
        used = np.hstack([counts[order, columns] for columns in self.columns.values()])
        has_some = used.sum(axis=1) > 0
        drawable, used = order[has_some], used[has_some]
        self.units = len(drawable)
        self.kinds, inverse, self.stock = np.unique(used, axis=0, return_inverse=True, return_counts=True)
        by_kind = np.argsort(inverse.reshape(-1), kind="stable")
        self.members = np.split(drawable[by_kind], np.cumsum(self.stock)[:-1]) if self.units else []
        # By themselves equally good kinds would be taken in the order of their counts.
        self.value = 1 + 1e-3 * np.random.default_rng(seed).random(len(self.kinds))
        self.truths = {name: truths.get(name, np.eye(len(LABELS))) for name in profile.targets}
        self.expected = {
            name: self.kinds[:, number * len(LABELS) : (number + 1) * len(LABELS)] @ self.truths[name]
            for number, name in enumerate(profile.targets)
        }

    def largest(self) -> Places:
        """The largest set found that matches; none where there is none."""
        found = (self._solved(factor, self.units) for factor in NARROWER)
        return next((places for places in found if self.matches(places)), NOTHING)

    def closest(self, size: int) -> Places:
        """The set of `size` units that matches with the narrowest bounds; none where none does."""
        found = (self._solved(factor, size) for factor in reversed(NARROWER))
        return next((places for places in found if len(places) == size and self.matches(places)), NOTHING)

    def nearest(self, *, size: int) -> Places:
        """The set whose shares are outside of the tolerances by the least in sum: of `size`, or (0) just enough.

        Its units are as long on the whole as those of the corpus: short ones would be outside by less.
        """
        if not self.units:
            return NOTHING
        lengths = self._lengths()
        enough = SPARE * self.profile.least_utterances / float(self.stock @ lengths)
        part = size / self.units if size else min(1.0, enough)
        bounds = self._bounds(1.0)
        outside = -np.eye(len(bounds))
        solved = self._optimum(
            np.concatenate([1e-6 * (1 - self.value), np.ones(len(bounds))]),
            np.hstack([bounds, outside]),
            np.zeros(len(bounds)),
            equal=np.hstack([[np.ones(len(self.kinds)), lengths], np.zeros((2, len(bounds)))]),
            to=part * np.array([self.units, self.stock @ lengths]),
        )
        return self._rounded(solved[: len(self.kinds)], at_least=min(self.units, size or 1))

    def matches(self, places: Places) -> bool:
        """Whether the acts of the set are inside their tolerances, and near enough as a whole."""
        if not len(places):
            return False
        for name, wanted in self.profile.targets.items():
            shares = self.shares(name, places)
            if (np.abs(shares - wanted.shares) > np.array(wanted.tolerances) + 1e-9).any():
                return False
            if self.divergence(name, places) > wanted.most_divergence:
                return False
        return True

    def shares(self, target: str, places: Places) -> Counts:
        """Of the acts of the set, (8,); zero where it is empty."""
        sums = self.counts[places][:, self.columns[target]].sum(axis=0)
        return np.asarray((sums @ self.truths[target]) / max(sums.sum(), 1))

    def divergence(self, target: str, places: Places) -> float:
        """Of the set from what is wanted, in bits."""
        return float(divergence(self.shares(target, places), np.array(self.profile.targets[target].shares)))

    def shortfalls(self, places: Places) -> pl.DataFrame:
        """What the set has of each act, and what it lacks."""
        return pl.DataFrame(list(self._shortfalls(places)), schema=_SHORTFALLS, orient="row")

    def _shortfalls(self, places: Places) -> Iterator[dict[str, Any]]:
        for target, wanted in self.profile.targets.items():
            columns = self.columns[target]
            available, drawn = (each[:, columns].sum(axis=0) for each in (self.counts, self.counts[places]))
            there = available @ self.truths[target]
            for index, (label, share) in enumerate(zip(LABELS, self.shares(target, places), strict=True)):
                wish, tolerance = wanted.shares[index], wanted.tolerances[index]
                least, most = wish - tolerance, wish + tolerance
                yield {
                    "profile": self.profile.name,
                    "target": target,
                    "act": label,
                    "wanted": wish,
                    "tolerance": tolerance,
                    "available": int(available[index]),
                    "drawn": int(drawn[index]),
                    "share": float(share),
                    "inside": bool(len(places)) and least - 1e-9 <= share <= most + 1e-9,
                    "missing": _missing(float(share), least, most, float(drawn.sum())),
                    "largest": float(there[index]) / least if least > 0 else None,
                }

    def utterances(self, places: Places) -> int:
        """How many the set has."""
        first = next(iter(self.columns.values()))
        return int(self.counts[places][:, first].sum())

    def _solved(self, factor: float, most: int) -> Places:
        """As many whole units as tolerances `factor` times as wide allow; `most` at most."""
        if not self.units:
            return NOTHING
        bounds = self._bounds(factor)
        limits = np.zeros(len(bounds) + 1)
        limits[-1] = most
        return self._rounded(self._optimum(-self.value, np.vstack([bounds, np.ones(len(self.kinds))]), limits))

    def _lengths(self) -> Counts:
        """Utterances of a unit of each kind."""
        return np.asarray(next(iter(self.expected.values())).sum(axis=1))

    def _bounds(self, factor: float) -> Counts:
        """Rows of a set's amounts that are at most zero where it is inside tolerances `factor` times as wide."""
        rows = []
        for name, wanted in self.profile.targets.items():
            expected = self.expected[name]
            utterances = expected.sum(axis=1, keepdims=True)
            shares, wide = np.array(wanted.shares), factor * np.array(wanted.tolerances)
            rows += [expected - (shares + wide) * utterances, (shares - wide) * utterances - expected]
        return np.hstack(rows).T

    def _optimum(
        self, costs: Counts, rows: Counts, limits: Counts, *, equal: Counts | None = None, to: Counts | None = None
    ) -> Counts:
        """The amounts of least cost; what stands behind the kinds may be any number of zero or more."""
        from scipy.optimize import linprog

        most = np.concatenate([self.stock, np.full(len(costs) - len(self.stock), np.inf)])
        bounds = np.stack([np.zeros_like(most), most], axis=1)
        solved = linprog(costs, A_ub=rows, b_ub=limits, A_eq=equal, b_eq=to, bounds=bounds)
        if solved.x is None:
            # Nothing at all, or as much of all, is always allowed.
            raise ArithmeticError(f"no set for profile {self.profile.name!r}: {solved.message}")
        return np.asarray(solved.x)

    def _rounded(self, amounts: Counts, *, at_least: int = 0) -> Places:
        """Whole units, as many as there are in sum, and `at_least`: of the parts the largest are made whole."""
        whole = np.floor(amounts + 1e-6).astype(np.int64)
        left = max(int(np.floor(amounts.sum() + 1e-6)), at_least) - int(whole.sum())
        parts = np.where(whole < self.stock, amounts - whole, -1.0)
        whole[np.argsort(-parts, kind="stable")[:left]] += 1
        taken = [members[:count] for members, count in zip(self.members, whole, strict=True) if count]
        return np.concatenate(taken) if taken else NOTHING


def _missing(share: float, least: float, most: float, utterances: float) -> float:
    """How many utterances of an act, and of no other, must come to bring its share inside; below zero: must go."""
    if share < least - 1e-9:
        return (least - share) * utterances / (1 - least) if least < 1 else float("inf")
    if share > most + 1e-9:
        return -(share - most) * utterances / (1 - most) if most < 1 else 0.0
    return 0.0
