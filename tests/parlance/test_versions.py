import math
import re
from dataclasses import dataclass, field
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.versions import LENGTH, content_version, version


class Kind(StrEnum):
    BPE = "bpe"


@dataclass(frozen=True, kw_only=True)
class Inner:
    at_least: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    seed: int = 1
    kind: Kind = Kind.BPE
    bounds: tuple[Inner, ...] = (Inner(),)
    options: dict[int, str] = field(default_factory=lambda: {2: "b", 1: "a"})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(parts=st.lists(values, max_size=4))
def test_a_version_is_12_hex_digits_and_the_same_each_time(parts):
    assert re.fullmatch(f"[0-9a-f]{{{LENGTH}}}", version(*parts))
    assert version(*parts) == version(*parts)


def test_versions_do_not_change_between_releases():
    """They name what lies in lakes."""
    assert version("bpe", {"seed": 1, "ü": [1.5, None, True]}, Settings()) == "84537eeb7a2e"
    assert content_version(["a", "ü", ""]) == "ce9f7531edc8"


@pytest.mark.parametrize(
    "other",
    [Settings(seed=2), Settings(bounds=()), Settings(bounds=(Inner(at_least=1.5),)), Settings(options={1: "a"})],
    ids=["number", "fewer", "nested", "mapping"],
)
def test_any_edited_setting_changes_the_version(other):
    assert version(other) != version(Settings())


def test_equal_settings_have_equal_versions():
    assert version(Settings()) == version(Settings(options={1: "a", 2: "b"}))
    assert version({"a": 1, "b": 2}) == version({"b": 2, "a": 1})
    assert version([Inner()], {"x": (Inner(),)}) == version((Inner(),), {"x": [{"at_least": 1.0}]})
    assert version(Kind.BPE) == version("bpe")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b"), ("ab",)),
        (("a", "b"), ("b", "a")),
        (("a",), ("a", "")),
        (("1",), (1,)),
        ((None,), ("null",)),
        ((["a", "b"],), ("a", "b")),
        (({"a": 1},), ({"a": 2},)),
        ((), ("",)),
    ],
)
def test_different_parts_have_different_versions(one, other):
    assert version(*one) != version(*other)


@pytest.mark.parametrize("part", [object(), {1, 2}, b"bytes", Settings], ids=["object", "set", "bytes", "class"])
def test_what_has_no_fixed_form_is_refused(part):
    with pytest.raises(TypeError, match="not JSON serializable"):
        version(part)


@settings(deadline=None)
@given(one=st.lists(st.text()), other=st.lists(st.text()))
def test_content_versions_are_equal_exactly_for_equal_texts(one, other):
    assert (content_version(one) == content_version(other)) == (one == other)


def test_content_is_read_as_it_comes():
    assert content_version(str(i) for i in range(3)) == content_version(["0", "1", "2"])
    assert content_version([]) != content_version([""])
    assert content_version(["a", "b"]) != content_version(["b", "a"])


def test_numbers_that_json_does_not_have_are_versions_too():
    assert version(math.inf) != version(-math.inf) != version(math.nan)
