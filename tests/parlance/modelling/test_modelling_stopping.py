"""When a run is over, by its validation losses."""

import pytest

from parlance.modelling.stopping import best_step, is_over

FALLING = [(10, 3.0), (20, 2.0), (30, 1.0)]


@pytest.mark.parametrize(
    ("losses", "patience", "over"),
    [
        pytest.param([], 1, False, id="nothing measured"),
        pytest.param(FALLING, 1, False, id="falling"),
        pytest.param([*FALLING, (40, 1.0)], 1, True, id="as low is no better"),
        pytest.param([*FALLING, (40, 1.1)], 2, False, id="one of two"),
        pytest.param([*FALLING, (40, 1.1), (50, 1.05)], 2, True, id="two of two, falling again"),
        pytest.param([*FALLING, (40, 1.1), (50, 0.9)], 2, False, id="better again"),
        pytest.param([*FALLING, (40, 1.1), (50, 1.2)], None, False, id="no patience set"),
    ],
)
def test_patience_counts_validations_without_a_better_one(
    losses: list[tuple[int, float]], patience: int | None, over: bool
) -> None:
    assert is_over(losses, patience=patience) == over


def test_the_first_of_equal_losses_is_the_best() -> None:
    assert best_step([*FALLING, (40, 1.0)]) == 30
    assert best_step([]) is None
