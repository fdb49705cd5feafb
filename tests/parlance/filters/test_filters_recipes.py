"""Recipes: published bounds, known rules, and no library behind them."""

import subprocess
import sys

import pytest

from parlance.errors import ConfigError
from parlance.filters.deciding import COLUMNS
from parlance.filters.recipes import RECIPES, Bound, recipe
from parlance.filters.registry import get

# FineWeb is stricter than Gopher about this one.
FINEWEB_DUPLICATES = Bound("gopher_duplicate_line_character_share", at_most=0.1)


BOUNDS = dict.fromkeys(bound for bounds in RECIPES.values() for bound in bounds)


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: bound.rule)
def test_recipes_use_the_published_bounds(bound: Bound) -> None:
    if bound.rule not in COLUMNS and bound != FINEWEB_DUPLICATES:
        found = get(bound.rule)
        assert (bound.at_least, bound.at_most) == (found.at_least, found.at_most)


def test_stop_words_are_english() -> None:
    assert {bound.languages for bound in RECIPES["web"] if bound.rule == "gopher_stop_words"} == {("en",)}


def test_unknown_recipe_lists_the_known() -> None:
    assert recipe("slack") is RECIPES["slack"]
    with pytest.raises(
        ConfigError, match="unknown recipe 'wbe'; known recipes: c4, classified, datatrove, fineweb, gopher, slack, web"
    ):
        recipe("wbe")


@pytest.mark.parametrize("sides", [(None, None), (2, 1), (float("nan"), 1), (1, float("nan"))])
def test_impossible_bounds_are_refused(sides: tuple[float | None, float | None]) -> None:
    with pytest.raises(ConfigError, match="at_least"):
        Bound("gopher_words", *sides)


def test_recipes_load_no_library() -> None:
    code = (
        "import sys; from parlance.filters.recipes import RECIPES; "
        "print(sorted({'polars', 'numpy', 'pyarrow', 'fasttext'} & sys.modules.keys()))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "[]"


def test_package_gives_its_functions_and_no_others() -> None:
    import parlance.filters

    assert all(callable(getattr(parlance.filters, name)) for name in parlance.filters.__all__)
    with pytest.raises(AttributeError, match="no attribute 'mesure'"):
        parlance.filters.mesure  # noqa: B018
