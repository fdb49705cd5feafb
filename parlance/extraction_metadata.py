"""What a page states of itself: title, author, date, language, canonical address, licence and site."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

VALUE_CHARACTERS = 1_000
URL_CHARACTERS = 2_000
JSON_BLOCKS = 20
JSON_CHARACTERS = 1_000_000

JSON_DATE = re.compile(r'"datePublished"\s*:\s*"([^"]{1,40})"')
JSON_START = re.compile(r"<script[^<>]{0,300}application/ld\+json[^<>]{0,300}>", re.IGNORECASE)
JSON_END = re.compile(r"</script", re.IGNORECASE)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:\S*", re.IGNORECASE)
COMMONS = re.compile(r"https?://(?:[\w-]+\.)?creativecommons\.org/(?:licenses|publicdomain)/", re.IGNORECASE)
COMMONS_LINK = ", ".join(
    f'{tag}[href*="creativecommons.org/{kind}/" i]' for tag in ("link", "a") for kind in ("licenses", "publicdomain")
)
LICENCE_NAMES = ("dcterms.license", "dc.rights", "dcterms.rights")
# What a page shows has a licence of its own, which is not the page's.
SHOWN = {"AudioObject", "ImageObject", "MediaObject", "VideoObject"}


def metadata(tree: Any, html: str, *, url: str | None) -> dict[str, str | None]:
    """The fields of a `Page` that the page states; null those that it does not. trafilatura would also guess.

    Addresses are resolved against the page's own, `url`, and left out where they are not of the web.
    """
    root = _first(tree, "html")
    dated = JSON_DATE.search(html)
    base = _address(_attribute(tree, "base[href]", "href"), url) or url
    return {
        "title": _stated(tree, "og:title") or _cleaned(tree.title),
        "author": _stated(tree, "author", "article:author"),
        "date": _stated(tree, "article:published_time")
        or _cleaned(dated[1] if dated else None)
        or _stated(tree, "date"),
        "language": _cleaned(root.getattr("lang") if root is not None else None),
        "url": _address(_attribute(tree, 'link[rel~="canonical" i]', "href"), base),
        "licence": _licence(tree, html, base),
        "site": _stated(tree, "og:site_name"),
    }


def _licence(tree: Any, html: str, base: str | None) -> str | None:
    """The licence by its link, by JSON-LD, by Dublin Core, else by the first link to a Creative Commons licence."""
    linked = _attribute(tree, 'link[rel~="license" i], a[rel~="license" i]', "href")
    named = next((value for value in _json_licences(html) if value), None)
    return (
        _address(linked, base)
        or _address_or_words(named, base)
        or _address_or_words(_stated(tree, *LICENCE_NAMES), base)
        or _commons(_address(_attribute(tree, COMMONS_LINK, "href"), base))
    )


def _commons(address: str | None) -> str | None:
    return address if address and COMMONS.match(address) else None


def _json_licences(html: str) -> Iterator[str | None]:
    """The `license` of each thing that the page's JSON-LD describes, but for media that it shows."""
    for block in _json_blocks(html):
        try:
            data = json.loads(block)
        except (ValueError, RecursionError):
            continue
        for thing in _things(data):
            kinds = thing.get("@type")
            if SHOWN.isdisjoint(
                kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)
            ):
                yield _name(thing.get("license"))


def _json_blocks(html: str) -> Iterator[str]:
    start = JSON_START.search(html)
    for _ in range(JSON_BLOCKS):
        end = JSON_END.search(html, start.end()) if start else None
        if start is None or end is None:
            return
        if end.start() - start.end() <= JSON_CHARACTERS:
            yield html[start.end() : end.start()]
        start = JSON_START.search(html, end.end())


def _things(data: object) -> Iterator[dict[str, Any]]:
    """The objects at the top of a JSON-LD document."""
    for one in data if isinstance(data, list) else [data]:
        if isinstance(one, dict):
            yield one
            graph = one.get("@graph")
            yield from (other for other in (graph if isinstance(graph, list) else []) if isinstance(other, dict))


def _name(value: object) -> str | None:
    """The text, the address or the name that a JSON-LD value comes down to."""
    if isinstance(value, list):
        value = next(iter(value), None)
    if isinstance(value, dict):
        value = next((value[key] for key in ("@id", "url", "name") if value.get(key)), None)
    return _cleaned(value) if isinstance(value, str) else None


def _address(value: str | None, base: str | None) -> str | None:
    """`value` as an absolute address of the web, resolved against `base`; None where it is none."""
    value = (value or "").strip()
    if not value or len(value) > URL_CHARACTERS or " " in value or not value.isprintable():
        return None
    try:
        given = urlsplit(value)
        if (given.scheme or value.startswith("//")) and not given.netloc:
            return None  # joined, it would be the base itself
        whole = urljoin(base or "", value)
        parts = urlsplit(whole)
        host = parts.hostname
    except ValueError:
        return None
    # One with a user in it is a trick on its reader, or a secret.
    return whole if parts.scheme in ("http", "https") and host and "@" not in parts.netloc else None


def _address_or_words(value: str | None, base: str | None) -> str | None:
    """An address where `value` is written as one, else its words."""
    return _address(value, base) if value and (value.startswith("/") or SCHEME.fullmatch(value)) else value


def _stated(tree: Any, *names: str) -> str | None:
    """What the page's meta elements give for the first of `names` that they give anything for."""
    for name in names:
        # Asked one by one: going through a list of elements takes resiliparse cubic time.
        for attribute in ("property", "name"):
            value = _cleaned(_attribute(tree, f'meta[{attribute}="{name}" i]', "content"))
            if value is not None:
                return value
    return None


def _attribute(tree: Any, selector: str, name: str) -> str | None:
    found = _first(tree, selector)
    value: str | None = found.getattr(name) if found is not None else None
    return value


def _first(tree: Any, selector: str) -> Any:
    return tree.document.query_selector(selector) if tree.document is not None else None


def _cleaned(value: str | None) -> str | None:
    """`value` on one line; None where nothing is left. JSON may hold halves of surrogate pairs, which Arrow cannot."""
    if not value:
        return None
    whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return " ".join(whole.split())[:VALUE_CHARACTERS] or None
