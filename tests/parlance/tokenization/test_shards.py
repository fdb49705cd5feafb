"""Token shards: the layout, the order and the balance."""

import hashlib
import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from parlance import tokenization
from parlance.errors import ConfigError, SchemaError
from parlance.tokenization import shards
from parlance.tokenization.encoding import Encoder

TEXTS = [f"Thread {number}: {'the printer is jammed again. ' * (number % 4)}" for number in range(60)]
DOCUMENTS = pl.DataFrame(
    {"id": [f"d{number}" for number in range(60)], "text": TEXTS, "source": ["slack", "dump", "slack"] * 20}
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tokenization.train(TEXTS, "byte_level_bpe", 400, path=tmp_path_factory.mktemp("tokenizer"))


def write(frame: pl.DataFrame, tokenizer: Path, folder: Path, *, rows: int = 7, seed: int = 3) -> shards.Shards:
    return shards.write(frame.iter_slices(rows), tokenizer, folder, end="<|end|>", shards=3, seed=seed)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_every_document_is_in_one_shard_and_ends(tokenizer: Path, tmp_path: Path) -> None:
    written = write(DOCUMENTS, tokenizer, tmp_path)
    found = [ids.tolist() for prefix in shards.prefixes(tmp_path) for ids in shards.read(prefix)]
    encoder = Encoder(tokenizer)
    end = encoder.token_id("<|end|>")
    expected = [[*one.ids, end] for one in encoder.tokenizer.encode_batch(TEXTS, add_special_tokens=False)]
    assert sorted(found) == sorted(expected)
    assert found != expected
    assert (written.shards, written.documents, written.tokens) == (3, 60, sum(map(len, expected)))
    by_source = {"dump": sum(map(len, expected[1::3])), "slack": sum(map(len, expected[::3] + expected[2::3]))}
    assert written.tokens_by_source == by_source
    assert shards.balance(tmp_path).is_even


def test_the_seed_alone_decides_about_bytes(tokenizer: Path, tmp_path: Path) -> None:
    write(DOCUMENTS, tokenizer, tmp_path / "one")
    write(DOCUMENTS.reverse(), tokenizer, tmp_path / "other", rows=60)
    write(DOCUMENTS, tokenizer, tmp_path / "seed", seed=4)
    assert digests(tmp_path / "one") == digests(tmp_path / "other")
    assert digests(tmp_path / "one") != digests(tmp_path / "seed")


def test_the_index_has_the_layout_of_megatron(tokenizer: Path, tmp_path: Path) -> None:
    shards.write([DOCUMENTS], tokenizer, tmp_path, end="<|end|>", shards=1, seed=0)
    (prefix,) = shards.prefixes(tmp_path)
    index = prefix.with_suffix(".idx").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    assert struct.unpack_from("<QBQQ", index, 9) == (1, 8, 60, 61)
    lengths = np.frombuffer(index, np.int32, 60, 34)
    pointers = np.frombuffer(index, np.int64, 60, 34 + 4 * 60)
    documents = np.frombuffer(index, np.int64, 61, 34 + 12 * 60)
    assert len(index) == 34 + 12 * 60 + 8 * 61
    assert pointers.tolist() == [2 * int(lengths[:place].sum()) for place in range(60)]
    assert documents.tolist() == list(range(61))
    assert prefix.with_suffix(".bin").stat().st_size == 2 * lengths.sum()


def test_an_empty_corpus_has_empty_shards(tokenizer: Path, tmp_path: Path) -> None:
    written = write(DOCUMENTS.clear(), tokenizer, tmp_path)
    assert (written.documents, written.tokens, len(shards.prefixes(tmp_path))) == (0, 0, 3)
    assert shards.balance(tmp_path).is_even


def test_a_document_that_comes_twice_is_refused(tokenizer: Path, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="tokens comes twice with one id"):
        write(pl.concat([DOCUMENTS, DOCUMENTS[7:8]]), tokenizer, tmp_path)
    changed = DOCUMENTS[7:8].with_columns(text=pl.lit("another text"))
    assert write(pl.concat([DOCUMENTS, changed]), tokenizer, tmp_path).documents == len(DOCUMENTS) + 1
    same_text = DOCUMENTS[7:8].with_columns(id=pl.lit("another id"))
    assert write(pl.concat([DOCUMENTS, same_text]), tokenizer, tmp_path).documents == len(DOCUMENTS) + 1


def test_damage_is_seen(tokenizer: Path, tmp_path: Path) -> None:
    write(DOCUMENTS, tokenizer, tmp_path)
    first, second, third = shards.prefixes(tmp_path)
    with first.with_suffix(".bin").open("ab") as file:
        file.write(b"xx")
    with pytest.raises(SchemaError, match="its index says"):
        list(shards.read(first))
    second.with_suffix(".idx").write_bytes(b"something else")
    with pytest.raises(SchemaError, match="no index of Megatron's"):
        list(shards.read(second))
    for prefix in (first, second):
        prefix.with_suffix(".idx").unlink()
    found = shards.balance(tmp_path)
    assert not found.is_even
    assert found.documents_in_shards == sum(1 for _ in shards.read(third)) < found.documents_in


def test_bad_requests_are_named(tokenizer: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no '</s>'"):
        shards.write([DOCUMENTS], tokenizer, tmp_path, end="</s>", shards=1, seed=0)
    with pytest.raises(ConfigError, match="at least 1 shard"):
        shards.write([DOCUMENTS], tokenizer, tmp_path, end="<|end|>", shards=0, seed=0)
    with pytest.raises(ConfigError, match="no tokenizer"):
        shards.write([DOCUMENTS], tmp_path, tmp_path, end="<|end|>", shards=1, seed=0)
