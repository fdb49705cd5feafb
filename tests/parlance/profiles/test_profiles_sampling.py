"""Sets that are drawn to match a profile: of the corpus, each unit once, with the shares that they are said to have."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_files import EVEN, profile

from parlance import schemas
from parlance.errors import ConfigError
from parlance.profiles import Sample, draw
from parlance.speech_acts import LABELS

FUNCTION = slice(8, 16)


def units(number: int, *, seed: int = 1, concentration: float = 0.7) -> tuple[pl.Series, np.ndarray]:
    """Documents that differ in their shares, all acts equally frequent over all."""
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.full(8, concentration), size=number)
    sizes = generator.poisson(6, size=number)
    counts = np.array([generator.multinomial(size, share) for size, share in zip(sizes, shares, strict=True)])
    return pl.Series([f"d{place}" for place in range(number)]), np.hstack([counts, counts]).astype(float)


def recounted(sample: Sample, counts: np.ndarray) -> np.ndarray:
    sums = counts[sample.places][:, FUNCTION].sum(axis=0)
    return sums / max(sums.sum(), 1)


COUNTS = st.lists(st.lists(st.integers(0, 4), min_size=8, max_size=8), max_size=25)
WANTED = st.lists(st.integers(0, 5), min_size=8, max_size=8).filter(any)


@settings(max_examples=60)
@given(COUNTS, WANTED, st.floats(0, 0.2), st.integers(0, 30), st.integers(0, 5))
def test_what_is_said_of_a_set_is_so(
    rows: list[list[int]], wanted: list[int], tolerance: float, size: int, seed: int
) -> None:
    counts = np.array([row + row for row in rows], dtype=float).reshape(-1, 16)
    ids = pl.Series([f"d{place}" for place in range(len(rows))], dtype=pl.String)
    shares = {act: share / sum(wanted) for act, share in zip(LABELS, wanted, strict=True)}
    sample = draw(profile(shares, tolerance=tolerance), ids, counts, size=size, seed=seed)
    assert len(set(sample.places)) == len(sample.places)
    assert set(sample.places) <= set(range(len(rows)))
    some = int((counts.sum(axis=1) > 0).sum())
    assert len(sample.places) <= (min(size, some) if size else some)
    assert sample.shortfalls["share"].to_numpy() == pytest.approx(recounted(sample, counts))
    drawn = counts[sample.places][:, FUNCTION].sum(axis=0)
    assert sample.shortfalls["drawn"].to_list() == drawn.tolist()
    inside = np.abs(recounted(sample, counts) - list(shares.values())) <= tolerance + 1e-9
    assert sample.matches == (len(sample.places) > 0 and bool(inside.all()))
    assert sample.largest <= some
    for share, missing in zip(recounted(sample, counts), sample.shortfalls["missing"], strict=True):
        assert missing >= 0 or share > 0


def test_the_same_seed_draws_the_same_set_in_any_order() -> None:
    ids, counts = units(600)
    first = set(ids.gather(draw(profile(), ids, counts, size=50).places))
    order = np.random.default_rng(5).permutation(600)
    assert set(ids.gather(order).gather(draw(profile(), ids.gather(order), counts[order], size=50).places)) == first
    assert set(ids.gather(draw(profile(), ids, counts, size=50, seed=2).places)) != first


def test_a_size_is_kept_and_comes_near_to_what_is_wanted() -> None:
    ids, counts = units(3000)
    sample = draw(profile(tolerance=0.02), ids, counts, size=200)
    assert sample.matches
    assert len(sample.places) == 200
    assert np.abs(recounted(sample, counts) - 0.125).max() < 0.01


def test_the_largest_set_is_near_the_best_possible() -> None:
    """Documents of one act each: of the rarest all are taken, of the others as many as the tolerance allows."""
    counts = np.repeat(np.eye(8), [400, 400, 400, 400, 400, 400, 400, 60], axis=0)
    ids = pl.Series([f"d{place}" for place in range(len(counts))])
    sample = draw(profile(tolerance=0.025), ids, np.hstack([counts, counts]))
    assert sample.matches
    # 60 must be a tenth at least.
    assert 600 - 8 <= len(sample.places) <= 600
    assert sample.shortfalls.filter(act="none")["largest"].item() == pytest.approx(600)


@pytest.mark.parametrize("seed", range(3))
def test_more_documents_never_make_a_smaller_set(seed: int) -> None:
    ids, counts = units(800, seed=seed)
    wanted = profile({"question": 0.3, "representative": 0.5, "expressive": 0.2}, tolerance=0.12)
    sizes = [draw(wanted, ids[:number], counts[:number]).largest for number in (200, 400, 800)]
    # A corner has as many parts of units as there are bounds, at most.
    assert all(after >= before - 17 for before, after in pairwise(sizes))
    assert sizes[2] > sizes[0]


def test_where_the_corpus_cannot_it_says_what_is_missing() -> None:
    ids, counts = units(300)
    counts[:, [LABELS.index("declaration"), 8 + LABELS.index("declaration")]] = 0
    wanted = profile({"declaration": 0.5, "question": 0.5}, tolerance=0.1, least=100)
    sample = draw(wanted, ids, counts)
    assert (sample.matches, sample.largest) == (False, 0)
    assert sample.enough
    row = sample.shortfalls.filter(act="declaration").row(0, named=True)
    assert (row["available"], row["drawn"], row["share"], row["inside"], row["largest"]) == (0, 0, 0.0, False, 0.0)
    utterances = sample.shortfalls["drawn"].sum()
    # That many declarations more, and their share is 0.4.
    assert row["missing"] / (utterances + row["missing"]) == pytest.approx(0.4)
    assert sample.shortfalls.schema == pl.Schema(schemas.PROFILE_SHORTFALLS)
    questions = sample.shortfalls.filter(act="question")["share"].item()
    assert questions > 2 * counts[:, 8 + LABELS.index("question")].sum() / counts[:, FUNCTION].sum()


def test_a_size_beyond_what_matches_is_drawn_and_said_not_to_match() -> None:
    counts = np.repeat(np.eye(8), [100, 5, 100, 100, 100, 100, 100, 100], axis=0)
    ids = pl.Series([f"d{place}" for place in range(len(counts))])
    sample = draw(profile(tolerance=0.025), ids, np.hstack([counts, counts]), size=400)
    assert (sample.matches, len(sample.places)) == (False, 400)
    assert sample.largest <= 50
    assert sample.shortfalls.filter(act=LABELS[1])["drawn"].item() == 5


def test_what_was_found_is_counted_as_what_it_is_in_truth() -> None:
    """Half of what is called a question is a directive: the set holds twice as many of them."""
    counts = np.repeat(np.eye(8)[[LABELS.index("question"), LABELS.index("none")]], 200, axis=0)
    ids = pl.Series([f"d{place}" for place in range(400)])
    truth = np.eye(8)
    truth[LABELS.index("question"), LABELS.index("question")] = 0.5
    truth[LABELS.index("question"), LABELS.index("directive")] = 0.5
    wanted = profile({"question": 0.25, "directive": 0.25, "none": 0.5}, tolerance=0.01)
    both = np.hstack([counts, counts])
    assert not draw(wanted, ids, both).matches
    assert len(draw(wanted, ids, both, truths={"function": truth}).places) == 400


@pytest.mark.parametrize("size", [0, 5])
def test_nothing_to_draw_from(size: int) -> None:
    sample = draw(profile(), pl.Series([], dtype=pl.String), np.zeros((0, 16)), size=size)
    assert (len(sample.places), sample.matches, sample.largest) == (0, False, 0)
    empty = draw(profile(EVEN), pl.Series(["a"]), np.zeros((1, 16)), size=size)
    assert len(empty.places) == 0


def test_bad_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match="size=-1"):
        draw(profile(), pl.Series(["a"]), np.zeros((1, 16)), size=-1)
