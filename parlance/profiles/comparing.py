"""A corpus beside a profile: each act's share with its interval, and how far the whole is from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parlance import schemas
from parlance.profiles.correction import Confusion, corrected
from parlance.profiles.reading import TARGETS, Profile, Target
from parlance.speech_acts.labels import LABELS

INTERVAL: Final = (2.5, 97.5)  # percentiles
COLUMNS: Final = tuple(f"{target}:{act}" for target in TARGETS for act in LABELS)
_ACTS: Final = pl.Schema(schemas.PROFILE_ACTS)
_FITS: Final = pl.Schema(schemas.PROFILE_FITS)

Counts = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`acts`: a PROFILE_ACTS row for each target and act; `fits`: a PROFILE_FITS row for each target."""

    acts: pl.DataFrame
    fits: pl.DataFrame


def columns_of(target: str) -> slice:
    """Which of COLUMNS are of `target`."""
    place = TARGETS.index(target) * len(LABELS)
    return slice(place, place + len(LABELS))


def divergence(shares: Counts, wanted: Counts) -> Counts:
    """The Jensen-Shannon divergence (Lin 1991) of `shares` (..., labels) from `wanted`, in bits.

    >>> float(divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])))
    1.0
    """
    middle = (shares + wanted) / 2
    halves = [_entropy(middle), _entropy(shares) / 2, _entropy(wanted) / 2]
    return np.asarray(np.clip(halves[0] - halves[1] - halves[2], 0, 1))


def compare(
    profile: Profile,
    counts: Counts,
    replicates: Counts,
    *,
    documents: int,
    confusion: Mapping[str, Confusion],
    seed: int,
) -> Comparison:
    """`counts` (COLUMNS,) of utterances beside `profile`, with intervals from `replicates` (replicates, COLUMNS).

    Shares that are corrected for `confusion` decide where it is known, else those that were found. Their interval
    holds the chance of the held-out utterances as well.
    """
    acts, fits = [], []
    for target, wanted in profile.targets.items():
        own = columns_of(target)
        found = _Measured(counts[own], replicates[:, own], confusion.get(target), seed=seed)
        rows = [_act(profile, target, wanted, found, index) for index in range(len(LABELS))]
        acts += rows
        fits.append(_fit(profile, target, wanted, found, rows=rows, documents=documents))
    return Comparison(
        acts=pl.DataFrame(acts, schema=_ACTS, orient="row"), fits=pl.DataFrame(fits, schema=_FITS, orient="row")
    )


class _Measured:
    """The shares of one target, found and corrected, each with its replicates; without utterances they are zero."""

    def __init__(self, counts: Counts, replicates: Counts, confusion: Confusion | None, *, seed: int) -> None:
        self.utterances = int(counts.sum())
        self.found, self.found_again = _shares(counts), _shares(replicates)
        self.is_corrected = confusion is not None and self.utterances > 0
        self.best, self.best_again = self.found, self.found_again
        if confusion is not None and self.is_corrected:
            self.best = corrected(self.found, confusion)
            self.best_again = corrected(self.found_again, confusion.resampled(len(replicates), seed=seed))


def _act(profile: Profile, target: str, wanted: Target, measured: _Measured, index: int) -> dict[str, Any]:
    share, tolerance = wanted.shares[index], wanted.tolerances[index]
    least, most = share - tolerance - 1e-9, share + tolerance + 1e-9
    low, high = _interval(measured.best_again[:, index])
    found_low, found_high = _interval(measured.found_again[:, index])
    decisive = float(measured.best[index])
    inside = measured.utterances > 0 and least <= decisive <= most
    return {
        "profile": profile.name,
        "target": target,
        "act": LABELS[index],
        "wanted": share,
        "tolerance": tolerance,
        "found": float(measured.found[index]),
        "found_low": found_low,
        "found_high": found_high,
        "corrected": decisive if measured.is_corrected else None,
        "corrected_low": low if measured.is_corrected else None,
        "corrected_high": high if measured.is_corrected else None,
        "inside": inside,
        # The whole interval is on the side on which the share is.
        "sure": (low >= least and high <= most) if inside else (high < least or low > most),
    }


def _fit(
    profile: Profile, target: str, wanted: Target, measured: _Measured, *, rows: list[dict[str, Any]], documents: int
) -> dict[str, Any]:
    shares = np.array(wanted.shares)
    low, high = _interval(divergence(measured.best_again, shares))
    found_low, found_high = _interval(divergence(measured.found_again, shares))
    found, best = (float(divergence(each, shares)) for each in (measured.found, measured.best))
    outside = [row["act"] for row in rows if not row["inside"]]
    enough = measured.utterances >= profile.least_utterances
    return {
        "profile": profile.name,
        "target": target,
        "documents": documents,
        "utterances": measured.utterances,
        "least_utterances": profile.least_utterances,
        "most_divergence": wanted.most_divergence,
        "divergence": found,
        "divergence_low": found_low,
        "divergence_high": found_high,
        "corrected_divergence": best if measured.is_corrected else None,
        "corrected_low": low if measured.is_corrected else None,
        "corrected_high": high if measured.is_corrected else None,
        "outside": outside,
        "matches": enough and not outside and best <= wanted.most_divergence,
    }


def _shares(counts: Counts) -> Counts:
    totals = counts.sum(axis=-1, keepdims=True)
    return np.asarray(counts / np.maximum(totals, 1))


def _interval(values: Counts) -> tuple[float, float]:
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)


def _entropy(shares: Counts) -> Counts:
    logs = np.log2(np.where(shares > 0, shares, 1))
    return np.asarray(-(shares * logs).sum(axis=-1))
