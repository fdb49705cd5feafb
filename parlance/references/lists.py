"""Lists: text files, compressed or not, with one entry a line."""

from collections.abc import Sequence

import polars as pl

from parlance import extraction
from parlance.errors import ConfigError
from parlance.sources import files
from parlance.sources.compression import DamageError
from parlance.sources.formats.plain_text import uncompressed

COMMENT = r"(?:^|\s)#.*"


def entries(paths: Sequence[str]) -> pl.Series:
    """The lines of all files, stripped, without blank ones and comments (from a `#` at the start or after a space).

    Raises ConfigError for a file that is damaged or no text, and where there is no entry at all.
    """
    found = [pl.Series(lines(file), dtype=pl.String) for path in paths for file in files.expand(path)]
    plain = pl.concat(found).str.replace(COMMENT, "").str.strip_chars()
    listed = plain.filter(plain != "")
    if listed.is_empty():
        raise ConfigError(f"no entry in {list(paths)}; allowed: at least one, one a line")
    return listed


def lines(file: files.File) -> list[str]:
    """The lines of `file` as they are. Raises ConfigError where it is damaged or no text."""
    with uncompressed(file) as stream:
        try:
            data = stream.read()
        except DamageError as error:
            raise ConfigError(f"{file.name!r} is {error}; allowed: whole files") from error
    if b"\0" in data:
        raise ConfigError(f"{file.name!r} is no text: it has NUL bytes; allowed: text, one entry a line")
    return extraction.decode(data).split("\n")
