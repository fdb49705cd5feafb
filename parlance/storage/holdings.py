"""Every file below a lake's root: what it is of, and whether the newest version of that still has it."""

from collections.abc import Iterator
from dataclasses import dataclass

import fsspec
from deltalake import DeltaTable

from parlance.errors import TransientError
from parlance.storage.commits import name_of, names
from parlance.storage.files import LATEST, PUBLISHED, Files
from parlance.storage.parts import storage_failures

LOG = "/_delta_log/"


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A file at `path` of the root's file system; `name` is its table or published folder, or else its own.

    `published` is the version and the content's name of a published folder, as `Files.erase` takes them.
    """

    name: str
    path: str
    is_current: bool
    published: tuple[str, str] | None = None


def holdings(root: str, files: Files) -> Iterator[Holding]:
    """The files below `root`, a folder or a URL, and among them those of `files`, in the order of their paths.

    What tables and published folders keep of earlier versions is there, and what a crash left. Logs of tables and
    pointers to versions are left out. Raises TransientError where the storage fails.
    """
    root = root.rstrip("/")
    fs, home = fsspec.url_to_fs(root)
    try:
        fs.invalidate_cache()  # of listings
        found = fs.find(home, detail=True).items()
        paths = sorted(path.removeprefix(f"{home}/") for path, info in found if info["type"] == "file")
        folders = {path.split(LOG)[0] for path in paths if LOG in path}
        tables = {folder: names(DeltaTable(f"{root}/{folder}")) for folder in folders}
    except storage_failures() as error:
        raise TransientError(f"{root} could not be listed: {error}") from error
    under = f"{files.root.rstrip('/').removeprefix(root).strip('/')}/"
    latest = {f"{under}{name}": files.place(name) or "" for name in _published(paths, under)}
    for path in paths:
        if LOG in path or name_of(path) in (LATEST, PUBLISHED):
            continue
        name, published, is_current = _owner(path, tables.keys() | latest.keys()), None, True
        if name in tables:
            is_current = name_of(path) in tables[name]
        elif name in latest:
            is_current = not latest[name] or f"{home}/{path}".startswith(f"{latest[name]}/")
            published = files.version_of(path.removeprefix(f"{name}/"))
        yield Holding(name=name, path=f"{home}/{path}", is_current=is_current, published=published)


def _published(paths: list[str], under: str) -> list[str]:
    """Names that a version was published under."""
    return [path.removeprefix(under).removesuffix(f"/{LATEST}") for path in paths if path.endswith(f"/{LATEST}")]


def _owner(path: str, known: set[str]) -> str:
    """The longest of `known` that `path` lies below, or else the path."""
    parts = path.split("/")
    above = ("/".join(parts[:length]) for length in range(len(parts) - 1, 0, -1))
    return next((name for name in above if name in known), path)
