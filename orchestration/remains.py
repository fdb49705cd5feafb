"""`python -m orchestration remains WORD ...`: where words still stand, in the lake, in the home and in databases."""

import argparse
import datetime as dt
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import fsspec
import sqlalchemy as sa
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.instance import DATABASE
from orchestration.lanes import slack
from orchestration.settings import lake_root, path_setting, setting
from parlance.errors import ConfigError, TransientError
from parlance.lake import Lake
from parlance.pseudonyms import ID, Pseudonyms, read_key
from parlance.remains import ROWS, Look, Place, Words, erase, in_file, in_lake
from parlance.storage.files import downloads

SQLITE, SQLITE_URL = b"SQLite format 3\0", "sqlite:///"
CLOCKS_DIFFER = dt.timedelta(minutes=2)  # at most, of this machine and the storage
BESIDE_SQLITE = ("-wal", "-shm", "-journal")  # what is in them is read with their database


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", nargs="+", metavar="WORD", help="a text, a name or an id; a person's id of Slack by its pseudonym too"
    )
    parser.add_argument(
        "--erase",
        action="store_true",
        help="delete the files of the lake that earlier versions alone have, and look again",
    )


def main(options: argparse.Namespace, console: Console) -> int:
    """Looks for the words, and says where they stand; before that erases what only earlier versions have, if asked."""
    words = Words([*options.words, *pseudonyms(options.words)])
    lake = Lake(root=lake_root())
    with console.status("") as status:

        def look(name: str) -> None:
            status.update(escape(name))

        if options.erase:
            erased = erase(lake, words, written_before=nobody_writes(), look=look)
            console.print(f"Erased: {erased:,} files of earlier versions.")
        found = list(in_lake(lake, words, look))
        for name, folder in folders().items():
            found += in_folder(folder, words, look, name=name, without=lake.root)
        for name, engine in databases().items():
            look(name)
            found += _of(in_database(engine, words, name=name), name)
    show(found, console)
    return 0


def nobody_writes() -> dt.datetime:
    """A time at which no run was going on, by any clock. Raises ConfigError where one is."""
    now = dt.datetime.now(dt.UTC)
    with dg.DagsterInstance.get() as instance:
        if going_on := instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES), limit=1):
            raise ConfigError(f"run {going_on[0].run_id} is going on; erase when none is")
    return now - CLOCKS_DIFFER


def pseudonyms(words: Sequence[str]) -> list[str]:
    """Those of the people of Slack whose ids are among the words, where there is a key."""
    source = slack.source()
    if not source.key and not Path(source.key_file).exists():
        return []
    made = Pseudonyms(read_key(source.key, Path(source.key_file)))
    return [made.of(word) for word in words if ID.fullmatch(word)]


def folders() -> dict[str, Path]:
    """What this machine keeps: the home, the folder of Dagster where that is another, copies of a lake elsewhere."""
    home, dagster = Path(path_setting("PARLANCE_HOME")), os.environ.get("DAGSTER_HOME")
    found = {"home": home}
    if dagster and not Path(dagster).is_relative_to(home):
        found["dagster"] = Path(dagster)
    if "://" in lake_root():
        found["downloads"] = downloads()
    return found


def databases() -> dict[str, sa.Engine]:
    """The databases of runs and of the registry by the setting that names them; those of the home are files of it.

    Raises ConfigError for one that cannot be read here.
    """
    named = {name: setting(name) for name in (DATABASE, "PARLANCE_MLFLOW_URL")}
    return {name: _engine(url, name) for name, url in named.items() if "://" in url and not url.startswith("http")}


def _engine(url: str, name: str) -> sa.Engine:
    if url.startswith(SQLITE_URL):
        return _read_only(Path(url.removeprefix(SQLITE_URL)))
    try:
        return sa.create_engine(url)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise ConfigError(f"{name} names no database that can be read here: {error}") from error


def _read_only(path: Path) -> sa.Engine:
    return sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True))


def in_folder(folder: Path, words: Words, look: Look, *, name: str, without: str) -> Iterator[Place]:
    """Where the words stand in the files of `folder`: runs, registry, crawls, answers; what is below `without` is not.

    Raises TransientError where one cannot be read.
    """
    fs = fsspec.filesystem("file")
    counts = Counter[tuple[str, str]]()
    for path in sorted(folder.rglob("*")):
        is_read_elsewhere = path.is_relative_to(without) or path.name.endswith(BESIDE_SQLITE)
        if is_read_elsewhere or path.is_symlink() or not path.is_file():
            continue
        place = "/".join([name, *path.relative_to(folder).parts[:-1]])
        look(place)
        if _is_sqlite(path):
            for found in _of(in_database(_read_only(path), words, name=str(path)), place):
                counts[found.name, found.unit] += found.count
        else:
            unit, count = in_file(fs, str(path), words)
            counts[place, unit] += count
    for (place, unit), count in sorted(counts.items()):
        if count:
            yield Place(name=place, is_current=True, unit=unit, count=count)


def _of(tables: Mapping[str, int], name: str) -> list[Place]:
    return [Place(name=f"{name}: {table}", is_current=True, unit=ROWS, count=tables[table]) for table in tables]


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE)) == SQLITE
    except FileNotFoundError:  # it was there a moment ago
        return False


def in_database(engine: sa.Engine, words: Words, *, name: str) -> dict[str, int]:
    """In how many rows of each table of a database the words stand, as text; tables without one are left out.

    Raises TransientError, which has its `name`, where it cannot be read.
    """
    try:
        position = sa.func.strpos if engine.dialect.name == "postgresql" else sa.func.instr
        found = {}
        with engine.connect() as connection:
            for table in sa.inspect(engine).get_table_names():
                columns = [sa.cast(sa.column(one["name"]), sa.Text) for one in sa.inspect(engine).get_columns(table)]
                has = [position(column, form) > 0 for column in columns for form in words.forms]
                rows = sa.select(sa.func.count()).select_from(sa.table(table)).where(sa.or_(*has))
                if count := connection.execute(rows).scalar_one():
                    found[table] = count
    except sa.exc.DBAPIError as error:
        raise TransientError(f"{name} could not be read: {error.orig}") from error
    finally:
        engine.dispose()
    return found


def show(found: Sequence[Place], console: Console) -> None:
    """A row for each place, with what its newest version has and what only earlier ones have."""
    if not found:
        console.print("They stand nowhere. Weights of models and token ids cannot be looked into.")
        return
    table = Table("where", "now", "before", "of", title="Where they stand", title_justify="left")
    for column in table.columns[1:3]:
        column.justify = "right"
    counts = {(place.name, place.unit, place.is_current): place.count for place in found}
    for name, unit in dict.fromkeys((place.name, place.unit) for place in found):
        now, before = (counts.get((name, unit, is_current), 0) for is_current in (True, False))
        table.add_row(escape(name), f"{now:,}" if now else "", f"{before:,}" if before else "", unit)
    console.print(table)
    console.print("Weights of models and token ids cannot be looked into.\nNext:    docs/tasks/forget_someone.md")
