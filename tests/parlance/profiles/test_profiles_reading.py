"""Profile files: what is right is read whole, what is wrong is named with what is allowed."""

from pathlib import Path

import pytest
from profile_files import EVEN, settings, written

from parlance.errors import ConfigError
from parlance.profiles import names, read

ROOT = Path(__file__).parent.parent.parent.parent


def test_the_profiles_of_the_project_are_right() -> None:
    found = read(str(ROOT / "profiles"))
    assert {"cashier", "hr_helpdesk", "code_review", "workplace_chat"} <= set(found)
    assert list(found) == names(str(ROOT / "profiles"))
    for profile in found.values():
        assert profile.description
        for target in profile.targets.values():
            assert sum(target.shares) == pytest.approx(1)


def test_a_profile_is_read_whole(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "till",
        description="at\n a till",
        sources=["slack"],
        channels=["a"],
        least_utterances=7,
        form=settings(),
    )
    profile = read(str(path))["till"]
    assert (profile.description, profile.sources, profile.channels) == ("at a till", ("slack",), ("a",))
    assert profile.least_utterances == 7
    assert profile.targets["form"].shares == (0.125,) * 8
    assert profile.targets["form"].tolerances == (0.05,) * 8
    assert read(str(tmp_path)) == {"till": profile}


def test_rounded_shares_are_made_to_sum_to_one(tmp_path: Path) -> None:
    shares = EVEN | {"none": 0.115}
    target = read(str(written(tmp_path, "p", form=settings(shares))))["p"].targets["form"]
    assert sum(target.shares) == pytest.approx(1, abs=1e-12)


def without(target: dict[str, object], act: str) -> dict[str, object]:
    acts = target["acts"]
    assert isinstance(acts, dict)
    return target | {"acts": {name: one for name, one in acts.items() if name != act}}


def changed(act: str, **more: object) -> dict[str, object]:
    target = settings()
    acts = target["acts"]
    assert isinstance(acts, dict)
    return target | {"acts": acts | {act: acts.get(act, {"share": 0, "tolerance": 0}) | more}}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param({}, "wants nothing; allowed: form, function", id="no target"),
        pytest.param({"shape": settings()}, r"unknown \['shape'\]; known: description", id="unknown setting"),
        pytest.param({"form": changed("shouting")}, r"unknown \['shouting'\]; known: expressive", id="unknown act"),
        pytest.param({"form": without(settings(), "none")}, r"lacks \['none'\]", id="act left out"),
        pytest.param({"form": changed("none", share=0.2)}, "sum to 1.075; allowed: 1", id="too much"),
        pytest.param({"form": changed("none", share=0.1)}, "sum to 0.975; allowed: 1", id="too little"),
        pytest.param(
            {"form": changed("none", share=-0.1)}, "share of none is -0.1; allowed: a number from 0", id="below"
        ),
        pytest.param({"form": changed("none", tolerance=-0.1)}, "tolerance of none is -0.1", id="negative tolerance"),
        pytest.param({"form": changed("none", tolerance=True)}, "tolerance of none is True", id="truth"),
        pytest.param({"form": changed("none", share=float("nan"))}, "share of none is nan", id="no number"),
        pytest.param({"form": changed("none", share="0.1")}, "share of none is '0.1'", id="text"),
        pytest.param({"form": changed("none", weight=1)}, r"unknown \['weight'\]", id="unknown setting of an act"),
        pytest.param({"form": settings() | {"most_divergence": 2}}, "most_divergence is 2; allowed", id="bound"),
        pytest.param({"form": {"acts": {}}}, r"lacks \['most_divergence'\]", id="no bound"),
        pytest.param({"form": []}, r"form is \[\]; allowed: most_divergence, acts", id="list"),
        pytest.param({"form": settings(), "sources": "slack"}, "sources is 'slack'; allowed: a list", id="no list"),
        pytest.param({"form": settings(), "channels": []}, r"channels is \[\]; allowed: a list", id="empty list"),
        pytest.param({"form": settings(), "least_utterances": 0}, "least_utterances is 0; allowed", id="none at all"),
        pytest.param({"form": settings(), "least_utterances": 1.5}, "least_utterances is 1.5", id="half an utterance"),
        pytest.param({"form": settings(), "description": 1}, "description is 1; allowed: a text", id="description"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, found: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read(str(written(tmp_path, "p", **found)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is None; allowed: description"),
        ("- a", r"is \['a'\]; allowed"),
        ("form: {", "cannot be read"),
        ("form: 1\nform: 2", r"\['form'\] stand there twice"),
        ("a: &a [*a]", "unknown"),
        ("!!python/object/apply:os.system ['true']", "cannot be read"),
        ("[" * 5000, "cannot be read"),
        ("\0", "cannot be read"),
        ("? [a, b]\n: 1", "cannot be read|unknown"),
        ("1: 2", r"unknown \['1'\]"),
    ],
)
def test_hostile_yaml_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        read(str(tmp_path))


def test_names_are_those_of_files(tmp_path: Path) -> None:
    written(tmp_path, "b", form=settings())
    (tmp_path / "a.yml").write_text("broken: [")
    (tmp_path / "notes.txt").write_text("x")
    assert names(str(tmp_path)) == ["a", "b"]
    (tmp_path / "a.yaml").write_text("")
    with pytest.raises(ConfigError, match="'a' is there twice"):
        names(str(tmp_path))


def test_bad_names_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="do not exist; allowed"):
        names(str(tmp_path / "nowhere"))
    written(tmp_path, "two words", form=settings())
    with pytest.raises(ConfigError, match="cannot be named 'two words'; allowed: letters"):
        names(str(tmp_path))


def test_an_empty_folder_has_no_profiles(tmp_path: Path) -> None:
    assert read(str(tmp_path)) == {}
