"""The network: the same labels whatever is computed together, and what it learns from a conversation."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import ConfigError
from parlance.speech_acts import network

HEADS = {"function": ["commissive", "none", "question"]}
TALK = [
    ("Can you send it?", "a", "question"),
    ("sure", "b", "commissive"),
    ("I saw it.", "a", "none"),
    ("sure", "b", "none"),
]


def talk(conversations: int) -> pl.DataFrame:
    rows = [
        (f"c{number}.{half}", author, text, function)
        for number in range(conversations)
        for half in (0, 1)
        for text, author, function in TALK[2 * half : 2 * half + 2]
    ]
    return pl.DataFrame(rows, schema=["conversation", "author", "text", "function"], orient="row")


@pytest.fixture(scope="module")
def trained() -> network.Network:
    return network.fit(talk(24), HEADS, seed=1, epochs=50)


def test_the_utterance_before_decides(trained: network.Network) -> None:
    rows = talk(1)
    there, alone = trained.probabilities(rows)
    said = [HEADS["function"][place] for place in there["function"].argmax(axis=1)]
    assert said == [function for _, _, function in TALK]
    assert np.array_equal(alone["function"][1], alone["function"][3])


TEXTS = st.lists(st.one_of(st.text(max_size=20), st.sampled_from(["sure", "Can you?", "x " * 90, ""])), max_size=4)


@settings(max_examples=20)
@given(conversations=st.lists(TEXTS, max_size=5))
def test_what_is_computed_together_makes_no_difference(
    trained: network.Network, conversations: list[list[str]]
) -> None:
    frames = [
        pl.DataFrame(
            [(str(number), "ab"[place % 2], text) for place, text in enumerate(texts)],
            schema={"conversation": pl.String, "author": pl.String, "text": pl.String},
            orient="row",
        )
        for number, texts in enumerate(conversations)
    ]
    if not frames:
        return
    together = trained.probabilities(pl.concat(frames))
    apart = [trained.probabilities(frame) for frame in frames]
    for whole, parts in zip(together, zip(*apart, strict=True), strict=True):
        assert np.array_equal(whole["function"], np.concatenate([part["function"] for part in parts]))
        assert np.allclose(whole["function"].sum(axis=1), 1, atol=1e-5)


def test_long_conversations_are_read_in_windows(trained: network.Network) -> None:
    length = 2 * network.WINDOW + 3
    rows = pl.DataFrame({"conversation": ["c"] * length, "author": ["a"] * length, "text": ["sure"] * length})
    found, _ = trained.probabilities(rows)
    assert found["function"].shape == (length, 3)
    # Far from the ends of the conversation and of the windows every utterance has the same surroundings.
    far = network.WINDOW // 2
    assert np.allclose(found["function"][far], found["function"][far + network.WINDOW], atol=0.02)


def test_what_was_saved_is_what_is_loaded(trained: network.Network, tmp_path: Path) -> None:
    trained.save(tmp_path / "network")
    first, second = (network.load(tmp_path / "network", HEADS).probabilities(talk(2)) for _ in range(2))
    assert np.array_equal(first[0]["function"], second[0]["function"])
    assert np.allclose(first[0]["function"], trained.probabilities(talk(2))[0]["function"], atol=0.02)


def test_a_file_of_another_network_is_refused(trained: network.Network, tmp_path: Path) -> None:
    trained.save(tmp_path / "network")
    with pytest.raises(ConfigError, match="train it again"):
        network.load(tmp_path / "network", {"form": ["a"]})


def test_training_again_gives_the_same_network() -> None:
    first, second = (network.fit(talk(4), HEADS, seed=2, epochs=1).probabilities(talk(1))[0] for _ in range(2))
    assert np.array_equal(first["function"], second["function"])


def test_rows_without_labels_teach_nothing_and_break_nothing() -> None:
    rows = talk(3).with_columns(function=pl.lit(None, dtype=pl.String))
    found, _ = network.fit(rows, HEADS, seed=1, epochs=1).probabilities(talk(1))
    assert np.isfinite(found["function"]).all()


def test_training_tells_how_far_it_is() -> None:
    lines: list[str] = []
    network.fit(talk(6), HEADS, seed=1, epochs=3, log=lines.append)
    assert lines
    steps = [re.match(r"network: (\d+) of (\d+) steps, loss \d+\.\d+, about \d+ s left", line) for line in lines]
    assert all(steps)
    assert steps[-1][1] == steps[-1][2]
