import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.pseudonyms import KEY_BYTES, Pseudonyms, read_key

KEY = b"0123456789abcdef"


def test_a_key_gives_each_person_one_pseudonym() -> None:
    people = Pseudonyms(KEY)
    assert people["U1"] == Pseudonyms(KEY)["U1"] != people["U2"]
    assert people["U1"].startswith("person-")
    assert people["U1"] == people.of("U1")


@pytest.mark.parametrize("other", ["C1", "S1", "", "ada", "u1", "U1 "])
def test_what_is_no_person_has_none(other: str) -> None:
    assert Pseudonyms(KEY).get(other) is None


def test_a_short_key_is_refused() -> None:
    Pseudonyms(b"k" * KEY_BYTES)
    with pytest.raises(ConfigError, match="has 15 bytes; needed: at least 16"):
        Pseudonyms(b"k" * (KEY_BYTES - 1))


def test_ids_in_json_are_replaced_and_words_are_not() -> None:
    people = Pseudonyms(KEY)
    message = {
        "user": "U0ADA001",
        "text": "ask <@U0BOB002|bob> about URL, USB2 and <#C1|hr>",
        "reactions": [{"users": ["U0ADA001", "W9EVE"]}],
        "subtype": "UPLOAD",
    }
    found = json.loads(people.in_json(json.dumps(message)))
    assert found == {
        "user": people["U0ADA001"],
        "text": f"ask <@{people['U0BOB002']}> about URL, USB2 and <#C1|hr>",
        "reactions": [{"users": [people["U0ADA001"], people["W9EVE"]]}],
        "subtype": "UPLOAD",
    }


@given(text=st.text(max_size=60))
def test_json_stays_json(text: str) -> None:
    value = {"text": text, "user": "U0ADA001", text: [text]}
    json.loads(Pseudonyms(KEY).in_json(json.dumps(value, ensure_ascii=False)))


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "home" / "pseudonym.key"
    made = read_key("", file)
    assert len(made) >= KEY_BYTES
    assert read_key("", file) == made
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_key("given by its owner", file) == b"given by its owner"


def test_a_key_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="can be neither read nor made"):
        read_key("", tmp_path / "file" / "pseudonym.key")
