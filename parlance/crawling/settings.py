"""The crawl list: where a crawl begins, how far it goes, and how politely. One YAML file, read and checked whole."""

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from parlance.errors import ConfigError

RESPECTED = ("noindex", "noai", "tdm_reservation")
CONTACT = re.compile(r"(mailto:)?[^@\s]+@[^@\s]+\.[^@\s]+|https?://\S+")
PRODUCT = re.compile(r"[A-Za-z][A-Za-z_-]{0,49}")


@dataclass(frozen=True, kw_only=True)
class CrawlList:
    """One list of sites to crawl.

    `hosts` are names or patterns such as `*.example.org`; empty means the hosts of seeds and sitemaps. `allow_private`
    names hosts and addresses inside a private network that may be connected to. `connect_to` maps origins to origins
    (`https://www.example.org` to `http://127.0.0.1:8123`): the URL stays, the connection goes elsewhere. `follow` and
    `exclude` are patterns with `*` over whole URLs; an empty `follow` means all.
    """

    contact: str
    seeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    follow: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    user_agent: str = "ParlanceBot"
    depth: int = 5
    pages: int = 10_000
    pages_per_host: int = 5_000
    delay_s: float = 1.0
    concurrency_per_host: int = 1
    timeout_s: float = 30.0
    body_bytes: int = 10 * 1024 * 1024
    obey_robots: bool = True
    respect: tuple[str, ...] = RESPECTED
    allow_private: tuple[str, ...] = ()
    connect_to: dict[str, str] = field(default_factory=dict)

    @property
    def full_user_agent(self) -> str:
        """The header `User-Agent`: product and whom to write to."""
        return f"{self.user_agent}/0.1 (+{self.contact})"

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """`hosts`, or else those of seeds and sitemaps."""
        return self.hosts or tuple(sorted({urlsplit(url).hostname or "" for url in (*self.seeds, *self.sitemaps)}))


# At least, at most.
BOUNDS: dict[str, tuple[float, float]] = {
    "depth": (0, 100),
    "pages": (1, 100_000_000),
    "pages_per_host": (1, 100_000_000),
    "delay_s": (0, 3600),
    "concurrency_per_host": (1, 16),
    "timeout_s": (1, 600),
    "body_bytes": (1024, 1024**3),
}


def read(path: str) -> CrawlList:
    """The crawl list in a YAML file. Raises ConfigError that names the setting, its value and what is allowed."""
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"crawl list {path!r} cannot be read: {error}") from error
    known = {setting.name: setting for setting in fields(CrawlList)}
    if not isinstance(found, dict):
        raise ConfigError(f"crawl list {path!r} holds {type(found).__name__}; allowed: settings {', '.join(known)}")
    if unknown := sorted(set(map(str, found)) - set(known)):
        raise ConfigError(f"crawl list {path!r}: unknown settings {unknown}; known: {', '.join(known)}")
    values = {name: _value(path, name, found[name], getattr(known[name].type, "__name__", "")) for name in found}
    if not CONTACT.fullmatch(str(values.get("contact", ""))):
        raise ConfigError(
            f"crawl list {path!r}: contact is {found.get('contact')!r}; needed: an e-mail address or a page where the "
            "owners of the sites can complain"
        )
    listed = CrawlList(**values)
    _check(path, listed)
    return listed


def _value(path: str, name: str, value: object, kind: str) -> Any:
    """`value` in the type of its setting."""
    where = f"crawl list {path!r}: {name} is {value!r}"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "tuple":
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
        raise ConfigError(f"{where}; allowed: a list of texts")
    if kind == "dict":
        if isinstance(value, dict) and all(isinstance(one, str) for pair in value.items() for one in pair):
            return {origin.rstrip("/"): target.rstrip("/") for origin, target in value.items()}
        raise ConfigError(
            f"{where}; allowed: origins by origin, such as https://www.example.org: http://127.0.0.1:8123"
        )
    right = {"bool": isinstance(value, bool), "str": isinstance(value, str), "float": is_number}
    if not right.get(kind, isinstance(value, int) and is_number):
        raise ConfigError(f"{where}; allowed: {kind}")
    return value


def _check(path: str, listed: CrawlList) -> None:
    if not listed.seeds and not listed.sitemaps:
        raise ConfigError(f"crawl list {path!r} has neither seeds nor sitemaps; allowed: at least one URL")
    origins = [*listed.connect_to, *listed.connect_to.values()]
    for url in (*listed.seeds, *listed.sitemaps, *origins):
        parts = _split(url)
        if parts is None or (url in origins and parts.path.strip("/")):
            raise ConfigError(f"crawl list {path!r}: {url!r} is no address; allowed: http(s)://host[:port][/path]")
    for name, (least, most) in BOUNDS.items():
        if not least <= getattr(listed, name) <= most:
            raise ConfigError(f"crawl list {path!r}: {name} is {getattr(listed, name)}; allowed: {least:g} to {most:g}")
    if unknown := sorted(set(listed.respect) - set(RESPECTED)):
        raise ConfigError(f"crawl list {path!r}: respect has {unknown}; allowed: {', '.join(RESPECTED)}")
    if not PRODUCT.fullmatch(listed.user_agent):
        raise ConfigError(
            f"crawl list {path!r}: user_agent is {listed.user_agent!r}; allowed: one word of letters, `-` and `_`, as "
            "robots.txt files name crawlers"
        )


def _split(url: str) -> Any:
    """The parts of an http(s) URL with a host; null where `url` is none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None
