from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.pseudonyms import KEY_BYTES, Pseudonyms, read_key

KEY = b"0123456789abcdef"


def test_a_key_gives_each_person_one_pseudonym() -> None:
    people = Pseudonyms(KEY)
    assert people.of("U1") == Pseudonyms(KEY).of("U1") != people.of("U2")
    assert people.of("U1").startswith("person-")


def test_a_short_key_is_refused() -> None:
    Pseudonyms(b"k" * KEY_BYTES)
    with pytest.raises(ConfigError, match="has 15 bytes; needed: at least 16"):
        Pseudonyms(b"k" * (KEY_BYTES - 1))


def test_ids_in_json_are_replaced_and_words_are_not() -> None:
    people = Pseudonyms(KEY)
    message = {
        "user": "UHBXKDEFG",
        "text": "ask <@U0BOB002|bob> about URL, USB2 and <#C1|hr>",
        "reactions": [{"name": "U2", "users": ["UABCDEFGH", "W9EVE"]}],
        "subtype": "UPLOAD",
        "app": "U0ADA0001",
        "edited": {"user": None},
    }
    assert people.in_json(message) == {
        "user": people.of("UHBXKDEFG"),
        "text": f"ask <@{people.of('U0BOB002')}> about URL, USB2 and <#C1|hr>",
        "reactions": [{"name": "U2", "users": [people.of("UABCDEFGH"), people.of("W9EVE")]}],
        "subtype": "UPLOAD",
        "app": people.of("U0ADA0001"),
        "edited": {"user": None},
    }


@pytest.mark.parametrize(
    "field",
    ["user", "user_id", "users", "parent_user_id", "reply_users", "author_id", "inviter", "bot_user_id", "username"],
)
def test_the_value_of_a_persons_field_is_a_person(field: str) -> None:
    people = Pseudonyms(KEY)
    assert people.in_json({field: "UHBXKDEFG"}) == {field: people.of("UHBXKDEFG")}
    assert people.in_json({field: ["UHBXKDEFG", ""]}) == {field: [people.of("UHBXKDEFG"), ""]}


@pytest.mark.parametrize("field", ["usergroup", "user_team", "bot_id", "type", "channel"])
def test_the_value_of_another_field_stays(field: str) -> None:
    assert Pseudonyms(KEY).in_json({field: "UHBXKDEFG"}) == {field: "UHBXKDEFG"}


def test_links_to_people_and_their_files_lead_to_nobody() -> None:
    people = Pseudonyms(KEY)
    text = "<https://x.slack.com/files/UHBXKDEFG/F1/a.png|a> <https://x.slack.com/team/U1> https://x.org/files/U1/"
    pseudonym = people.of("UHBXKDEFG")
    assert people.in_json(text) == (
        f"<https://x.slack.com/files/{pseudonym}/F1/a.png|a> <https://x.slack.com/team/{people.of('U1')}> "
        "https://x.org/files/U1/"
    )


def test_names_and_the_fallback_that_begins_with_one_are_left_out() -> None:
    people = Pseudonyms(KEY)
    quoted = {"author_subname": "ada", "fallback": "[Monday] ada: hi", "text": "hi"}
    assert people.in_json([quoted, {"fallback": "Build 7 failed"}]) == [{"text": "hi"}, {"fallback": "Build 7 failed"}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("user"), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(value=JSON)
def test_any_json_is_taken(value: object) -> None:
    people = Pseudonyms(KEY)
    assert type(people.in_json(value)) is type(value)
    assert people.in_json(["\ud800", {"user": "\ud800"}]) == ["\ud800", {"user": people.of("\ud800")}]


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
