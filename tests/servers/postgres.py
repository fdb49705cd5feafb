"""A PostgreSQL server of its own, from the machine's own programs, as long as a block lasts."""

import functools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT_USER = 0
NOBODY = 65534  # PostgreSQL refuses to run as root


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; null where PostgreSQL is not installed. Debian keeps them off the path."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    on_path = shutil.which("initdb")
    if not found:
        return Path(on_path).resolve().parent if on_path else None
    return max(found, key=lambda path: int(path.parent.name))


@contextmanager
def postgres(bin_folder: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Gives the address of an empty database, for SQLAlchemy, on 127.0.0.1; `environment` is added to the server's."""
    other: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == ROOT_USER else {}
    # Not below pytest's folders, which only their owner may enter.
    with tempfile.TemporaryDirectory(prefix="parlance-postgres-") as root:
        if other:
            os.chown(root, NOBODY, NOBODY)
        data, port = Path(root, "data"), _free_port()
        run = functools.partial(subprocess.run, cwd=root, check=True, stdout=subprocess.DEVNULL, **other)
        initdb = [bin_folder / "initdb", "-D", data, "-U", "parlance", "--auth=trust", "--no-sync", "--encoding=UTF8"]
        run([*initdb, "--locale=C"])
        own = os.environ | (environment or {})
        options = f"-h 127.0.0.1 -p {port} -k {root} -c fsync=off -c log_statement=none"
        control = [bin_folder / "pg_ctl", "-D", data, "-w", "-l", Path(root, "log")]
        run([*control, "-o", options, "start"], env=own)
        try:
            yield f"postgresql+psycopg2://parlance@127.0.0.1:{port}/postgres"
        finally:
            run([*control, "-m", "immediate", "stop"])


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
