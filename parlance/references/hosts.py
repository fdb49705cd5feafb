"""Hosts of URLs, and which of them a list blocks."""

import unicodedata

import numpy as np
import polars as pl

# Up to the last `@` before the path is user and password. A backslash ends a host, as browsers read it.
HOST = r"^(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#\\]*@)?(\[[^\]/?#]*\]|[^/?#:\\\[\]]*)"
WITH_HOST = r"^(?:[a-z][a-z0-9+.-]*:)?//"
# A line of a hosts file begins with the address that the host shall have.
ADDRESS = r"^(?:0\.0\.0\.0|127\.0\.0\.1|::1?)\s+"
# AdBlock's syntax for a host and what is below it. Other rules of such a list block parts of pages, and name no host.
ADBLOCK = r"^\|\|([^\s/?#|^$,]+)\^(?:\$(?:all|document|doc))?$"
ENTRY = r"^(?:[^\s/?#@\[\]:%*\\|^$!]+|\[[0-9a-f:.]+\])$"
LONGEST = 253  # RFC 1035, section 2.3.4, as characters


def hosts(urls: pl.Series) -> pl.Series:
    """The host of each URL in lower case, as names are asked for (`xn--...`), null where it has none.

    User, port and a final dot do not count; a URL without a scheme begins with its host.

    >>> hosts(pl.Series(["https://ada@Example.org.:443/x", "Bücher.example/liste", "mailto:", None])).to_list()
    ['example.org', 'xn--bcher-kva.example', None, None]
    """
    plain = urls.cast(pl.String).str.strip_chars().str.to_lowercase().alias("url").to_frame()
    whole = pl.col("url").str.replace("^[a-z][a-z0-9+.-]*:$", "")
    absolute = pl.when(whole.str.contains(WITH_HOST)).then(whole).otherwise(pl.lit("//") + whole)
    return _asked_for(plain.select(absolute.str.extract(HOST, 1))["url"])


def _asked_for(names: pl.Series) -> pl.Series:
    """Names as the domain system knows them; null where there is none."""
    name = names.str.replace_all("[。．｡]", ".").str.strip_chars_end(".")
    beyond_ascii = name.filter(name.str.contains(r"[^\x00-\x7f]")).unique()
    if len(beyond_ascii):
        name = name.replace(beyond_ascii, pl.Series([_encoded(one) for one in beyond_ascii], dtype=pl.String))
    return name.to_frame("name").select(pl.when(pl.col("name").str.len_bytes().is_between(1, LONGEST)).then("name"))[
        "name"
    ]


def _encoded(name: str) -> str:
    """A name beyond ASCII, label by label (RFC 5891, section 4.4; nothing is checked)."""
    labels = unicodedata.normalize("NFKC", name).lower().split(".")
    return ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode()}" for one in labels)


def listed(lines: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The hosts that the lines of a list name, each once and sorted, and the lines that name none.

    A line is a host (`example.org`, `*.example.org` or `.example.org`), a URL without a path, a line of a hosts file
    (`0.0.0.0 example.org`), or one of AdBlock's that blocks a host whole (`||example.org^`).
    """
    plain = (
        lines.str.to_lowercase()
        .str.replace(ADBLOCK, "$1")
        .str.replace(ADDRESS, "")
        .str.replace(WITH_HOST, "")
        .str.replace("/$", "")
    )
    plain = plain.str.replace(r"^\*?\.", "").str.replace(r":\d*$", "")
    good = plain.str.contains(ENTRY)
    found = hosts(plain.filter(good)).drop_nulls().unique().sort()
    return found, lines.filter(~good)


class Hosts:
    """Blocked hosts. One blocks what is below it too: `example.org` blocks `www.example.org`, not the reverse."""

    def __init__(self, blocked: pl.Series) -> None:
        self._known = np.sort(blocked.hash(seed=0).to_numpy())

    def __len__(self) -> int:
        return len(self._known)

    def blocks(self, urls: pl.Series) -> pl.Series:
        """For each URL 1.0 where its host is blocked, else 0.0."""
        found = hosts(urls)
        if not len(self):
            return pl.repeat(0.0, len(found), eager=True)
        different = found.drop_nulls().unique()
        blocked = found.is_in(different.filter(self._are_blocked(different)).implode())
        return blocked.fill_null(False).cast(pl.Float64)

    def _are_blocked(self, names: pl.Series) -> pl.Series:
        is_blocked, rest = self._are_known(names), names
        while (rest := rest.str.extract(r"^[^.]*\.(.+)$", 1)).null_count() < len(rest):
            is_blocked = is_blocked | self._are_known(rest)
        return is_blocked

    def _are_known(self, names: pl.Series) -> pl.Series:
        """By 64-bit hashes: of a million hosts one in 10 ** 13 others is taken for one of them."""
        hashes = names.fill_null("").hash(seed=0).to_numpy()
        places = np.minimum(np.searchsorted(self._known, hashes), len(self._known) - 1)
        return pl.Series(self._known[places] == hashes) & names.is_not_null()
