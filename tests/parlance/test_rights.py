from datetime import date
from pathlib import Path

import pytest
import yaml

from parlance.errors import ConfigError
from parlance.rights import Rights, read

LEAST = {
    "granted_by": "Ada Example",
    "granted_on": date(2026, 3, 1),
    "statement": "Agreement of the works council.",
    "uses": ["training", "search"],
}


def rights(tmp_path: Path, **settings: object) -> Rights:
    path = tmp_path / "rights.yaml"
    path.write_text(yaml.safe_dump(LEAST | settings), encoding="utf-8")
    return read(str(path))


def test_direct_messages_are_off_unless_named(tmp_path: Path) -> None:
    found = rights(tmp_path, direct_messages=["D2", "mpdm-ada--bob-1"])
    assert found.refusal({"id": "D1", "name": "D1", "is_im": True}) == "direct message not named"
    assert found.refusal({"id": "D2", "name": "D2", "is_im": True}) is None
    assert found.refusal({"id": "G1", "name": "mpdm-ada--bob-1", "is_mpim": True}) is None
    assert found.refusal({"id": "G2", "name": "mpdm-ada--eve-1", "is_mpim": True}) == "direct message not named"


def test_channels_opt_out_by_id_or_name(tmp_path: Path) -> None:
    found = rights(tmp_path, opt_out_channels=["C1", "random"])
    assert found.refusal({"id": "C1", "name": "general"}) == "channel opted out"
    assert found.refusal({"id": "C2", "name": "random"}) == "channel opted out"
    assert found.refusal({"id": "C3", "name": "general"}) is None


def test_people_get_pseudonyms_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert rights(tmp_path).people == "pseudonyms"
    assert rights(tmp_path, people="named").people == "named"


def test_the_id_names_the_statement(tmp_path: Path) -> None:
    assert rights(tmp_path).id == rights(tmp_path, uses=["search", "training"]).id
    assert rights(tmp_path).id != rights(tmp_path, opt_out_users=["U1"]).id


def test_nobody_is_imitated_unless_named(tmp_path: Path) -> None:
    assert rights(tmp_path).imitation == frozenset()
    assert rights(tmp_path, imitation=[]).id == rights(tmp_path).id
    named = rights(tmp_path, imitation=["U1"])
    assert named.imitation == {"U1"}
    assert named.id != rights(tmp_path).id


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"granted_by": ""}, "lacks \\['granted_by'\\]"),
        ({"uses": []}, "lacks \\['uses'\\]"),
        ({"uses": ["selling"]}, "unknown uses \\['selling'\\]; allowed: search"),
        ({"uses": "training"}, "uses is 'training'; allowed: a list of texts"),
        ({"granted_on": "last spring"}, "granted_on is 'last spring'"),
        ({"people": "masked"}, "people is 'masked'; allowed: named, pseudonyms"),
        ({"opt_out_users": [1]}, "opt_out_users is \\[1\\]"),
        ({"imitation": "everybody"}, "imitation is 'everybody'; allowed: a list of texts"),
        ({"optout": []}, "unknown \\['optout'\\]"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rights(tmp_path, **settings)


def test_the_file_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(str(tmp_path / "absent.yaml"))
