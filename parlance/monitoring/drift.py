"""How far a partition's distributions are from those before it and from what was trained on, beside their own noise.

Each measure counts: a matrix of partitions by categories, which adds up, so that a reference is a sum of rows and a
partition that is part of it is subtracted. The distance of a small partition is large where nothing changed, so each is
divided by what Poisson samples of the pooled distribution give. Days differ by more than sampling, since words
and acts come in documents: that ratio is compared with the ratios that earlier partitions had, as in a control chart.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from parlance.monitoring.findings import Verdict
from parlance.monitoring.noise import share

Counts = npt.NDArray[np.float64]
Statistic = Literal["js", "psi"]

DRAWS = 10
NAMED = 3
WINDOW, TRAINING = "window", "training"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`least_...`: what is too little to matter however sure it is; gross is `gross_factor` times the least and z."""

    window: int = 28
    least_history: int = 5
    z: float = 4.0
    gross_factor: float = 2.5
    least_js: float = 0.03
    least_psi: float = 0.25
    least_unseen: float = 0.05
    least_unique: float = 0.25
    least_mean: float = 0.02


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What is counted: `counts` (partitions, categories), and of that `training`, what was trained on, as large."""

    measure: str
    statistic: Statistic
    partitions: Sequence[str]
    categories: Sequence[str]
    counts: Counts
    training: Counts


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A row of DRIFT but for its lane."""

    partition: str
    reference: str
    measure: str
    statistic: str
    value: float
    sampling: float
    expected: float | None
    bound: float | None
    gross_bound: float | None
    size: int
    reference_size: int
    verdict: str
    detail: str


def counted(
    measure: str, rows: pl.DataFrame, training: pl.DataFrame, partitions: Sequence[str], *, statistic: Statistic = "js"
) -> Counted:
    """`rows` and `training` are counts: `partition`, `category`, `count`. Categories are those of both."""
    categories = pl.concat([rows["category"], training["category"]]).unique().sort().to_list()
    matrices = [_matrix(frame, partitions, categories) for frame in (rows, training)]
    return Counted(
        measure=measure,
        statistic=statistic,
        partitions=partitions,
        categories=categories,
        counts=matrices[0],
        training=matrices[1],
    )


def _matrix(rows: pl.DataFrame, partitions: Sequence[str], categories: Sequence[str]) -> Counts:
    found = np.zeros((len(partitions), len(categories)))
    known = rows.filter(pl.col("partition").is_in(list(partitions)))
    if known.height:
        at = pl.DataFrame({"partition": partitions}).with_row_index("row")
        across = pl.DataFrame({"category": categories}, schema={"category": pl.String}).with_row_index("column")
        placed = known.join(at, on="partition").join(across, on="category")
        np.add.at(found, (placed["row"].to_numpy(), placed["column"].to_numpy()), placed["count"].to_numpy())
    return found


def distances(found: Counted, judged: Iterable[str], settings: Settings) -> list[Drift]:
    """The distance of each partition of `judged` from both references; none where it or a reference is empty."""
    least = settings.least_js if found.statistic == "js" else settings.least_psi
    wanted = set(judged)
    rows = []
    for reference in (WINDOW, TRAINING):
        ratios: dict[int, float] = {}
        measured: dict[int, tuple[float, float, Counts]] = {}
        for place in range(len(found.partitions)):
            against = _reference(found, place, reference, settings)
            if against.sum() and found.counts[place].sum():
                value = float(distance(found.counts[place], against, found.statistic))
                sampling = _sampling(found, place, against)
                measured[place], ratios[place] = (value, sampling, against), value / sampling
        rows += [
            _charted(found, place, measured[place], reference=reference, ratios=ratios, settings=settings, least=least)
            for place in sorted(measured)
            if found.partitions[place] in wanted
        ]
    return rows


def _reference(found: Counted, place: int, reference: str, settings: Settings) -> Counts:
    if reference == WINDOW:
        return np.asarray(found.counts[max(0, place - settings.window) : place].sum(axis=0))
    return np.asarray(found.training.sum(axis=0) - found.training[place])


def distance(one: Counts, other: Counts, statistic: Statistic) -> Counts:
    """Jensen-Shannon divergence in bits (Lin 1991), or the population stability index, of counts along the last axis.

    >>> float(distance(np.array([1.0, 0.0]), np.array([0.0, 1.0]), "js"))
    1.0
    >>> round(float(distance(np.array([50.0, 50.0]), np.array([500.0, 500.0]), "psi")), 6)
    0.0
    """
    if statistic == "psi":
        # Half a count more, so that an empty bin is not infinitely far.
        one, other = one + 0.5, other + 0.5
    p, q = (counts / counts.sum(axis=-1, keepdims=True) for counts in (one, other))
    if statistic == "psi":
        return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))
    middle = np.maximum((p + q) / 2, 1e-300)
    logs = [(part * np.log2(np.maximum(part, 1e-300) / middle)).sum(axis=-1) for part in (p, q)]
    return np.asarray(np.maximum(0.0, (logs[0] + logs[1]) / 2))


def _sampling(found: Counted, place: int, against: Counts) -> float:
    """The mean distance of samples of both sizes from one distribution, by a seed of measure and partition."""
    name = f"{found.measure}/{found.partitions[place]}"
    random = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
    ours = found.counts[place]
    pooled = (ours + against) / (ours.sum() + against.sum())
    pooled = pooled[pooled > 0]
    draws = [random.poisson(pooled * counts.sum(), (DRAWS, len(pooled))).astype(float) for counts in (ours, against)]
    full = (draws[0].sum(axis=1) > 0) & (draws[1].sum(axis=1) > 0)
    drawn = distance(draws[0][full], draws[1][full], found.statistic)
    return max(float(drawn.mean()) if full.any() else 0.0, 1e-9)


def _charted(
    found: Counted,
    place: int,
    measured: tuple[float, float, Counts],
    *,
    reference: str,
    ratios: dict[int, float],
    settings: Settings,
    least: float,
) -> Drift:
    """A distance beside the ratios of the partitions that it may be compared with."""
    value, sampling, against = measured
    if reference == WINDOW:
        others = [ratio for other, ratio in ratios.items() if place - settings.window <= other < place]
    else:
        others = [ratio for other, ratio in ratios.items() if other != place and found.training[other].sum()]
    expected, bound, gross = chart(np.array(others), sampling, least, settings)
    if found.statistic == "js" and expected is not None and bound is not None and gross is not None:
        # Nothing is farther apart than one bit.
        bound, gross = min(bound, expected + 0.5 * (1 - expected)), min(gross, expected + 0.8 * (1 - expected))
    return Drift(
        partition=found.partitions[place],
        reference=reference,
        measure=found.measure,
        statistic=found.statistic,
        value=value,
        sampling=sampling,
        expected=expected,
        bound=bound,
        gross_bound=gross,
        size=int(found.counts[place].sum()),
        reference_size=int(against.sum()),
        verdict=verdict(value, bound, gross),
        detail=_moved(found, place, against),
    )


def chart(
    ratios: Counts, sampling: float, least: float, settings: Settings
) -> tuple[float | None, float | None, float | None]:
    """Expected value, bound and gross bound of a distance whose samples have the mean `sampling`.

    `ratios` are what earlier distances were of theirs. Their roots are spread evenly, as those of squares are. Null
    with fewer than `least_history`. No spread is believed to be less than a fourteenth, that of few ratios is widened.

    >>> [round(one, 3) for one in chart(np.full(10, 2.0), 0.01, 0.0, Settings())]
    [0.02, 0.036, 0.069]
    """
    if len(ratios) < settings.least_history:
        return None, None, None
    roots = np.sqrt(ratios)
    mean = float(roots.mean())
    spread = max(float(roots.std(ddof=1)), mean / 14) * (1 + 2 / len(ratios))
    expected = sampling * (mean**2 + float(roots.var()))
    bound, gross = (
        max(sampling * (mean + times * settings.z * spread) ** 2, expected + times * least)
        for times in (1.0, settings.gross_factor)
    )
    return expected, bound, gross


def verdict(value: float, bound: float | None, gross: float | None) -> str:
    """As in `Verdict`."""
    if bound is None or gross is None:
        return Verdict.UNKNOWN
    return Verdict.GROSS if value > gross else Verdict.ALARM if value > bound else Verdict.FINE


def _moved(found: Counted, place: int, against: Counts) -> str:
    """The categories whose shares moved most."""
    ours = found.counts[place] / found.counts[place].sum()
    theirs = against / against.sum()
    most = np.argsort(-np.abs(ours - theirs))[:NAMED]
    return "; ".join(
        f"{found.categories[one]}: {theirs[one]:.1%} → {ours[one]:.1%}" for one in most if ours[one] or theirs[one]
    )


def unseen(found: Counted, judged: Iterable[str], settings: Settings) -> list[Drift]:
    """The share of what is counted whose category the reference lacks; the bound as of any share."""
    rows = []
    wanted = set(judged)
    for reference in (WINDOW, TRAINING):
        new = np.zeros(len(found.partitions))
        sizes, seen = found.counts.sum(axis=1), np.zeros(len(found.partitions))
        for place in range(len(found.partitions)):
            against = _reference(found, place, reference, settings)
            seen[place] = against.sum()
            new[place] = found.counts[place][against == 0].sum()
        for place, name in enumerate(found.partitions):
            # A reference of a day or two lacks much: its ratios say nothing of later ones.
            usable = (seen > 0) & (sizes > 0) & (np.arange(len(sizes)) != place)
            if reference == WINDOW:
                usable &= (np.arange(len(sizes)) < place) & (np.arange(len(sizes)) >= place - settings.window)
                usable &= seen >= seen[place] / 4
            else:
                usable &= found.training.sum(axis=1) > 0
            if name not in wanted or not seen[place] or not sizes[place]:
                continue
            limits = None
            if usable.sum() >= settings.least_history:
                limits = share(
                    new[usable],
                    sizes[usable],
                    total=sizes[place],
                    z=settings.z,
                    gross_z=settings.z * settings.gross_factor,
                    least=settings.least_unseen,
                )
            value = float(new[place] / sizes[place])
            bound, gross = (None, None) if limits is None else (limits.warn, limits.gross)
            rows.append(
                Drift(
                    partition=name,
                    reference=reference,
                    measure=f"unseen_{found.measure}",
                    statistic="share",
                    value=value,
                    sampling=float(np.sqrt(value * (1 - value) / sizes[place])),
                    expected=None if limits is None else limits.expected,
                    bound=bound,
                    gross_bound=gross,
                    size=int(sizes[place]),
                    reference_size=int(seen[place]),
                    verdict=verdict(value, bound, gross),
                    detail="",
                )
            )
    return rows


def unique(found: Counted, judged: Iterable[str], settings: Settings) -> list[Drift]:
    """How far the number of different categories is from what Heaps' law expects of so many: a natural logarithm.

    The law, V = K n^b, is fitted on the partitions before it, with b drawn to .7 where they are of like size.
    """
    sizes, kinds = found.counts.sum(axis=1), (found.counts > 0).sum(axis=1)
    wanted = set(judged)
    rows = []
    for place, name in enumerate(found.partitions):
        before = np.arange(max(0, place - settings.window), place)
        before = before[sizes[before] > 0]
        if name not in wanted or not sizes[place] or not len(before):
            continue
        x, y = np.log(sizes[before]), np.log(kinds[before])
        slope = (((x - x.mean()) * (y - y.mean())).sum() + 0.7) / (((x - x.mean()) ** 2).sum() + 1)
        expected = y.mean() + slope * (np.log(sizes[place]) - x.mean())
        residuals = y - y.mean() - slope * (x - x.mean())
        spread = max(float(residuals.std(ddof=min(1, len(before) - 1))), 0.02) * (1 + 2 / len(before))
        value = abs(float(np.log(kinds[place]) - expected))
        judgeable = len(before) >= settings.least_history
        bound, gross = (
            (max(times * settings.z * spread, times * settings.least_unique) if judgeable else None)
            for times in (1.0, settings.gross_factor)
        )
        rows.append(
            Drift(
                partition=name,
                reference=WINDOW,
                measure=f"unique_{found.measure}",
                statistic="log_ratio",
                value=value,
                sampling=spread,
                expected=spread if judgeable else None,
                bound=bound,
                gross_bound=gross,
                size=int(sizes[place]),
                reference_size=int(sizes[before].sum()),
                verdict=verdict(value, bound, gross),
                detail=f"{kinds[place]:,} different, {float(np.exp(expected)):,.0f} expected of {sizes[place]:,.0f}",
            )
        )
    return rows


@dataclass(frozen=True, kw_only=True)
class Means:
    """Of vectors of unit length: how many each partition has and their sums, (partitions, dimension)."""

    partitions: Sequence[str]
    sizes: Counts
    sums: Counts
    training_sizes: Counts
    training_sums: Counts


def means(found: Means, judged: Iterable[str], settings: Settings) -> list[Drift]:
    """The squared distance of the mean vectors, which is the maximum mean discrepancy with a linear kernel.

    Samples of one distribution of unit vectors are apart by (1 - |mean|^2) (1/n + 1/m).
    """
    wanted, rows = set(judged), []
    for reference in (WINDOW, TRAINING):
        measured: dict[int, tuple[float, float, float]] = {}
        for place in range(len(found.partitions)):
            if reference == WINDOW:
                before = slice(max(0, place - settings.window), place)
                size, sums = found.sizes[before].sum(), found.sums[before].sum(axis=0)
            else:
                size = found.training_sizes.sum() - found.training_sizes[place]
                sums = found.training_sums.sum(axis=0) - found.training_sums[place]
            if size and found.sizes[place]:
                mean = (sums + found.sums[place]) / (size + found.sizes[place])
                apart = found.sums[place] / found.sizes[place] - sums / size
                noise = max(1 - float(mean @ mean), 1e-6) * (1 / found.sizes[place] + 1 / size)
                measured[place] = (float(apart @ apart), float(noise), float(size))
        for place, (value, sampling, size) in measured.items():
            if found.partitions[place] not in wanted:
                continue
            others = [
                other
                for other in measured
                if other != place
                and (
                    place - settings.window <= other < place
                    if reference == WINDOW
                    else bool(found.training_sizes[other])
                )
            ]
            ratios = np.array([measured[other][0] / measured[other][1] for other in others])
            expected, bound, gross = chart(ratios, sampling, settings.least_mean, settings)
            rows.append(
                Drift(
                    partition=found.partitions[place],
                    reference=reference,
                    measure="embeddings",
                    statistic="mmd2",
                    value=value,
                    sampling=sampling,
                    expected=expected,
                    bound=bound,
                    gross_bound=gross,
                    size=int(found.sizes[place]),
                    reference_size=int(size),
                    verdict=verdict(value, bound, gross),
                    detail="",
                )
            )
    return rows
