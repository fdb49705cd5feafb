"""Token shards for training: Megatron's indexed datasets, documents shuffled over all shards by a seed.

A shard is `tokens-00000.bin`, the ids of its documents one behind another, each with the end token behind it, and
`tokens-00000.idx`, where each begins. The layout is that of `megatron.core.datasets.indexed_dataset`: it says where
documents end, its readers (Megatron-LM, NeMo, GPT-NeoX) map the file into memory and cut samples of any length across
documents, so that nothing is padded and no length has to be chosen here.
"""

import json
import struct
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import polars as pl

from parlance.errors import ConfigError, SchemaError
from parlance.tokenization.encoding import Encoder

MAGIC, VERSION = b"MMIDIDX\x00\x00", 1
# Megatron's codes of number types; 16 bits as long as every id fits.
CODES: dict[int, type[np.generic]] = {8: np.uint16, 4: np.int32}
MANIFEST = "shards.json"
HEADER = struct.Struct("<9sQBQQ")
_WAITING = np.dtype([("key", "<u8"), ("length", "<i4")])

Tokens = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Shards:
    """What was written: documents and tokens by source, the end tokens included."""

    shards: int
    documents: int
    tokens: int
    tokens_by_source: dict[str, int]


def write(
    batches: Iterable[pl.DataFrame], tokenizer: str | Path, folder: str | Path, *, end: str, shards: int, seed: int
) -> Shards:
    """Writes the texts of `batches` (columns id, text and source) as that many `shards` into `folder`.

    A document goes where a hash of its id and of `seed` puts it, so the same documents and seed give the same bytes in
    whatever order they come. In memory are a batch, and one shard at a time. Raises ConfigError where `end` is no token
    or the tokenizer is none, SchemaError where an id comes twice with the same text.
    """
    encoder = Encoder(tokenizer)
    end_id = encoder.token_id(end)
    if shards < 1 or seed < 0:
        raise ConfigError(f"shards {shards} and seed {seed}: at least 1 shard and no negative seed")
    kind = np.uint16 if encoder.vocab_size <= 1 << 16 else np.int32
    target, documents, counts = Path(folder), Counter[str](), Counter[str]()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".waiting-") as scratch:
        waiting = [(Path(scratch, f"{number}.rows"), Path(scratch, f"{number}.ids")) for number in range(shards)]
        for batch in batches:
            counts += _put_aside(batch, encoder, end_id, kind, seed=seed, waiting=waiting)
            documents.update(batch["source"].to_list())
        for number in range(shards):
            _write_shard(*waiting[number], target / f"tokens-{number:05d}", kind)
    written = Shards(
        shards=shards,
        documents=documents.total(),
        tokens=counts.total(),
        tokens_by_source={name: counts[name] for name in sorted(documents)},
    )
    stated = {**written.__dict__, "seed": seed, "end": end, "end_id": end_id, "dtype": np.dtype(kind).name}
    (target / MANIFEST).write_text(json.dumps(stated, indent=2) + "\n", encoding="utf-8")
    return written


def _put_aside(
    batch: pl.DataFrame, encoder: Encoder, end_id: int, kind: type[np.generic], *, seed: int,
    waiting: list[tuple[Path, Path]],
) -> Counter[str]:  # fmt: skip
    """Appends the documents of a batch to the files of their shards; gives their tokens by source."""
    from parlance.tokenization.compiled.drawing import drawn

    if batch.is_empty():
        return Counter()
    ids, ends = encoder.encode(batch["text"])
    tokens = np.insert(ids, ends, end_id).astype(kind)
    ends = ends + np.arange(1, len(ends) + 1)
    rows = np.empty(len(batch), _WAITING)
    rows["key"] = drawn(batch["id"], seed=seed)
    rows["length"] = np.diff(ends, prepend=0)
    shard = (rows["key"] >> np.uint64(32)) * np.uint64(len(waiting)) >> np.uint64(32)
    for number in np.unique(shard):
        chosen = shard == number
        with waiting[number][0].open("ab") as file:
            rows[chosen].tofile(file)
        with waiting[number][1].open("ab") as file:
            tokens[np.repeat(chosen, rows["length"])].tofile(file)
    counted = batch.select("source", tokens=pl.Series(rows["length"])).group_by("source").agg(pl.col("tokens").sum())
    return Counter(dict(counted.iter_rows()))


def _write_shard(rows_file: Path, ids_file: Path, prefix: Path, kind: type[np.generic]) -> None:
    """Sorts the documents that wait for a shard and writes it."""
    rows = np.fromfile(rows_file, _WAITING) if rows_file.exists() else np.empty(0, _WAITING)
    ids = np.fromfile(ids_file, kind) if ids_file.exists() else np.empty(0, kind)
    ends = np.cumsum(rows["length"], dtype=np.int64)
    starts = ends - rows["length"]
    order = np.argsort(rows["key"], kind="stable")
    if len(rows) and (np.diff(rows["key"][order]) == 0).any():
        order = _untied(rows, ids, starts, ends)
    lengths = rows["length"][order]
    with prefix.with_suffix(".bin").open("wb") as file:
        _gathered(ids, starts[order], lengths).tofile(file)
    with prefix.with_suffix(".idx").open("wb") as file:
        _write_index(file, lengths, kind)


def _untied(rows: Tokens, ids: Tokens, starts: Tokens, ends: Tokens) -> npt.NDArray[np.int64]:
    """The order by key, of equal keys by tokens: two ids of 64 bits may collide, and an id may come with two texts."""
    keyed = sorted((int(rows["key"][row]), ids[starts[row] : ends[row]].tobytes(), row) for row in range(len(rows)))
    for (*one, first), (*other, _) in pairwise(keyed):
        if one == other:
            raise SchemaError(
                f"a document of {rows['length'][first] - 1} tokens comes twice with one id; allowed: once"
            )
    return np.array([row for *_, row in keyed], np.int64)


def _gathered(ids: Tokens, starts: Tokens, lengths: Tokens) -> Tokens:
    """The stretches of `ids`, one behind another."""
    total = int(lengths.sum())
    before = np.cumsum(lengths, dtype=np.int64) - lengths
    places = np.arange(total, dtype=np.int64) + np.repeat(starts - before, lengths)
    return ids[places]


def _write_index(file: BinaryIO, lengths: Tokens, kind: type[np.generic]) -> None:
    code = next(code for code, known in CODES.items() if known is kind)
    file.write(HEADER.pack(MAGIC, VERSION, code, len(lengths), len(lengths) + 1))
    lengths.astype("<i4").tofile(file)
    ((np.cumsum(lengths, dtype=np.int64) - lengths) * np.dtype(kind).itemsize).astype("<i8").tofile(file)
    np.arange(len(lengths) + 1, dtype="<i8").tofile(file)  # a document is one sequence


def read(prefix: str | Path) -> Iterator[Tokens]:
    """The documents of a shard, mapped into memory. Raises SchemaError where the two files do not belong together."""
    ids, lengths = opened(prefix)
    place = 0
    for length in lengths:
        yield ids[place : place + int(length)]
        place += int(length)


def opened(prefix: str | Path) -> tuple[Tokens, Tokens]:
    """All tokens of a shard, mapped into memory, and the length of each document. Errors as `read`."""
    index = Path(prefix).with_suffix(".idx").read_bytes()
    if len(index) < HEADER.size or index[: len(MAGIC)] != MAGIC:
        raise SchemaError(f"{prefix}.idx is no index of Megatron's: it begins with {index[:9]!r}")
    _, version, code, sequences, _ = HEADER.unpack_from(index)
    if version != VERSION or code not in CODES:
        raise SchemaError(f"{prefix}.idx has version {version} and type {code}; read are {VERSION} and {list(CODES)}")
    lengths = np.frombuffer(index, "<i4", sequences, HEADER.size)
    file = Path(prefix).with_suffix(".bin")
    size, stated = file.stat().st_size, int(lengths.sum()) * np.dtype(CODES[code]).itemsize
    if size != stated:
        raise SchemaError(f"{file} has {size} bytes; its index says {stated}")
    return (np.memmap(file, CODES[code], "r") if size else np.empty(0, CODES[code])), lengths


def prefixes(folder: str | Path) -> list[Path]:
    """The shards in `folder`, as readers take them: without an ending."""
    return sorted(path.with_suffix("") for path in Path(folder).glob("tokens-*.idx"))


def manifest(folder: str | Path) -> dict[str, Any]:
    """What was written into `folder`, as its writer counted it."""
    content: dict[str, Any] = json.loads(Path(folder, MANIFEST).read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Tokens and documents as they were counted when they were encoded, and as the shards hold them."""

    tokens_in: int
    tokens_in_shards: int
    documents_in: int
    documents_in_shards: int
    unended_documents: int

    @property
    def is_even(self) -> bool:
        """Whether nothing was lost and every document ends as one."""
        return (
            self.tokens_in == self.tokens_in_shards
            and self.documents_in == self.documents_in_shards
            and not self.unended_documents
        )


def balance(folder: str | Path) -> Balance:
    """What the shards in `folder` hold beside what their writer counted. Errors as `read`."""
    stated = manifest(folder)
    tokens = documents = unended = 0
    for prefix in prefixes(folder):
        ids, lengths = opened(prefix)
        tokens += len(ids)
        documents += len(lengths)
        last = np.cumsum(lengths, dtype=np.int64) - 1
        unended += int(np.count_nonzero(ids[last] != stated["end_id"])) if len(last) else 0
    return Balance(
        tokens_in=sum(stated["tokens_by_source"].values()),
        tokens_in_shards=tokens,
        documents_in=stated["documents"],
        documents_in_shards=documents,
        unended_documents=unended,
    )
