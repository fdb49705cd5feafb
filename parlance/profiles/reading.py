"""Profiles as YAML files, read strictly: what is not known is refused with its name and what is allowed."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from parlance.errors import ConfigError
from parlance.speech_acts.labels import LABELS

TARGETS: Final[tuple[str, ...]] = ("form", "function")
ENDINGS: Final = (".yaml", ".yml")
ROUNDING: Final = 0.01  # eight shares that were rounded to two digits may sum to this much less or more than one
_NAME: Final = re.compile(r"[A-Za-z0-9_]+")
_SETTINGS: Final = ("description", "sources", "channels", "least_utterances", *TARGETS)
_TARGET_SETTINGS: Final = ("most_divergence", "acts")
_ACT_SETTINGS: Final = ("share", "tolerance")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What forms or functions should be: `shares` in the order of LABELS that sum to one, and their `tolerances`.

    `most_divergence` bounds the Jensen-Shannon divergence, in bits from 0 to 1.
    """

    shares: tuple[float, ...]
    tolerances: tuple[float, ...]
    most_divergence: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a task wants of `sources` (lanes) and `channels`, empty for all of them; `targets` by form and function."""

    name: str
    description: str
    sources: tuple[str, ...]
    channels: tuple[str, ...]
    least_utterances: int
    targets: Mapping[str, Target]


class _Strict(yaml.SafeLoader):
    """Refuses a name that stands twice in a mapping, where YAML's own readers take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(None, None, f"{twice} stand there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def names(path: str) -> list[str]:
    """The names of the profiles at `path`, a file or a folder, which are not read. Raises ConfigError for bad names."""
    return list(_files(path))


def read(path: str) -> dict[str, Profile]:
    """The profiles at `path`, a YAML file or a folder of such files, by the names of the files.

    Raises ConfigError for what a profile may not hold, with the value and what is allowed.
    """
    return {name: _profile(name, file) for name, file in _files(path).items()}


def _files(path: str) -> dict[str, Path]:
    found = Path(path)
    if not found.exists():
        raise ConfigError(f"profiles {path!r} do not exist; allowed: a YAML file or a folder of such files")
    files = sorted(file for file in found.iterdir() if file.suffix in ENDINGS) if found.is_dir() else [found]
    by_name: dict[str, Path] = {}
    for file in files:
        if not _NAME.fullmatch(file.stem):
            raise ConfigError(f"profile {str(file)!r} cannot be named {file.stem!r}; allowed: letters, digits and _")
        if file.stem in by_name:
            raise ConfigError(f"profile {file.stem!r} is there twice: {by_name[file.stem]} and {file}; allowed: once")
        by_name[file.stem] = file
    return by_name


def _profile(name: str, file: Path) -> Profile:
    where = f"profile {str(file)!r}"
    try:
        found = yaml.load(file.read_text(encoding="utf-8-sig"), Loader=_Strict)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"{where} cannot be read: {error}; allowed: YAML with {', '.join(_SETTINGS)}") from error
    settings = _mapping(found, where, _SETTINGS)
    targets = {target: _target(settings[target], f"{where}: {target}") for target in TARGETS if target in settings}
    if not targets:
        raise ConfigError(f"{where} wants nothing; allowed: form, function or both")
    description = settings.get("description", "")
    if not isinstance(description, str):
        raise ConfigError(f"{where}: description is {description!r}; allowed: a text")
    return Profile(
        name=name,
        description=" ".join(description.split()),
        sources=_texts(settings, "sources", where),
        channels=_texts(settings, "channels", where),
        least_utterances=_least(settings.get("least_utterances", 1), where),
        targets=targets,
    )


def _target(found: object, where: str) -> Target:
    settings = _mapping(found, where, _TARGET_SETTINGS, needed=_TARGET_SETTINGS)
    acts = _mapping(settings["acts"], f"{where}: acts", LABELS, needed=LABELS)
    each = [_mapping(acts[act], f"{where}: {act}", _ACT_SETTINGS, needed=_ACT_SETTINGS) for act in LABELS]
    shares = [_share(one["share"], f"{where}: share of {act}") for act, one in zip(LABELS, each, strict=True)]
    tolerances = [
        _share(one["tolerance"], f"{where}: tolerance of {act}") for act, one in zip(LABELS, each, strict=True)
    ]
    total = math.fsum(shares)
    if abs(total - 1) > ROUNDING + 1e-9:
        raise ConfigError(f"{where}: the shares sum to {total:.4g}; allowed: 1, give or take {ROUNDING} for rounding")
    return Target(
        shares=tuple(share / total for share in shares),
        tolerances=tuple(tolerances),
        most_divergence=_share(settings["most_divergence"], f"{where}: most_divergence"),
    )


def _mapping(found: object, where: str, known: tuple[str, ...], *, needed: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ConfigError(f"{where} is {found!r}; allowed: {', '.join(known)}")
    if unknown := sorted({str(name) for name in found} - set(known)):
        raise ConfigError(f"{where} has unknown {unknown}; known: {', '.join(known)}")
    if missing := [str(name) for name in needed if name not in found]:
        raise ConfigError(f"{where} lacks {missing}; needed: {', '.join(needed)}")
    return found


def _share(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(f"{where} is {value!r}; allowed: a number from 0 to 1")
    return float(value)


def _least(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{where}: least_utterances is {value!r}; allowed: a whole number of 1 or more")
    return value


def _texts(settings: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """A list of texts; empty where it is not given."""
    if name not in settings:
        return ()
    value = settings[name]
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise ConfigError(f"{where}: {name} is {value!r}; allowed: a list of one text or more, or nothing for all")
    return tuple(value)
