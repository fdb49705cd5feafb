from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from parlance import embedding
from parlance.embedding import chunking, weights
from parlance.errors import ConfigError, SchemaError

SENTENCES = [
    "The printer on floor three is broken.",
    "Could somebody from IT look at it?",
    "I opened a ticket yesterday.",
    "Nobody has answered so far.",
    "Thanks a lot in advance!",
]
TEXT = " ".join(SENTENCES)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return weights.tokenizer(weights.locate("minilm"))


def documents(*texts: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"id": [f"d{row}" for row in range(len(texts))], "text": texts}, schema={"id": pl.String, "text": pl.String}
    )


def split(tokenizer: Tokenizer, *texts: str, **bounds: int) -> pl.DataFrame:
    return chunking.split(documents(*texts), tokenizer=tokenizer, **bounds)


def tokens(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False))


wild = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "word",
                "A sentence ends. ",
                "Why? ",
                "\n",
                " ",
                "日本語",
                "👩‍👩‍👧",
                "\x00",
                "\u0301",
                "supercalifragilistic",
                "1.5",
            ]
        ),
        max_size=60,
    ).map("".join),
)


@settings(deadline=None)
@given(texts=st.lists(wild, max_size=4), max_tokens=st.integers(1, 30), data=st.data())
def test_every_character_lies_in_a_chunk(
    tokenizer: Tokenizer, texts: list[str], max_tokens: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, max_tokens - 1))
    found = split(tokenizer, *texts, max_tokens=max_tokens, overlap=overlap)
    assert found["id"].is_unique().all()
    for row, text in enumerate(texts):
        own = found.filter(pl.col("document_id") == f"d{row}")
        covered = set()
        for start, end, piece in own.select("start", "end", "text").iter_rows():
            assert 0 <= start < end <= len(text)
            assert text[start:end] == piece
            covered |= set(range(start, end))
        assert all(text[place].isspace() for place in set(range(len(text))) - covered)
        assert own["start"].is_sorted()
        assert own["end"].diff().drop_nulls().gt(0).all()


@pytest.mark.parametrize("overlap", [0, 8])
def test_chunks_hold_whole_sentences(tokenizer: Tokenizer, overlap: int) -> None:
    for piece in split(tokenizer, TEXT, max_tokens=18, overlap=overlap)["text"]:
        assert piece[-1] in ".?!"
        assert any(piece.startswith(sentence[:10]) for sentence in SENTENCES)
        assert tokens(tokenizer, piece) <= 18


def test_max_tokens_is_reached_and_not_passed(tokenizer: Tokenizer) -> None:
    size = tokens(tokenizer, TEXT)
    assert len(split(tokenizer, TEXT, max_tokens=size, overlap=0)) == 1
    assert len(split(tokenizer, TEXT, max_tokens=size - 1, overlap=0)) == 2


def test_overlap_repeats_the_last_sentences_that_fit(tokenizer: Tokenizer) -> None:
    sentences = [f"The {noun} is broken today." for noun in ("lamp", "door", "desk", "phone", "chair", "window")]
    (size,) = {tokens(tokenizer, sentence) for sentence in sentences}
    found = split(tokenizer, " ".join(sentences), max_tokens=3 * size, overlap=size)["text"]
    assert len(found) > 2
    for earlier, later in pairwise(found):
        (repeated,) = [sentence for sentence in sentences if earlier.endswith(sentence)]
        assert later.startswith(repeated)
    without = split(tokenizer, " ".join(sentences), max_tokens=3 * size, overlap=size - 1)["text"]
    assert " ".join(without) == " ".join(sentences)


def test_a_long_sentence_is_cut_between_words(tokenizer: Tokenizer) -> None:
    words = [f"word{number}" for number in range(300)]
    pieces = split(tokenizer, " ".join(words), max_tokens=50, overlap=5)["text"]
    assert {word for piece in pieces for word in piece.split()} == set(words)
    assert all(tokens(tokenizer, piece) <= 50 for piece in pieces)


def test_a_long_word_is_cut_between_tokens(tokenizer: Tokenizer) -> None:
    sizes = split(tokenizer, "日本語" * 40, max_tokens=50, overlap=0)["text"].str.len_chars()
    assert (len(sizes), sizes.sum()) == (3, 120)
    assert sizes.max() <= 50


def test_what_has_no_token_is_kept_and_bounded(tokenizer: Tokenizer) -> None:
    found = split(tokenizer, "\x00\n" * 100, max_tokens=40, overlap=0)
    assert [piece.count("\x00") for piece in found["text"]] == [40, 40, 20]


def test_ids_follow_text_and_not_place(tokenizer: Tokenizer) -> None:
    before = split(tokenizer, TEXT, max_tokens=12, overlap=0)
    after = split(tokenizer, "Good morning everybody, here is a question. " + TEXT, max_tokens=12, overlap=0)
    assert set(before["id"]) <= set(after["id"])
    assert before["start"].to_list() != after["start"].to_list()[1:]
    other = chunking.split(documents(TEXT), tokenizer=tokenizer, model="other", max_tokens=12, overlap=0)
    assert not set(before["id"]) & set(other["id"])
    assert not set(before["id"]) & set(split(tokenizer, "", TEXT, max_tokens=12, overlap=0)["id"])


def test_equal_chunks_of_a_document_have_ids_of_their_own(tokenizer: Tokenizer) -> None:
    found = split(tokenizer, "Same line.\n" * 10, max_tokens=3, overlap=0)
    assert (found["text"].n_unique(), found["id"].n_unique()) == (1, 10)


@pytest.mark.parametrize("texts", [(), ("",), (" \n\t",)], ids=["no document", "empty", "white space"])
def test_nothing_gives_no_chunks(texts: tuple[str, ...]) -> None:
    found = embedding.chunks(documents(*texts))
    assert found.is_empty()
    assert found.schema == pl.Schema(chunking.CHUNKS)


def test_chunks_take_the_bounds_of_the_model(tokenizer: Tokenizer) -> None:
    found = embedding.chunks(documents(TEXT * 40, "short"))
    assert max(tokens(tokenizer, piece) for piece in found["text"]) in range(150, 201)
    assert found["document_id"].unique(maintain_order=True).to_list() == ["d0", "d1"]
    assert weights.content_tokens(weights.locate("minilm")) == 254


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"max_tokens": 0, "overlap": 0}, "max_tokens 0 is too small; at least 1"),
        ({"max_tokens": 5, "overlap": 5}, "overlap 5 is out of range; at least 0 and below max_tokens 5"),
        ({"max_tokens": 5, "overlap": -1}, "overlap -1 is out of range"),
    ],
)
def test_bad_bounds_are_named(tokenizer: Tokenizer, bounds: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split(tokenizer, TEXT, **bounds)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"id": ["a"]}), "string column 'text'"),
        (pl.DataFrame({"id": [1], "text": ["a"]}), "string column 'id'"),
        (pl.DataFrame({"id": ["a", "b"], "text": ["a", None]}), "column 'text' has 1 nulls"),
    ],
    ids=["missing", "type", "null"],
)
def test_bad_columns_are_named(tokenizer: Tokenizer, frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        chunking.split(frame, tokenizer=tokenizer)


@pytest.mark.parametrize("place", [0, 100, 250])
@pytest.mark.parametrize("new", ["One more sentence stands here. ", "This. Is. New. " * 9], ids=["short", "long"])
def test_an_edit_leaves_most_chunks_alone(tokenizer: Tokenizer, place: int, new: str) -> None:
    sentences = [f"Sentence {number} says that valve {number * 7919 % 1000} is closed. " for number in range(300)]
    before, after = (
        split(tokenizer, "".join(text), max_tokens=100, overlap=10)
        for text in (sentences, [*sentences[:place], new, *sentences[place:]])
    )
    changed = set(after["id"]) - set(before["id"])
    assert len(before) > 40
    assert 0 < len(changed) <= 8
    assert before["text"].str.len_chars().head(-1).min() > 100
