"""Tables on object stores as this process last saw them: one that has not changed is opened again by two requests.

To open a table anew takes some eight requests for its checkpoint and two for each commit since.
"""

import os
from contextlib import suppress

import fsspec
from deltalake import DeltaTable

from parlance.storage.parts import storage_failures

_seen: dict[tuple[str, str], tuple[DeltaTable, str]] = {}  # by address and endpoint: the table, its last commit
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_seen.clear)  # their connections are the parent's


def opened(uri: str) -> DeltaTable:
    """The table at `uri` as it stands, for reading: it is shared, and stays at its version. Errors as DeltaTable's."""
    key = _key(uri)
    if (seen := _seen.get(key)) is not None:
        with suppress(*storage_failures()):
            table, last = seen
            # Of a table that was deleted and made again there may be no later commit, but this one is another.
            if table._table.get_latest_version() == table.version() and _last_commit(uri, table) == last:
                return table
        _seen.pop(key, None)
    table = DeltaTable(uri)
    with suppress(*storage_failures()):
        _seen[key] = table, _last_commit(uri, table)
    return table


def keep_updated(uri: str, table: DeltaTable) -> None:
    """Brings a table up to the commits since it was opened, and lets `opened` give it: nobody writes to it any more."""
    with suppress(*storage_failures()):
        table.update_incremental()
        _seen[_key(uri)] = table, _last_commit(uri, table)


def _key(uri: str) -> tuple[str, str]:
    return uri, os.environ.get("AWS_ENDPOINT_URL", "")


def _last_commit(uri: str, table: DeltaTable) -> str:
    """What tells the last commit of the table from any other of its number."""
    fs, root = fsspec.url_to_fs(uri)
    return str(fs.ukey(f"{root}/_delta_log/{table.version():020}.json"))
