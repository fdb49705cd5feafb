"""Signatures equal datasketch's, bands and hashes say what they should, whatever the batch."""

import re

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.dedup import bands, content_hashes, signatures
from parlance.dedup.minhash import banding
from parlance.dedup.tokens import shingle_hash
from parlance.errors import ConfigError

EMPTY = 2**32 - 1
# Letters and signs on which Python's `\w` and Unicode's agree.
texts = st.text(st.sampled_from("abcABZéßΩжq_019  \n\t.,-!"), max_size=80)


def datasketch_signature(words: list[str], *, num_perm: int, ngram: int, seed: int) -> list[int]:
    minhash = MinHash(num_perm=num_perm, seed=seed, hashfunc=shingle_hash, scheme="affine32")
    if words:
        minhash.update_batch([tuple(words[i : i + ngram]) for i in range(max(len(words) - ngram, 0) + 1)])
    return minhash.hashvalues.tolist()


@settings(max_examples=50, deadline=None)
@given(text=texts, num_perm=st.integers(1, 32), ngram=st.integers(1, 7), seed=st.integers(0, 2**32 - 1))
def test_signature_equals_datasketch(text: str, num_perm: int, ngram: int, seed: int) -> None:
    words = re.findall(r"\w+", text.lower())
    expected = datasketch_signature(words, num_perm=num_perm, ngram=ngram, seed=seed)
    assert signatures(pl.Series([text]), num_perm, ngram, seed, scheme="affine32").tolist() == [expected]


@pytest.mark.parametrize("text", ["日本語のテキスト。", "ภาษาไทย ง่าย", "漢字 and"], ids=["ja", "th", "mixed"])
def test_scripts_without_spaces_are_cut_into_characters(text: str) -> None:
    found = signatures(pl.Series([text]), scheme="affine32")
    characters = [character for character in text if character not in " 。"]
    if text == "漢字 and":
        characters = ["漢字", "and"]
    assert found.tolist() == [datasketch_signature(characters, num_perm=128, ngram=5, seed=1)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.none() | st.text(max_size=40), max_size=12))
def test_signature_does_not_depend_on_batching(batch: list[str | None]) -> None:
    series = pl.Series(batch, dtype=pl.String)
    alone = [signatures(series[i : i + 1])[0].tolist() for i in range(len(series))]
    assert signatures(series).tolist() == alone


def test_texts_of_several_blocks_keep_their_rows() -> None:
    batch = pl.Series([f"{i} " + "lorem ipsum dolor " * 50_000 for i in range(12)])
    assert np.array_equal(signatures(batch, 8)[7:8], signatures(batch[7:8], 8))


@pytest.mark.parametrize("text", ["", " \n", "!?…", None], ids=["empty", "blank", "signs", "null"])
def test_text_without_a_word_has_the_empty_signature(text: str | None) -> None:
    assert (signatures(pl.Series([text, "a"], dtype=pl.String))[0] == EMPTY).all()


def test_arrow_and_sliced_texts() -> None:
    array = pa.array(["skip", None, "one two three"]).slice(1)
    assert np.array_equal(signatures(array)[1:], signatures(pl.Series(["one two three"])))


def test_nothing_gives_no_rows() -> None:
    assert signatures(pl.Series([], dtype=pl.String)).shape == (0, 128)
    assert bands(signatures(pl.Series([], dtype=pl.String))).shape == (0, 25)


def test_agreement_of_signatures_estimates_jaccard() -> None:
    random = np.random.default_rng(0)
    errors = []
    for share in np.linspace(0.1, 0.9, 40):
        words = random.permutation(100_000)[:300].astype(str)
        common = int(200 * share)
        a, b = words[:200], np.concatenate([words[:common], words[200 : 400 - common]])
        exact = len(set(a) & set(b)) / len(set(a) | set(b))
        left, right = signatures(pl.Series([" ".join(a), " ".join(b)]), ngram=1)
        errors.append((left == right).mean() - exact)
    # The standard error of 128 permutations is at most 0.044.
    assert np.sqrt(np.mean(np.square(errors))) < 0.05
    assert abs(np.mean(errors)) < 0.02


def test_shingle_hashes_rarely_collide() -> None:
    words = [(f"w{a}", f"w{b}") for a in range(100) for b in range(100)]
    assert len({shingle_hash(pair) for pair in words}) >= len(words) - 1


@pytest.mark.parametrize("setting", [{"num_perm": 0}, {"ngram": 0}])
def test_impossible_settings_are_refused(setting: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        signatures(pl.Series(["a"]), **setting)


def test_texts_must_be_strings() -> None:
    with pytest.raises(ConfigError, match="Int64"):
        signatures(pl.Series([1]))


def test_bands_are_equal_exactly_where_their_rows_are() -> None:
    one = np.arange(128, dtype=np.uint32)
    other = one.copy()
    other[7] += 1
    equal = bands(np.stack([one, other]))[0] == bands(np.stack([one, other]))[1]
    assert equal.tolist() == [band != 1 for band in range(25)]


def test_equal_rows_in_different_bands_differ() -> None:
    assert len(set(bands(np.zeros((1, 128), dtype=np.uint32))[0].tolist())) == 25


@pytest.mark.parametrize(("count", "rows"), [(25, 6), (0, 5), (5, 0)])
def test_bands_must_fit_the_signature(count: int, rows: int) -> None:
    with pytest.raises(ConfigError, match="do not fit"):
        bands(np.zeros((1, 128), dtype=np.uint32), count, rows)


@pytest.mark.parametrize(("threshold", "expected"), [(0.8, (25, 5)), (0.01, (128, 1)), (1.0, (1, 128))])
def test_banding_for_a_threshold(threshold: float, expected: tuple[int, int]) -> None:
    assert banding(threshold) == expected


def test_content_hash_ignores_case_form_and_whitespace() -> None:
    hashes = content_hashes(pl.Series(["Café\n au  lait", " cafe\u0301 AU lait ", "café au lait.", "", None]))
    assert hashes[0] == hashes[1] != hashes[2]
    assert hashes[3] == hashes[4]
    assert all(re.fullmatch("[0-9a-f]{32}", value) for value in hashes)
    # As Python's hashlib gives it.
    assert content_hashes(pl.Series(["a"]))[0] == "27c35e6e9373877f29e562464e46497e"


def test_stored_signatures_stay_comparable() -> None:
    # Signatures are stored: another value here means that tables must be measured again.
    text = pl.Series(["to be or not to be"])
    assert signatures(text, num_perm=2).tolist() == [[462276669, 1920618432]]
    assert signatures(text, num_perm=2, scheme="affine32").tolist() == [[143014737, 1675438273]]
