"""Dagster's SQLite files, kept open: without it every event opens one, writes its log back into it and closes it."""

import os
import sqlite3
from collections import OrderedDict
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

# A code server sees the files of many runs in its life; those of the last ones are kept.
MOST = 8
_held: "OrderedDict[str, sqlite3.Connection]" = OrderedDict()


def keep_open() -> None:
    """From now on this process keeps each SQLite file of DAGSTER_HOME open, once it was opened.

    Dagster opens a connection for each event, and SQLite moves the write-ahead log into the file whenever a file's last
    connection is closed. What is durable does not change: a commit is on disk when it returns.
    """
    if not event.contains(Engine, "connect", _hold):
        event.listen(Engine, "connect", _hold)


def _hold(connection: Any, record: object) -> None:
    home = os.environ.get("DAGSTER_HOME")
    if not home or not isinstance(connection, sqlite3.Connection):
        return
    file = connection.execute("PRAGMA database_list").fetchone()[2]
    if not file.startswith(os.path.realpath(home)):
        return
    if file not in _held:
        _held[file] = sqlite3.connect(file, check_same_thread=False)
    # By a read alone is the file open, and its log too, which Dagster turns on after its first connection.
    _held[file].execute("SELECT count(*) FROM sqlite_master").fetchone()
    if len(_held) > MOST:
        _held.popitem(last=False)[1].close()
