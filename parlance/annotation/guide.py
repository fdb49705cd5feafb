"""The annotation guide that annotators work by, and its version, which every label names."""

import re
from dataclasses import dataclass
from pathlib import Path

from parlance.errors import ConfigError

_VERSION = re.compile(r"^Version (\S+?)\.?(?:\s|$)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Guide:
    """The text of a guide in Markdown, with a line such as `Version 1.` near its beginning."""

    version: str
    text: str


def read_guide(path: str) -> Guide:
    """The guide in the file `path`. Raises ConfigError where there is none, or it names no version."""
    if not Path(path).is_file():
        raise ConfigError(f"annotation guide {path!r} does not exist: a Markdown file is expected")
    text = Path(path).read_text(encoding="utf-8")
    found = _VERSION.search(text)
    if found is None:
        raise ConfigError(f"annotation guide {path!r} has no line such as 'Version 1.', by which labels name it")
    return Guide(version=found[1], text=text)
