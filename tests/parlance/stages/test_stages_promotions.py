"""Which model is in use after people and automation changed it, some of them twice, some of them halfway."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.registry import Registered, Registry
from parlance.stages import registry as stages
from parlance.stages.evaluation import EVALUATIONS, RESULT

TUNED, AT = "models/fine_tuned_model", datetime(2026, 1, 1, tzinfo=UTC)


class Team:
    """A lake and a registry of its own; models are files that say what they are."""

    def __init__(self, folder: Path, url: str) -> None:
        self.lake = Lake(root=str(folder / "lake"))
        self.registry = Registry(url=url, model=folder.name)
        self.requests = 0

    @property
    def in_use(self) -> str:
        assert stages.disagreement(self.lake, self.registry) == ""
        return stages.champion(self.lake)[1]

    def trained(self, version: str) -> None:
        """A candidate beside the model in use, and better."""
        current = stages.in_use(self.lake)
        with self.lake.files.publish(TUNED, version) as folder:
            (folder / "parlance.json").write_text(json.dumps({"fingerprint": version, "base": "b"}))
        stages.register(self.lake, self.registry, name=TUNED, version=version)
        result = {
            "models": {"candidate": version, "base": "b"} | ({"champion": current.version} if current else {}),
            "passed": True,
            "reason": "better on held-out answers",
            "figures": {"candidate": {"bits_per_character": 1.0}},
            "decision": [{"rule": "r", "passed": True, "found": "", "allowed": ""}],
        }
        with self.lake.files.publish(EVALUATIONS, f"{version} {current}".replace("/", "-")) as folder:
            (folder / RESULT).write_text(json.dumps(result))

    def promote(self, *versions: str) -> str:
        for version in versions:
            self.trained(version)
            done = stages.promote(self.lake, self.registry, by="automation", reason="", at=AT, run=self._request())
        return done.stayed

    def choose(self, version: str, *, reason: str = "it insults people", request: str = "") -> str:
        action = stages.ROLLED_BACK if version == stages.PREVIOUS else stages.CHOSEN
        run = request or self._request()
        change = stages.Change(action=action, by="Grace", reason=reason, at=AT, run=run)
        stages.choose(self.lake, self.registry, version, change)
        return self.in_use

    def roll_back(self, *, request: str = "") -> str:
        return self.choose(stages.PREVIOUS, request=request)

    def _request(self) -> str:
        self.requests += 1
        return f"request {self.requests}"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture
def team(tmp_path: Path, url: str) -> Team:
    return Team(tmp_path, url)


def test_two_rollbacks_go_back_twice_and_never_to_what_was_bad(team: Team) -> None:
    team.promote("X", "Y", "Z")
    assert [team.roll_back(), team.roll_back()] == ["Y", "X"]
    with pytest.raises(ConfigError, match=r"no previous model that nobody took out of use.*\['X', 'Y', 'Z'\]"):
        team.roll_back()
    assert team.in_use == "X"


def test_a_request_that_is_made_again_is_the_same_change(team: Team) -> None:
    team.promote("X", "Y", "Z")
    assert [team.roll_back(request="one"), team.roll_back(request="one")] == ["Y", "Y"]
    assert stages.history(team.lake).height == 4


@pytest.mark.parametrize("request_of_the_next", ["one", "two"], ids=["tried again", "asked for anew"])
@pytest.mark.parametrize("place", [(Registry, "name"), (stages, "_write")], ids=["registry", "lake"])
def test_a_rollback_that_broke_off_is_finished_and_not_undone(
    team: Team, monkeypatch: pytest.MonkeyPatch, place: tuple[object, str], request_of_the_next: str
) -> None:
    team.promote("X", "good", "bad")
    with monkeypatch.context() as dying:
        dying.setattr(*place, _dies)
        with pytest.raises(KeyboardInterrupt):
            team.roll_back(request="one")
    assert stages.champion(team.lake)[1] == "bad"
    assert team.roll_back(request=request_of_the_next) == "good"
    assert stages.history(team.lake)["model"].to_list() == ["X", "good", "bad", "good"]


def _dies(*_: object) -> Registered:
    raise KeyboardInterrupt


@pytest.mark.parametrize("how", [Team.roll_back, lambda team: team.choose("X")], ids=["previous", "by its name"])
def test_what_a_person_took_out_of_use_does_not_come_back_by_itself(team: Team, how: Callable[[Team], str]) -> None:
    team.promote("X", "Y")
    assert how(team) == "X"
    assert team.promote("Y") == "Y was taken out of use by Grace: it insults people"
    assert team.in_use == "X"
    assert team.promote("Z") == ""
    assert team.in_use == "Z"
    assert team.roll_back() == "X"
    assert team.choose("Y") == "Y"


def test_a_model_that_was_chosen_ahead_is_left_for_the_one_before(team: Team) -> None:
    """Whoever takes a new model into use by hand did not say that the one before is bad."""
    team.promote("X")
    team.trained("Y")
    assert [team.choose("Y"), team.roll_back()] == ["Y", "X"]


def test_a_model_that_was_promoted_again_stands_where_it_is_now(team: Team) -> None:
    team.promote("X", "Y", "X")
    assert team.roll_back() == "Y"
