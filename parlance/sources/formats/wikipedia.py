r"""Wikipedia and other MediaWiki dumps: `<wiki>-<date>-pages-articles.xml`, plain, bz2, multistream bz2, gzip.

The layout is https://www.mediawiki.org/xml/export-0.11.xsd and its forerunners, at https://dumps.wikimedia.org:

    <mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
      <siteinfo>
        <dbname>enwiki</dbname> <base>https://en.wikipedia.org/wiki/Main_Page</base>
        <namespaces><namespace key="6" case="first-letter">File</namespace> ...</namespaces>
      </siteinfo>
      <page>
        <title>Albedo</title> <ns>0</ns> <id>39</id> <redirect title="..."/>?
        <revision>
          <id>1</id> <timestamp>2017-10-29T00:56:32Z</timestamp> <model>wikitext</model> <text>markup</text>
        </revision>
      </page>
    </mediawiki>

Pages are cut out of the stream between `<page>` and `</page>`, which no text can hold unescaped, and parsed one by one:
memory is bounded by a page, damage costs the pages it hits, and there is no document type, so no entities of its own.
Of a page with its history the last revision counts.
"""

import bz2
import html
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from parlance.sources import files
from parlance.sources.compression import DamageError
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import Lost, decoder_of, error_row, object_row, pieces, place
from parlance.sources.formats.wiki_text import NAMESPACES, plain
from parlance.sources.rows import Row

# MediaWiki itself takes no text over 2 MiB; escaped for XML and with its header a page stays below this.
PAGE_BYTES = 8 * 1024 * 1024
HEADER_BYTES = 1024 * 1024
INPUT_BYTES = 64 * 1024
TAIL_BYTES = 1024 * 1024
BZ2_STREAM = re.compile(rb"BZh[1-9]1AY&SY")
BZ2_START = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")  # the second is a stream without blocks
SUFFIXES = tuple(
    f"pages-articles{multi}.xml{packing}" for multi in ("", "-multistream") for packing in ("", ".bz2", ".gz", ".xz")
)
WIKI = re.compile(r"([a-z][a-z0-9_]{0,40}wik[a-z]{1,9})-")
NAMESPACE = re.compile(r'<namespace key="(-?\d+)"[^>]*>([^<]+)</namespace>')
HIDDEN = ("-2", "6", "14")  # media, file, category
REDIRECT = re.compile(r"\s*#\s?[^\W\d]{3,30}\s?:?\s?\[\[[^\]\n]{1,300}\]\]")


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the header says: null where it does not."""

    dbname: str
    base: str | None = None
    hidden: frozenset[str] = NAMESPACES
    namespaces: Mapping[str, str] = field(default_factory=dict)


def recognise(head: Head) -> int:
    """Certain by the root element, in UTF-16 as well."""
    return 100 if b"<mediawiki" in head.start[:4096].replace(b"\0", b"") else 0


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """One raw row for each page and each loss, counted by `position`; the id is `<dbname>:<page id>`.

    Redirects and pages of other namespaces are refused.
    """
    here = place(file, partition=partition, source=source)
    named = WIKI.match(file.name.rpartition("/")[2])
    site = Site(dbname=named[1] if named else "wiki")
    position = 0
    with files.opened(file) as stream:
        for one in _cut(_blocks(stream), site):
            if isinstance(one, Site):
                site = one
                continue
            yield (
                error_row(one.reason, here, position=position)
                if isinstance(one, Lost)
                else _page_row(one, site, here, position=position)
            )
            position += 1


FORMAT = Format(name="wikipedia", suffixes=SUFFIXES, recognise=recognise, rows=rows)


def _blocks(stream: BinaryIO) -> Iterator[bytes | Lost]:
    """The dump as UTF-8; a loss where bytes are missing."""
    is_bz2 = stream.peek(3)[:3] == b"BZh"  # type: ignore[attr-defined]
    decoder, is_first = None, True
    for block in _bz2_blocks(stream) if is_bz2 else _other_blocks(stream):
        if isinstance(block, Lost):
            if decoder:
                decoder.setstate((b"", decoder.getstate()[1]))  # half a character waits for bytes that are lost
            yield block
            continue
        if is_first:
            decoder, is_first = decoder_of(block), False
        yield decoder.decode(block).encode("utf-8", "replace") if decoder else block


def _other_blocks(stream: BinaryIO) -> Iterator[bytes | Lost]:
    try:
        yield from pieces(stream)
    except DamageError as damage:
        yield Lost(str(damage))


def _bz2_blocks(stream: BinaryIO) -> Iterator[bytes | Lost]:
    """The verified bytes of all streams; where one is damaged, the next that begins with a block goes on."""
    data, offset = stream.read(INPUT_BYTES), 0
    while data:
        if len(data) < 16:
            data += stream.read(INPUT_BYTES)
        if not BZ2_START.match(data):
            data, offset, lost = _resumed(data, stream, offset=offset, error=f"no bz2 stream at byte {offset}")
            yield lost
            continue
        decoder, held = bz2.BZ2Decompressor(), _Held(level=data[3] - ord("0"))
        seen: deque[bytes] = deque(maxlen=TAIL_BYTES // INPUT_BYTES)
        try:
            while data and not decoder.eof:
                seen.append(data)
                for output in _outputs(decoder, data):
                    yield from held.add(output)
                offset += len(data)
                data = decoder.unused_data if decoder.eof else stream.read(INPUT_BYTES)
        except OSError as error:
            again = b"".join(seen)[1:]
            begin = offset + len(data) - len(again)
            reason = f"damaged bz2 stream near byte {offset}: {error}"
            data, offset, lost = _resumed(again, stream, offset=begin, error=reason)
            yield lost
            continue
        yield from held.rest()
        if decoder.eof:
            offset -= len(data)
        else:
            yield Lost(f"damaged: the file ends inside a bz2 stream, at byte {offset}")


def _outputs(decoder: bz2.BZ2Decompressor, data: bytes) -> Iterator[bytes]:
    """What `decoder` makes of `data`, in bounded pieces."""
    output = decoder.decompress(data, INPUT_BYTES)
    while output or not (decoder.eof or decoder.needs_input):
        yield output
        output = b"" if decoder.eof else decoder.decompress(b"", INPUT_BYTES)


class _Held:
    """Output of a block that is not verified yet: bz2 gives a block out before it looks at its checksum.

    A block has up to `level` times 100,000 bytes, with runs packed; half as much again is room for those.
    """

    def __init__(self, *, level: int) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._bound = level * 150_000

    def add(self, piece: bytes) -> Iterator[bytes]:
        self._pieces.append(piece)
        self._size += len(piece)
        while self._size - len(self._pieces[0]) > self._bound:
            self._size -= len(self._pieces[0])
            yield self._pieces.popleft()

    def rest(self) -> Iterator[bytes]:
        yield from self._pieces


def _resumed(data: bytes, stream: BinaryIO, *, offset: int, error: str) -> tuple[bytes, int, Lost]:
    """What follows from the next stream of `data`, else of `stream`, on; its offset; and the loss."""
    while (found := BZ2_STREAM.search(data)) is None:
        more = stream.read(INPUT_BYTES)
        if not more:
            return b"", offset + len(data), Lost(f"{error}; no stream follows")
        kept = data[-9:]
        offset += len(data) - len(kept)
        data = kept + more
    offset += found.start()
    return data[found.start() :], offset, Lost(f"{error}; read on at byte {offset}")


class _Cutter:
    """Cuts the header and the pages out of a dump, however it comes in pieces."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._held = b""
        self._searched = 0
        self._is_begun = self._is_ended = self._is_skipping = False

    def feed(self, block: bytes) -> Iterator[bytes | Lost | Site]:
        """The pages that end in `block`."""
        held, at = self._held + block, 0
        if self._is_skipping:
            end = held.find(b"</page>")
            if end < 0:
                self._held = held[-6:]
                return
            at, self._is_skipping = end + 7, False
        while (start := held.find(b"<page>", at)) >= 0:
            if not self._is_begun:
                self._is_begun = True
                yield _site(held[:start], self._site)
            end = held.find(b"</page>", max(start, self._searched))
            if end < 0:
                break
            self._searched = 0
            inner = held.rfind(b"<page>", start, end)
            if inner > start:
                yield Lost("a page has no end")
            at = end + 7
            yield held[inner:at] if at - inner <= PAGE_BYTES else Lost(f"page over {PAGE_BYTES} bytes")
        if start >= 0:
            yield from self._wait(held[start:])
        else:
            self._between(held[at:])

    def lose(self, lost: Lost) -> Lost:
        """`lost`, with what it cuts; forget the page that was begun."""
        is_cut = b"<page>" in self._held or self._is_skipping
        self._held, self._searched, self._is_skipping, self._is_begun = b"", 0, False, True
        return Lost(f"{lost.reason}; it cuts a page") if is_cut else lost

    def end(self) -> Iterator[Lost]:
        """What is missing at the end of the file."""
        if b"<page>" in self._held or self._is_skipping:
            yield Lost("the file ends inside a page")
        elif (self._is_begun or self._held.strip()) and not (self._is_ended or b"</mediawiki" in self._held):
            yield Lost("the file ends without </mediawiki>")

    def _wait(self, page: bytes) -> Iterator[Lost]:
        """Keep a page that has no end yet."""
        self._held, self._searched = page, len(page) - 6
        if len(page) > PAGE_BYTES:
            self._held, self._searched, self._is_skipping = page[-6:], 0, True
            yield Lost(f"page over {PAGE_BYTES} bytes")

    def _between(self, rest: bytes) -> None:
        """Keep the header; of what follows a page as much as may begin one."""
        self._searched = 0
        if not self._is_begun and len(rest) <= HEADER_BYTES:
            self._held = rest
            return
        self._is_begun = True
        self._is_ended |= b"</mediawiki" in rest
        self._held = rest[-16:]


def _cut(blocks: Iterator[bytes | Lost], site: Site) -> Iterator[bytes | Lost | Site]:
    """The header, each page's XML, and each loss; a file that lacks its end is one."""
    cutter, is_cut = _Cutter(site), False
    for block in blocks:
        if isinstance(block, Lost):
            is_cut = True
            yield cutter.lose(block)
        else:
            is_cut = False
            yield from cutter.feed(block)
    if not is_cut:
        yield from cutter.end()


def _site(header: bytes, guess: Site) -> Site:
    """What `header` says; the wiki's name from its address or from `guess` where it states none, as before 2013."""
    text = header.decode("utf-8", "replace")
    base = _element("base", text)
    spaces = {key: html.unescape(name) for key, name in NAMESPACE.findall(text)}
    return Site(
        dbname=_element("dbname", text) or _host(base) or guess.dbname,
        base=base,
        hidden=NAMESPACES | {spaces[key].lower() for key in HIDDEN if key in spaces},
        namespaces={name.lower(): key for key, name in spaces.items()},
    )


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


def _element(name: str, text: str) -> str | None:
    found = re.search(rf"<{name}>([^<]*)</{name}>", text)
    return html.unescape(found[1]).strip() or None if found else None


def _page_row(xml: bytes, site: Site, here: Row, *, position: int) -> Row:
    try:
        page = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError) as error:
        return error_row(f"not XML: {error}", here, position=position)
    id, title = page.findtext("id"), page.findtext("title")
    if not id or not title:
        return error_row("a page without id or title", here, position=position)
    key, url = f"{site.dbname}:{id}", _url(title, site)
    revisions = page.findall("revision")
    refused = _refusal(page, revisions, title, site)
    if refused:
        return error_row(refused, here, position=position, key=key, url=url)
    revision = revisions[-1]
    timestamp = revision.findtext("timestamp")
    record = {
        "text": plain(revision.findtext("text") or "", hidden=site.hidden),
        "title": title,
        "url": url,
        "date": timestamp,
        "id": int(id) if id.isdecimal() and len(id) < 19 else id,
        "revision": revision.findtext("id"),
        "wiki": site.dbname,
    }
    return object_row(key, record, here, position=position, created_at=_time(timestamp))


def _refusal(page: Element, revisions: list[Element], title: str, site: Site) -> str | None:
    """Why a page is not content; dumps from before 2012 say namespace and redirect by title and text alone."""
    namespace = page.findtext("ns") or site.namespaces.get(title.partition(":")[0].lower(), "0")
    if namespace != "0":
        return f"refused: namespace {namespace}"
    if not revisions:
        return "a page without revision"
    text = revisions[-1].find("text")
    if text is None or text.get("deleted"):
        return "refused: text deleted"
    if page.find("redirect") is not None or REDIRECT.match(text.text or ""):
        return "refused: redirect"
    model = revisions[-1].findtext("model") or "wikitext"
    return None if model == "wikitext" else f"refused: model {model}"


def _url(title: str, site: Site) -> str | None:
    """The page's address; the header states that of the main page."""
    if site.base is None or "/" not in site.base:
        return None
    return site.base.rpartition("/")[0] + "/" + quote(title.replace(" ", "_"), safe="/:@!$*(),;~-._'")


def _time(timestamp: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(timestamp).astimezone(UTC) if timestamp else None
    except (ValueError, OverflowError):
        return None
