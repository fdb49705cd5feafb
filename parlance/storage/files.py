"""Files that are not tables: models, tokenizers, exports, reports. One folder for each version, published whole.

A version is a pointer to a folder that is named by its content and never changes: a link locally, a small
object elsewhere. A reader follows it once, so it never sees a mixture of two publications.

    <name>/LATEST                  the version published last
    <name>/<version>/              local: a link to <name>/.published/<version>/<digest>/<version>/
    <name>/<version>/PUBLISHED     elsewhere: the digest of <name>/<version>/<digest>/
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec

from parlance.errors import ConfigError, TransientError

LATEST = "LATEST"
PUBLISHED = "PUBLISHED"
HIDDEN = ".published"
KEEP_REPLACED_S = 24 * 3600  # what no version points to any more may still be read


@dataclass(frozen=True, kw_only=True)
class Files:
    """Versioned folders under `root`, a local folder or an fsspec URL such as `s3://bucket/prefix`."""

    root: str

    def uri(self, name: str, version: str | None = None) -> str:
        """Where `version` of `name` lies (null: the folder of all versions)."""
        return "/".join(part for part in (self.root.rstrip("/"), name, version) if part)

    @contextmanager
    def publish(self, name: str, version: str, *, latest: bool = True) -> Iterator[Path]:
        """A local folder to write into; on a clean exit it becomes `version` of `name`, and its latest if so wished.

        A reader sees the whole version or none of it. Publishing the same version again replaces it.
        """
        _check(name, version)
        fs, home = _opened(self.uri(name))
        if local := _is_local(fs):
            with self._failing("published", name, version):
                Path(home).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".publish-", dir=home if local else None) as scratch:
            folder = Path(scratch, "new")
            folder.mkdir()
            yield folder
            with self._failing("published", name, version):
                if local:
                    _link(folder, Path(home), version)
                else:
                    _upload(fs, folder, home, version)
                if latest:
                    _point(fs, home, version)

    def make_latest(self, name: str, version: str) -> None:
        """Makes `version`, which was published, the latest. Raises ConfigError where it was not."""
        if not self.has(name, version):
            raise ConfigError(f"{name!r} has no version {version!r} under {self.root}")
        fs, home = _opened(self.uri(name))
        with self._failing("published", name, version):
            _point(fs, home, version)

    def has(self, name: str, version: str) -> bool:
        """Whether `version` of `name` was published."""
        _check(name, version)
        fs, target = _opened(self.uri(name, version))
        with self._failing("read", name, version):
            return Path(target).is_dir() if _is_local(fs) else _text(fs, f"{target}/{PUBLISHED}") is not None

    def latest(self, name: str) -> str | None:
        """The version published last; null where none was."""
        _check(name)
        fs, home = _opened(self.uri(name))
        with self._failing("read", name):
            return _text(fs, f"{home}/{LATEST}")

    def folder(self, name: str, version: str | None = None) -> Path:
        """A local folder with `version` of `name` (null: the latest); a remote one is downloaded once."""
        version = self.latest(name) if version is None else version
        if version is None:
            raise ConfigError(f"nothing was published as {name!r} under {self.root}: materialise {name!r} first")
        _check(name, version)
        fs, target = _opened(self.uri(name, version))
        with self._failing("read", name, version):
            found = _resolved(Path(target)) if _is_local(fs) else _downloaded(fs, target)
        if found is None:
            raise ConfigError(f"{name!r} has no version {version!r} under {self.root}")
        return found

    def place(self, name: str) -> str | None:
        """Path of the folder that the latest version of `name` points to, on its file system; null where none was."""
        version = self.latest(name)
        if version is None:
            return None
        fs, home = _opened(self.uri(name))
        target = f"{home}/{version}"
        with self._failing("read", name, version):
            if _is_local(fs):
                return f"{home}/{os.readlink(target)}"
            content = _text(fs, f"{target}/{PUBLISHED}")
            return f"{target}/{content}" if content else None

    def version_of(self, path: str) -> tuple[str, str] | None:
        """The version and the content's name of a published file at `path`, below the folder of all versions."""
        fs, _ = _opened(self.root)
        parts = path.removeprefix(f"{HIDDEN}/").split("/")
        return (parts[0], parts[1]) if len(parts) > 2 and path.startswith(f"{HIDDEN}/") == _is_local(fs) else None

    def erase(self, name: str, version: str, content: str) -> None:
        """Deletes what was published as `version` with this content, and the version if that is what it points to.

        Raises ConfigError where it is the latest.
        """
        _check(name, version, content)
        fs, home = _opened(self.uri(name))
        local = _is_local(fs)
        folder = f"{home}/{HIDDEN}/{version}/{content}" if local else f"{home}/{version}/{content}"
        if f"{self.place(name) or ''}/".startswith(f"{folder}/"):
            raise ConfigError(f"{version!r} of {name!r} is its latest version, which cannot be erased")
        with self._failing("erased", name, version):
            if local:
                link = Path(home, version)
                if link.is_symlink() and f"{home}/{os.readlink(link)}/".startswith(f"{folder}/"):
                    link.unlink()
            elif _text(fs, f"{home}/{version}/{PUBLISHED}") == content:
                fs.rm_file(f"{home}/{version}/{PUBLISHED}")
            fs.rm(folder, recursive=True)

    @contextmanager
    def _failing(self, what: str, name: str, version: str | None = None) -> Iterator[None]:
        try:
            yield
        except _failures() as error:
            raise TransientError(f"{self.uri(name, version)} could not be {what}: {error}") from error


def _check(name: str, *version: str) -> None:
    for part in (*name.split("/"), *version):
        if not part or part.startswith(".") or "/" in part or part in (LATEST, PUBLISHED):
            raise ConfigError(
                f"{part!r} cannot be part of {'/'.join((name, *version))!r}: it must not be empty, start with a dot,"
                f" hold a slash or be {LATEST} or {PUBLISHED}"
            )


def _opened(uri: str) -> tuple[fsspec.AbstractFileSystem, str]:
    try:
        fs, path = fsspec.url_to_fs(uri)
    except (ValueError, ImportError) as error:
        raise ConfigError(f"files cannot lie at {uri!r}: {error}") from error
    return fs, path


def _text(fs: fsspec.AbstractFileSystem, path: str) -> str | None:
    try:
        return str(fs.cat_file(path).decode())
    except FileNotFoundError:
        return None


def _is_local(fs: fsspec.AbstractFileSystem) -> bool:
    return "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)


def _failures() -> tuple[type[Exception], ...]:
    """What storage raises when it fails. Evaluated only then: botocore, whose errors are no OSErrors, loads slowly."""
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

    return OSError, BotoCoreError


def _paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(folder: Path) -> str:
    """Names the content of `folder`, so that publishing it again changes nothing."""
    digest = hashlib.sha256()
    for path in _paths(folder):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{content} {path.relative_to(folder).as_posix()}\0".encode())
    return digest.hexdigest()[:32]


def _link(folder: Path, home: Path, version: str) -> None:
    """Moves `folder` to where it stays and points `version` to it."""
    scratch, folders = folder.parent, home / HIDDEN / version
    published = folders / _digest(folder) / version
    published.parent.mkdir(parents=True, exist_ok=True)
    _remove_replaced(folders, keep={published.parent.name, (home / version).resolve().parent.name})
    if not published.exists():
        os.replace(folder, published)
    (scratch / "link").symlink_to(published.relative_to(home), target_is_directory=True)
    os.replace(scratch / "link", home / version)


def _point(fs: fsspec.AbstractFileSystem, home: str, version: str) -> None:
    """Makes `version` the latest, at once for every reader: a rename and a PUT are atomic."""
    if not _is_local(fs):
        fs.pipe_file(f"{home}/{LATEST}", version.encode())
        return
    with tempfile.TemporaryDirectory(prefix=".publish-", dir=home) as scratch:
        Path(scratch, LATEST).write_text(version, encoding="utf-8")
        os.replace(Path(scratch, LATEST), Path(home, LATEST))


def _remove_replaced(folders: Path, *, keep: set[str]) -> None:
    oldest = time.time() - KEEP_REPLACED_S
    for path in folders.iterdir():
        if path.name not in keep and path.stat().st_mtime < oldest:
            shutil.rmtree(path)


def _upload(fs: fsspec.AbstractFileSystem, folder: Path, home: str, version: str) -> None:
    """Copies `folder` to where it stays and points `version` to it: a PUT is atomic."""
    target, digest = f"{home}/{version}", _digest(folder)
    fs.invalidate_cache()  # of listings
    current = _text(fs, f"{target}/{PUBLISHED}")
    if current != digest:
        _delete_replaced(fs, target, keep={digest, current, PUBLISHED})
        for path in _paths(folder):
            fs.put_file(str(path), f"{target}/{digest}/{path.relative_to(folder).as_posix()}")
        fs.pipe_file(f"{target}/{PUBLISHED}", digest.encode())


def _delete_replaced(fs: fsspec.AbstractFileSystem, target: str, *, keep: set[str | None]) -> None:
    oldest = time.time() - KEEP_REPLACED_S
    for path in fs.find(target):
        stale = path.removeprefix(f"{target}/").split("/")[0] not in keep
        if stale and fs.modified(path).timestamp() < oldest:
            fs.rm_file(path)


def _resolved(target: Path) -> Path | None:
    return target.resolve() if target.is_dir() else None


def _downloaded(fs: fsspec.AbstractFileSystem, target: str) -> Path | None:
    """The files of a version, in a folder below one named by their content, which this user's processes share."""
    digest = _text(fs, f"{target}/{PUBLISHED}")
    if digest is None:
        return None
    source, cache = f"{target}/{digest}", downloads() / digest / target.rsplit("/", 1)[1]
    cache.parent.mkdir(exist_ok=True)
    fs.invalidate_cache()  # of listings
    sizes = {path.removeprefix(f"{source}/"): info["size"] for path, info in fs.find(source, detail=True).items()}
    if not _is_complete(cache, sizes):
        with tempfile.TemporaryDirectory(prefix=".download-", dir=cache.parent) as scratch:
            new = Path(scratch, "new")
            new.mkdir()
            for name in sizes:
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                fs.get_file(f"{source}/{name}", str(new / name))
            _install(new, cache, sizes)
    return cache


def _install(new: Path, cache: Path, sizes: dict[str, int]) -> None:
    try:
        if cache.exists():
            os.replace(cache, new.with_name("incomplete"))
        os.replace(new, cache)
    except OSError:
        if not _is_complete(cache, sizes):  # else another process was faster, with the same content
            raise


def _is_complete(cache: Path, sizes: dict[str, int]) -> bool:
    """Whether `cache` has every file: systems that tidy their temporary folders delete single files."""
    found = {path.relative_to(cache).as_posix(): path.stat().st_size for path in _paths(cache)}
    return cache.exists() and found == sizes


def downloads() -> Path:
    """Where this user's copies of what lies elsewhere are. Raises ConfigError where somebody else owns it."""
    folder = Path(tempfile.gettempdir(), f"parlance-files-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise ConfigError(f"the cache {folder} belongs to another user; set TMPDIR to a folder of your own")
    return folder
