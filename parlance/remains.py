"""Where words still stand: in every file of the lake, of now and of before, in the search index and in other folders.

Before somebody is forgotten it says what there is of them, and afterwards what is left.
"""

import datetime as dt
import gzip
import html
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parlance.errors import ConfigError, TransientError
from parlance.lake import Lake
from parlance.search.store import COLUMNS, Store
from parlance.storage.holdings import Holding, holdings
from parlance.storage.parts import storage_failures

SHORTEST = 3
ROWS_AT_ONCE = 1024
BYTES_AT_ONCE = 1 << 20
ROWS, FILES = "rows", "files"
PUBLISHED = "files"  # of a lake, by its root
# Of these older versions may be in use: models, what they were made with, and statements that raw rows name.
IN_USE = (
    "rights/", "tokenizers/", "corpus/speech_act_model", "models/base_model", "models/fine_tuned_model",
    "models/candidate", "models/champion",
)  # fmt: skip

Look = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Place:
    """In `count` rows or files, by `unit`, of `name` a word stands; `is_current`: its newest version has them."""

    name: str
    is_current: bool
    unit: str
    count: int


@dataclass(frozen=True)
class Words:
    """What is looked for, as it is written: upper and lower case differ.

    Raises ConfigError for a word of fewer than 3 characters.

    >>> Words(["Zoë"]).forms
    ('Zoë', 'Zo\\\\u00eb', 'Zo\\\\\\\\u00eb')
    """

    words: Sequence[str]

    def __post_init__(self) -> None:
        for word in self.words:
            if len(word.strip()) < SHORTEST:
                raise ConfigError(f"{word!r} is too short to look for: at least {SHORTEST} characters are needed")

    @property
    def forms(self) -> tuple[str, ...]:
        """Each as it is, as HTML has it, as JSON has it, and as JSON within JSON has it."""
        found = [*self.words, *(html.escape(word) for word in self.words)]
        for _ in range(2):
            found += [json.dumps(form, ensure_ascii=is_ascii)[1:-1] for form in found for is_ascii in (False, True)]
        return tuple(dict.fromkeys(found))

    @property
    def patterns(self) -> tuple[bytes, ...]:
        """The forms as files have them."""
        return tuple(form.encode() for form in self.forms)

    def rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows that have a word in a text, in bytes, or in what texts are nested in."""
        has = [self._has(name, kind) for name, kind in frame.schema.items() if _holds_text(kind)]
        return frame.filter(pl.any_horizontal(has)) if has else frame.clear()

    def _has(self, name: str, kind: pl.DataType) -> pl.Expr:
        column = pl.col(name)
        if kind == pl.Binary:
            return pl.any_horizontal([column.bin.contains(pattern) for pattern in self.patterns]).fill_null(False)
        if kind.is_nested():
            column = pl.struct(column).struct.json_encode()
        return column.cast(pl.String).str.contains_any(list(self.forms)).fill_null(False)

    def are_in(self, read: Callable[[int], bytes]) -> bool:
        """Whether one is in what `read` gives, asked for a megabyte at a time."""
        patterns, before = self.patterns, b""
        overlap = max(map(len, patterns)) - 1
        while chunk := read(BYTES_AT_ONCE):
            part = before + chunk
            if any(pattern in part for pattern in patterns):
                return True
            before = part[-overlap:]
        return False


def in_lake(lake: Lake, words: Words, look: Look = lambda _: None) -> Iterator[Place]:
    """Where the words stand in tables, in published files, in the index and beside them, sorted by name.

    `look` hears where it looks. Weights and token ids are numbers: of them nothing can be said. Raises TransientError
    where the storage fails.
    """
    counts = Counter[tuple[str, bool, str]]()
    for held, unit, count in _found(lake, words, look):
        counts[held.name, held.is_current, unit] += count
    look(index := _index(lake))
    *older, newest = [_indexed(lake, words, version) for version in Store(lake.vectors).versions()] or [set()]
    counts[index, True, ROWS] = len(newest)
    counts[index, False, ROWS] = len(set().union(*older) - newest)
    for (name, is_current, unit), count in sorted(counts.items()):
        if count:
            yield Place(name=name, is_current=is_current, unit=unit, count=count)


def erase(lake: Lake, words: Words, *, written_before: dt.datetime, look: Look = lambda _: None) -> int:
    """Deletes the files in which the words stand and which only earlier versions have; gives their number.

    Nobody may be writing what was begun before `written_before`; later files stay. Of what was published the whole
    version goes, but for `IN_USE`. A version of a table that had such a file cannot be read any more. The index is
    written anew. Raises TransientError where the storage fails; what was deleted until then is.
    """
    fs, _ = fsspec.url_to_fs(lake.root)
    erased, versions = 0, set[tuple[str, str, str]]()
    for held, _, _ in _found(lake, words, look, of_before=written_before):
        if held.published is None:
            fs.rm_file(held.path)
            erased += 1
        elif not (name := held.name.removeprefix(f"{PUBLISHED}/")).startswith(IN_USE):
            versions.add((name, *held.published))
            erased += 1
    for name, version, content in sorted(versions):
        lake.files.erase(name, version, content)
    store = Store(lake.vectors)
    if store.exists():
        store.tidy(purge=True)
    return erased


def _found(
    lake: Lake, words: Words, look: Look, *, of_before: dt.datetime | None = None
) -> Iterator[tuple[Holding, str, int]]:
    """The files outside the index in which the words stand; `of_before`: only of earlier versions, written before."""
    fs, _ = fsspec.url_to_fs(lake.root)
    for held in holdings(lake.root, lake.files):
        is_asked_for = of_before is None or (not held.is_current and fs.modified(held.path) < of_before)
        if is_asked_for and not held.name.startswith(f"{_index(lake)}/"):
            look(held.name)
            unit, count = in_file(fs, held.path, words)
            if count:
                yield held, unit, count


def _indexed(lake: Lake, words: Words, version: int) -> set[str]:
    """Ids of the chunks of a version of the index in which the words stand."""
    frames = Store(lake.vectors).rows(COLUMNS, version=version)
    return {id for frame in frames for id in words.rows(frame)["id"]}


def _index(lake: Lake) -> str:
    return lake.vectors.removeprefix(lake.root.rstrip("/")).strip("/")


def in_file(fs: fsspec.AbstractFileSystem, path: str, words: Words) -> tuple[str, int]:
    """In how many rows of a Parquet file the words stand; in 1 or 0 files of any other, which is unpacked if it can be.

    A file that is gone has none. Raises TransientError where it cannot be read.
    """
    try:
        with fs.open(path, "rb") as file:
            if path.endswith(".parquet"):
                try:
                    return ROWS, sum(words.rows(frame).height for frame in _frames(file))
                except (pa.ArrowException, OSError):  # a crash left half of it
                    file.seek(0)
            return FILES, int(_in_unpacked(file, path, words))
    except FileNotFoundError:
        return FILES, 0
    except storage_failures() as error:
        raise TransientError(f"{path} could not be read: {error}") from error


def _in_unpacked(file: IO[bytes], path: str, words: Words) -> bool:
    if words.are_in(file.read):
        return True
    file.seek(0)
    try:
        if path.endswith(".zip"):
            with zipfile.ZipFile(file) as members:
                return any(words.are_in(members.open(name).read) for name in members.namelist())
        return path.endswith(".gz") and words.are_in(gzip.open(file).read1)  # gives what is before a break, too
    except (
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        zlib.error,
        zipfile.BadZipFile,
    ):  # broken, or behind a password
        return False


def _frames(file: IO[bytes]) -> Iterator[pl.DataFrame]:
    opened = pq.ParquetFile(file)
    texts = [field.name for field in opened.schema_arrow if _holds_text(pl.Series(pa.array([], field.type)).dtype)]
    for batch in opened.iter_batches(batch_size=ROWS_AT_ONCE, columns=texts):
        yield pl.DataFrame(batch)


def _holds_text(kind: pl.DataType) -> bool:
    if isinstance(kind, pl.Struct):
        return any(_holds_text(field.dtype) for field in kind.fields)  # type: ignore[arg-type]
    if isinstance(kind, pl.List | pl.Array):
        return _holds_text(kind.inner)  # type: ignore[arg-type]
    return kind in (pl.String, pl.Binary, pl.Categorical)
