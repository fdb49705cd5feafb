import pytest
from web_pages import page

from parlance.instruct import build, reasons

POSTS = """The light stays blue

fenwarden

I changed the card and now the light stays blue.

    log: no carrier

packetduck

The name of the access point is wrong for that card. Change it under Network.

fenwarden

Now it says that the year is 1980?

curlew

Enter a time server, and it will know the year again.

fenwarden

Green at last, thank you!
"""


def made(text: str, title: str | None) -> dict[str, dict[str, object]]:
    return {row["kind"]: row for row in build(*page(text, title=title)).iter_rows(named=True)}


def test_posts_below_their_authors_are_a_thread() -> None:
    rows = made(POSTS, "The light stays blue")
    assert set(rows) == {"forum", "dialogue"}
    forum = rows["forum"]
    assert forum["instruction"] == (
        "The light stays blue\n\nI changed the card and now the light stays blue.\n    log: no carrier"
    )
    assert forum["output"] == "Enter a time server, and it will know the year again."
    assert str(forum["input"]).startswith("Helper: The name of the access point is wrong")
    assert (forum["thanked"], forum["raw_ids"]) == (True, ["dump:p1"])
    assert [message["role"] for message in rows["dialogue"]["messages"]] == ["user", "assistant"] * 2  # type: ignore[attr-defined]


def test_no_author_stands_in_a_text() -> None:
    for row in made(POSTS, "The light stays blue").values():
        assert not any(name in str(row["messages"]) for name in ("fenwarden", "packetduck", "curlew"))


def test_around_the_title_only_the_first_reply_is_taken() -> None:
    text = "It reads zero twice a day. Is it broken?\nZero twice a day\nYour probe is in the air at low tide.\nOh no."
    rows = made(text, "Zero twice a day")
    assert [(kind, row["instruction"], row["output"]) for kind, row in rows.items()] == [
        ("forum", "It reads zero twice a day. Is it broken?", "Your probe is in the air at low tide.")
    ]
    assert rows["forum"]["quality_reasons"] == ["short", "not_confirmed"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("It reads zero twice a day.\nZero\nYour probe is in the air at low tide.", "forum_no_question"),
        ("It reads zero. Is it broken?\nZero\nWhich probe is it?", "forum_no_answer"),
    ],
)
def test_what_gives_nothing_has_a_reason(text: str, reason: str) -> None:
    frames = page(text, title="Zero")
    assert build(*frames).is_empty()
    assert reasons(*frames).rows() == [("dump:p1", reason)]


def test_words_alone_in_a_line_are_no_authors_where_none_comes_back() -> None:
    prose = "It was a long day and the water was cold, but the fish came in the evening, as they always do in May."
    rows = made(f"New\n\n{prose}\n\nChanged\n\n{prose}\n\nFixed\n\n{prose}", "Notes")
    assert set(rows) == {"passage"}
