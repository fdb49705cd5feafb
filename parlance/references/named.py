"""The file that names what documents are compared with. One YAML file, read and checked whole."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from parlance.errors import ConfigError
from parlance.sources import files
from parlance.versions import version

KINDS = ("blocked_hosts", "blocked_words", "evaluation_sets", "quality")
CLASSES = ("positive", "negative")
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class EvaluationSet:
    """An evaluation set: `files` of JSON lines, Parquet or plain text, and the `fields` that make an item's text.

    Plain text has no fields: there a line is an item.
    """

    files: tuple[str, ...]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Named:
    """Everything that one file names; what it does not name is empty. Paths are absolute or URLs."""

    blocked_hosts: tuple[str, ...] = ()
    blocked_words: tuple[str, ...] = ()
    evaluation_sets: Mapping[str, EvaluationSet] = field(default_factory=dict)
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """12 hex digits of what is named and of the bytes of all files; where they lie does not count."""
        sets = [(name, one.fields, _digests(one.files)) for name, one in sorted(self.evaluation_sets.items())]
        lists = (self.blocked_hosts, self.blocked_words, self.positive, self.negative)
        return version(sets, *(_digests(paths) for paths in lists))


def read(path: str) -> Named:
    """What the YAML file `path` names; its paths are relative to its folder.

    Raises ConfigError that names the setting, its value and what is allowed.
    """
    where = f"references {path!r}"
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{where} cannot be read: {error}; allowed: a YAML file with {', '.join(KINDS)}") from error
    settings = _mapping({} if found is None else found, where, KINDS)
    folder = Path(path).resolve().parent
    quality = settings.get("quality")
    classes = {} if quality is None else _mapping(quality, f"{where}: quality", CLASSES, all_of_them=True)
    return Named(
        blocked_hosts=_paths(settings, "blocked_hosts", where, folder),
        blocked_words=_paths(settings, "blocked_words", where, folder),
        evaluation_sets=_sets(settings.get("evaluation_sets"), where, folder),
        positive=_paths(classes, "positive", f"{where}: quality", folder),
        negative=_paths(classes, "negative", f"{where}: quality", folder),
    )


def _sets(found: object, where: str, folder: Path) -> dict[str, EvaluationSet]:
    if found is None:
        return {}
    if not isinstance(found, dict) or not found or not all(isinstance(name, str) and name for name in found):
        raise ConfigError(f"{where}: evaluation_sets is {found!r}; allowed: sets by name, each with files and fields")
    return {name: _set(one, f"{where}: evaluation set {name!r}", folder) for name, one in found.items()}


def _set(found: object, where: str, folder: Path) -> EvaluationSet:
    one = _mapping(found, where, ("files", "fields"))
    if "files" not in one:
        raise ConfigError(f"{where} has no files; allowed: files, and fields unless they are plain text")
    return EvaluationSet(files=_paths(one, "files", where, folder), fields=_texts(one, "fields", where))


def _mapping(found: object, where: str, known: tuple[str, ...], *, all_of_them: bool = False) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ConfigError(f"{where} holds {found!r}; allowed: {', '.join(known)}")
    if unknown := sorted(set(map(str, found)) - set(known)):
        raise ConfigError(f"{where}: unknown settings {unknown}; known: {', '.join(known)}")
    if all_of_them and (missing := [name for name in known if name not in found]):
        raise ConfigError(f"{where} lacks {missing}; needed: {', '.join(known)}")
    return found


def _texts(settings: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """A list of texts; empty where it is not given."""
    value = settings.get(name)
    if value is None and name not in settings:
        return ()
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise ConfigError(f"{where}: {name} is {value!r}; allowed: a list of one text or more")
    return tuple(value)


def _paths(settings: Mapping[str, Any], name: str, where: str, folder: Path) -> tuple[str, ...]:
    paths = tuple(one if "://" in one else str(folder / one) for one in _texts(settings, name, where))
    for path in paths:
        try:
            files.expand(path)
        except ConfigError as error:
            raise ConfigError(f"{where}: {name}: {error}") from error
    return paths


def _digests(paths: tuple[str, ...]) -> list[str]:
    return [_digest(file) for path in paths for file in files.expand(path)]


def _digest(file: files.File) -> str:
    digest = hashlib.sha256()
    for block in _blocks(file):
        digest.update(block)
    return digest.hexdigest()


def _blocks(file: files.File) -> Iterator[bytes]:
    with files.opened(file) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block
