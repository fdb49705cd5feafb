"""Drift beside its noise: small days do not alarm, and a change that is larger than the days' own spread does."""

import numpy as np
import polars as pl
import pytest

from parlance.monitoring import drift
from parlance.monitoring.drift import TRAINING, WINDOW, Settings
from parlance.monitoring.findings import Verdict

DAYS = [f"2026-01-{day:02d}" for day in range(1, 21)]
ACTS = ["question", "representative", "directive", "none"]
USUAL = np.array([0.3, 0.4, 0.2, 0.1])


def counted(last: np.ndarray, *, sizes: int | list[int], seed: int = 1) -> drift.Counted:
    """Days of like shares, in documents of ten that vary more than single draws do; `last` are the last day's."""
    random = np.random.default_rng(seed)
    rows = []
    for place, day in enumerate(DAYS):
        size = sizes if isinstance(sizes, int) else sizes[place]
        shares = last if day == DAYS[-1] else USUAL
        found = sum(random.multinomial(10, random.dirichlet(shares * 20 + 1e-9)) for _ in range(size // 10))
        rows += [(day, act, int(count)) for act, count in zip(ACTS, found, strict=True)]
    frame = pl.DataFrame(rows, schema=["partition", "category", "count"], orient="row")
    return drift.counted("speech_acts", frame, frame.filter(pl.col("partition") < "2026-01-11"), DAYS)


def verdicts(found: drift.Counted, reference: str) -> dict[str, str]:
    rows = drift.distances(found, DAYS, Settings())
    return {one.partition: one.verdict for one in rows if one.reference == reference}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [30, 300, 3000])
def test_days_of_any_size_without_a_change_are_fine(size: int, seed: int) -> None:
    found = counted(USUAL, sizes=size, seed=seed)
    for reference in (WINDOW, TRAINING):
        assert set(verdicts(found, reference).values()) <= {Verdict.FINE, Verdict.UNKNOWN}


@pytest.mark.parametrize("seed", range(5))
def test_a_small_day_after_large_ones_is_fine(seed: int) -> None:
    assert verdicts(counted(USUAL, sizes=[3000] * 19 + [20], seed=seed), WINDOW)[DAYS[-1]] == Verdict.FINE


@pytest.mark.parametrize("reference", [WINDOW, TRAINING])
@pytest.mark.parametrize(
    ("last", "bad"),
    [(USUAL + np.array([-0.02, 0.02, 0, 0]), False), (np.array([0.05, 0.2, 0.15, 0.6]), True)],
    ids=["a_little", "much"],
)
def test_a_change_alarms_where_it_matters(reference: str, last: np.ndarray, bad: bool) -> None:
    found = verdicts(counted(last, sizes=1000), reference)[DAYS[-1]]
    assert (found in (Verdict.ALARM, Verdict.GROSS)) is bad


def test_the_first_days_have_too_little_history() -> None:
    assert verdicts(counted(USUAL, sizes=300), WINDOW)[DAYS[2]] == Verdict.UNKNOWN


def words(*, new: bool) -> drift.Counted:
    """Zipf's words; on the last day half of them were never seen."""
    random = np.random.default_rng(1)
    rows = []
    for day in DAYS:
        drawn = np.minimum(random.zipf(1.5, 2000), 5000)
        names = [f"{'new' if new and day == DAYS[-1] and place % 2 else 'w'}{word}" for place, word in enumerate(drawn)]
        rows.append(
            pl.DataFrame({"category": names}).group_by("category").len("count").with_columns(partition=pl.lit(day))
        )
    frame = pl.concat(rows).cast({"count": pl.Int64})
    return drift.counted("vocabulary", frame, frame, DAYS)


@pytest.mark.parametrize("new", [False, True])
def test_unseen_words_and_vocabulary(new: bool) -> None:
    found = words(new=new)
    for rows in (drift.unseen(found, DAYS[-1:], Settings()), drift.distances(found, DAYS[-1:], Settings())):
        assert len(rows) == 2
        assert {one.verdict in (Verdict.ALARM, Verdict.GROSS) for one in rows} == {new}


@pytest.mark.parametrize(("factor", "bad"), [(1, False), (3, True)])
def test_more_different_words_than_heaps_law_expects(factor: int, bad: bool) -> None:
    counts = np.zeros((20, 3000))
    for place in range(20):
        counts[place, : 600 * (factor if place == 19 else 1)] = 6 / (factor if place == 19 else 1)
    found = drift.Counted(
        measure="vocabulary", statistic="js", partitions=DAYS, categories=[str(one) for one in range(3000)],
        counts=counts, training=np.zeros_like(counts),
    )  # fmt: skip
    (row,) = drift.unique(found, DAYS[-1:], Settings())
    assert (row.verdict != Verdict.FINE) is bad


@pytest.mark.parametrize(("shift", "bad"), [(0.0, False), (1.0, True)])
def test_means_of_vectors(shift: float, bad: bool) -> None:
    random = np.random.default_rng(1)
    sums = []
    for place in range(20):
        vectors = random.normal(size=(40, 16)) + np.eye(16)[0] + (np.eye(16)[1] * shift * 3 if place == 19 else 0)
        sums.append((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).sum(axis=0))
    sizes = np.full(20, 40.0)
    found = drift.Means(
        partitions=DAYS, sizes=sizes, sums=np.array(sums), training_sizes=sizes, training_sums=np.array(sums)
    )
    rows = drift.means(found, DAYS[-1:], Settings())
    assert {one.verdict in (Verdict.ALARM, Verdict.GROSS) for one in rows} == {bad}
