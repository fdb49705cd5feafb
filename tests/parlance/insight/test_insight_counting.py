"""Who is who in a thread."""

import polars as pl
import pytest

from parlance.insight import with_roles


def roles(*turns: tuple[str | None, str], abstained: int | None = None, messages: bool = True) -> list[str]:
    frame = pl.DataFrame(
        {
            "document_id": ["t"] * len(turns),
            "message_id": [f"m{place}" if messages else None for place in range(len(turns))],
            "author": [author for author, _ in turns],
            "is_bot": [bool(author and author.endswith("bot")) for author, _ in turns],
            "turn": list(range(len(turns))),
            "function": [function for _, function in turns],
            "abstained": [place == abstained for place in range(len(turns))],
        },
        schema_overrides={"message_id": pl.String, "author": pl.String},
    )
    return with_roles(frame)["role"].to_list()


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([("ann", "question"), ("bob", "none"), ("ann", "expressive")], ["asker", "helper", "asker"]),
        ([("ann", "directive"), ("helpbot", "none"), (None, "none")], ["asker", "bot", "other"]),
        ([("ann", "representative"), ("bob", "question")], ["other", "other"]),
        ([("helpbot", "question"), ("bob", "none")], ["bot", "other"]),
        ([(None, "question"), ("bob", "none")], ["other", "other"]),
    ],
)
def test_roles(turns: list[tuple[str | None, str]], expected: list[str]) -> None:
    assert roles(*turns) == expected


def test_what_the_classifier_abstained_from_makes_no_asker() -> None:
    assert roles(("ann", "question"), ("bob", "none"), abstained=0) == ["other", "other"]


def test_a_page_has_no_asker() -> None:
    assert roles(("ann", "question"), messages=False) == ["other"]
