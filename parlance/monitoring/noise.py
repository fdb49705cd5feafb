"""How much a count or a distribution moves where nothing changed: bounds that small samples do not break."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What is expected, and what is beyond noise: `warn`, and `gross` for what no noise explains."""

    expected: float
    warn: float
    gross: float


def dispersion(counts: Counts, expected: Counts) -> float:
    """By how much `counts` vary more than Poisson ones with the means `expected` (Pearson's statistic by degree); >= 1.

    >>> dispersion(np.array([10.0, 10.0, 10.0]), np.array([10.0, 10.0, 10.0]))
    1.0
    >>> dispersion(np.array([0.0, 20.0, 0.0, 20.0]), np.array([10.0] * 4)) > 10
    True
    """
    if len(counts) < 2:
        return 1.0
    found = ((counts - expected) ** 2 / np.maximum(expected, 0.5)).sum() / (len(counts) - 1)
    return max(1.0, float(found))


def above(expected: float, spread: float, z: float) -> float:
    """The count that one of mean `expected` and `spread` times its variance does not reach by chance.

    Bernstein's inequality for a tail as improbable as `z` standard deviations: of a small mean it asks for several.

    >>> round(above(100, 1, 4)), round(above(0.1, 1, 4))
    (145, 7)
    """
    return expected + z * math.sqrt(expected * spread) + z * z / 3


def share(found: Counts, of: Counts, *, total: float, z: float, gross_z: float, least: float) -> Bound:
    """The bounds of a share among `total`, after a history in which `found` of `of` were so.

    A jump of less than `least` is none, whatever the sample's size; a gross one is twice that. Small samples ask for
    more.

    >>> before = np.full(10, 2.0), np.full(10, 100.0)
    >>> few, many = (share(*before, total=size, z=4, gross_z=8, least=0.05) for size in (20.0, 1000.0))
    >>> round(few.warn, 2), round(many.warn, 2)
    (0.42, 0.07)
    """
    expected = float((found.sum() + 0.5) / (of.sum() + 1))
    spread = dispersion(found, of * expected) * (1 + total / max(of.sum(), 1))
    warn = _share_above(expected, total, spread, z, least=least)
    return Bound(expected=expected, warn=warn, gross=_share_above(expected, total, spread, gross_z, least=2 * least))


def _share_above(expected: float, total: float, spread: float, z: float, *, least: float) -> float:
    found = max(above(expected * total, spread, z) / max(total, 1), expected + least)
    # That all are so is beyond chance long before the bound says so, where a share is not small.
    all_by_chance = math.log(expected) * total / spread
    return min(found, 1 - 0.5 / max(total, 1)) if all_by_chance < -z * z / 2 else found


def silence(counts: Counts, others: Counts, *, now: Counts, most: Counts) -> tuple[float, float]:
    """How many counts were expected beside `now` of others, and how improbable `most` or fewer are: negative logarithm.

    `counts` and `others` are the history, in which the counts follow the others in a negative binomial distribution;
    its spread is that of the history, so that who speaks in bursts may be silent longer. Of more than none the
    probability is Chernoff's bound.

    >>> history = np.full(20, 10.0), np.full(20, 50.0)
    >>> [silence(*history, now=np.array([50.0]), most=np.array([most])) for most in (0.0, 10.0)]
    [(10.0, 10.0), (10.0, 0.0)]
    """
    rate = counts.sum() / max(others.sum(), 1.0)
    means, ahead = others * rate, now * rate
    squares = float((means**2).sum())
    extra = max(0.0, float((((counts - means) ** 2) - means).sum()) / squares) if squares else 0.0
    # What the bound is least by: the distribution's generating function at `by`, divided by `by ** most`.
    by = np.minimum(most * (1 + extra * ahead) / np.maximum(ahead * (1 + extra * most), 1e-9), 1)
    fewer = ahead * (1 - by)
    surprise = np.log1p(extra * fewer) / extra if extra > 1e-6 else fewer
    return float(ahead.sum()), float((surprise + most * np.log(np.where(most > 0, by, 1))).sum())
