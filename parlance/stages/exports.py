"""From the tables of examples to an export folder, and how long the examples are as chats."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from parlance import exports, schemas
from parlance.errors import ConfigError
from parlance.exports.facts import Facts, collect
from parlance.lake import Lake
from parlance.stages.synthesis import require_sound
from parlance.storage import Table, Written, record_batches, stream
from parlance.tokenization.lengths import LENGTHS, Lengths, measure

CARD = "README.md"
# Generated rows have no quality, so that it may be null.
_ROWS: Final = pa.schema([schemas.SYNTHETIC.field(name) for name in schemas.EXAMPLES.names])


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written: rows by file, the facts that the card says, and a version made of the data files' bytes."""

    files: Mapping[str, int]
    facts: Facts
    version: str


def examples_of(lake: Lake, *, synthetic: bool) -> pl.LazyFrame:
    """The rows of `instruct/examples`; with `synthetic` those of `instruct/synthetic` too.

    Raises ConfigError where generated rows were asked for and there are none, or one is not what training may use.
    """
    real = lake.table("instruct/examples").scan()
    if not synthetic:
        return real
    require_sound(lake)
    generated = lake.table("instruct/synthetic").scan()
    if generated.select(pl.len()).collect().item() == 0:
        raise ConfigError(
            "synthetic is true, but instruct/synthetic has no rows: set PARLANCE_LLM_URL and materialise it"
        )
    return pl.concat([real, generated.select(schemas.EXAMPLES.names)])


def write_exports(
    lake: Lake, folder: Path, *, recipes: Mapping[str, str], title: str, licence: str, synthetic: bool = False
) -> Exported:
    """Writes every layout, what trainers are told, and the card into `folder`. `recipes` are those of the lanes."""
    chosen = examples_of(lake, synthetic=synthetic)
    ids = chosen.select("id").collect()["id"]
    ordered = exports.in_order(stream(chosen), ids, _ROWS)
    files = exports.write(ordered, folder)
    exports.write_trainer_files(folder, files)
    facts = collect(lake, chosen, files=files, recipes=recipes)
    version = _digest(folder)
    (folder / CARD).write_text(exports.card(facts, title=title, licence=licence), encoding="utf-8")
    return Exported(files=files, facts=facts, version=version)


def write_token_counts(lake: Lake, tokenizer: Path, *, name: str, length: int) -> tuple[Written, Lengths]:
    """The length of every example, generated ones included, as a chat of `tokenizer` (its folder, called `name`)."""
    found = measure(_chats(lake), tokenizer, name=name, lengths=sorted({*LENGTHS, length}), length=length)
    table: Table = lake.table("instruct/token_counts")
    return table.replace(record_batches(found.rows, schemas.TOKEN_COUNTS)), found


def _chats(lake: Lake) -> Iterator[pl.DataFrame]:
    for name in ("instruct/examples", "instruct/synthetic"):
        yield from stream(lake.table(name).scan().select("id", "split", "kind", "messages"))


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{content} {path.relative_to(folder).as_posix()}\0".encode())
    return digest.hexdigest()[:12]
