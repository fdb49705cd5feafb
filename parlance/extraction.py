"""Main text of a web page, and what the page says about itself."""

import logging
import re
from dataclasses import dataclass
from typing import Any, Literal

from parlance.errors import ConfigError
from parlance.extraction_choice import chosen
from parlance.extraction_metadata import metadata

TRAFILATURA_CHARACTERS = 5_000_000

Mode = Literal["balanced", "precision", "recall", "fast"]
OPTIONS: dict[Mode, dict[str, bool]] = {
    "balanced": {"fast": True, "favor_recall": True},
    "precision": {"favor_precision": True},
    "recall": {"favor_recall": True},
}

# Both extractors take quadratic time in these; no honest page comes near.
DEPTH = 1_000
TAG_CHARACTERS = 4_096

TAG = re.compile(r"<(/?)([a-zA-Z][^\s<>/]*)")
LONG_TAG = re.compile(rf"<([a-zA-Z][^\s<>/]{{0,63}})[^<>]{{{TAG_CHARACTERS},}}")
# Elements without an end tag, and those that the next one of their kind closes.
EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
FLAT = EMPTY | {"p", "li", "dt", "dd", "tr", "td", "th", "option", "tbody", "thead"}
CHARSET = re.compile(rb"""<meta[^>]{1,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

# trafilatura runs heuristics over trees that authors of pages control; a page that trips one is left to resiliparse.
TRIPPED = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page holds: its main text, empty where none was found, and what it says of itself, null where it does not.

    `date` is the day of publication as the page writes it (ISO 8601), `language` its `lang` attribute, `url` its
    canonical address, `licence` the address or the words of its licence, `site` the name of the site. All of it is
    the page's word. `failure` names the error that stopped an extractor where no text was found after it.
    """

    text: str
    title: str | None = None
    author: str | None = None
    date: str | None = None
    language: str | None = None
    url: str | None = None
    licence: str | None = None
    site: str | None = None
    failure: str | None = None


def extract(html: bytes | str, *, url: str | None = None, charset: str | None = None, mode: Mode = "balanced") -> Page:
    """The main text of `html` and its metadata; never raises on what a page holds.

    `url` is where the page came from, `charset` what its server said of its bytes.

    `balanced` takes trafilatura's or resiliparse's text, or the whole page's, by what the page looks like; `precision`
    and `recall` are trafilatura's own; `fast` is resiliparse alone, ten times as fast.

    >>> extract("<html lang='en'><title>Leave</title><body><p>Five days carry over.</p></body></html>").text
    'Five days carry over.'
    """
    text = decode(html, charset=charset) if isinstance(html, bytes) else _well_formed(html)
    if not text.strip():
        return Page(text="")
    text = LONG_TAG.sub(r"<\1 ", text)
    is_deep = depth(text) > DEPTH
    tree = _tree(text)
    stated = metadata(tree, text, url=url)
    if is_deep or len(text) > TRAFILATURA_CHARACTERS:
        return Page(text=_resiliparse(tree, main_content=not is_deep), **stated)
    found, failure = _main_text(text, tree, url, mode)
    return Page(text=found, failure=None if found else failure, **stated)


def load() -> None:
    """Loads the extractors, so that the first page takes no longer than the others.

    Raises ConfigError where the extra `web` is missing.
    """
    extract(b"<p>words</p>")


def candidates(html: str, *, url: str | None = None) -> dict[str, str]:
    """The texts between which `balanced` chooses, by the names of `parlance.extraction_choice`."""
    tree = _tree(html)
    main, _ = _tried(html, url, "balanced")
    return _candidates(tree, main, _resiliparse(tree, main_content=True))


def _main_text(html: str, tree: Any, url: str | None, mode: Mode) -> tuple[str, str | None]:
    """The main text, and the name of the error that stopped trafilatura."""
    other = _resiliparse(tree, main_content=True)
    if mode == "fast":
        return other, None
    main, failure = _tried(html, url, mode)
    if mode != "balanced":
        return main or other, failure
    texts = _candidates(tree, main, other)
    return texts[chosen(html, texts)] or other, failure


def _candidates(tree: Any, main: str, other: str) -> dict[str, str]:
    return {"trafilatura": main, "resiliparse": other, "whole page": _resiliparse(tree, main_content=False)}


def decode(data: bytes, *, charset: str | None = None) -> str:
    """`data` as text: by its byte order mark, as UTF-8, by `charset` or the page's own, else by what it looks like.

    UTF-8 goes before what the server says: bytes of another encoding are hardly ever valid UTF-8, and servers lie.

    >>> decode("größe".encode("latin-1"), charset="iso-8859-1")
    'größe'
    """
    for mark, encoding in BOMS.items():
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    as_utf8 = _mostly_utf8(data)
    if as_utf8 is not None:
        return as_utf8
    declared = CHARSET.search(data[:4096])
    for label in (charset, declared[1].decode("ascii", "replace") if declared else None):
        name = _encoding(label) if label else None
        whole = _strictly(data, name) if name else None
        if whole is not None:
            return whole
    return data.decode(_likely_encoding(data), "replace")


def depth(html: str) -> int:
    """About how deep the elements of `html` nest at most."""
    here = deepest = 0
    for match in TAG.finditer(html):
        if match[2].lower() not in FLAT:
            here = max(0, here - 1) if match[1] else here + 1
            deepest = max(deepest, here)
    return deepest


def _mostly_utf8(data: bytes) -> str | None:
    """`data` as UTF-8 where at most a tenth of what is not ASCII is broken, as at a cut end; else None."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return text if not broken or 10 * broken <= sum(not character.isascii() for character in text) else None


def _strictly(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        return None


def _encoding(label: str) -> str | None:
    """Python's name of the encoding that browsers mean by `label`; None where they know none."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    name: str | None = map_encoding_to_html5(label, fallback_utf8=False)
    return name


def _likely_encoding(data: bytes) -> str:
    from resiliparse.parse.encoding import detect_encoding

    return detect_encoding(data) or "utf-8"


def _tree(html: str) -> Any:
    try:
        from resiliparse.parse.html import HTMLTree
    except ImportError as error:
        raise _missing_extra(error) from error
    return HTMLTree.parse(html)


def _resiliparse(tree: Any, *, main_content: bool) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    text = extract_plain_text(tree, main_content=main_content, alt_texts=False, list_bullets=False)
    return str(text).strip()


def _tried(html: str, url: str | None, mode: Mode) -> tuple[str, str | None]:
    """trafilatura's text, and the name of the error that stopped it."""
    try:
        return _trafilatura(html, url, **OPTIONS[mode]), None
    except TRIPPED as error:
        return "", type(error).__name__


def _trafilatura(html: str, url: str | None, **options: Any) -> str:
    """Main text and comments; empty where trafilatura finds none. Raises what it trips on."""
    try:
        from trafilatura import bare_extraction
    except ImportError as error:
        raise _missing_extra(error) from error
    # It logs an error for each page without text; here such a page is a row of the ledger.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    document: Any = bare_extraction(html, url=url, **options)
    if document is None:
        return ""
    return "\n".join(part for part in (document.text, document.comments) if part).strip()


def _missing_extra(error: ImportError) -> ConfigError:
    return ConfigError(f"extracting text from pages needs the extra 'web' ({error}): pip install 'parlance[web]'")


def _well_formed(text: str) -> str:
    # Loads pyarrow, which a worker that reads bytes does without.
    from parlance.sources.rows import well_formed

    return well_formed(text)
