"""Builds the sample web site and the sample web dumps: `python sample/build_web.py`.

Reads `site/pages/*.md`, `site/templates/` and `dumps/extra/*.yaml`; writes `site/public/`,
`dumps/site.warc.gz`, `dumps/web.jsonl.zst` and `dumps/pages.parquet`. The same sources give the same
bytes: dates come from the sources, ids from URLs, and nothing holds the time at which it was written.
"""

import base64
import hashlib
import json
import re
import shutil
import struct
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal, get_args

import jinja2
import lxml.html
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
import zstandard
from markdown_it import MarkdownIt
from markupsafe import Markup

HERE = Path(__file__).resolve().parent
SITE = HERE / "site"
DUMPS = HERE / "dumps"
BASE_URL = "https://www.brightwater.example"
DISALLOWED = ("/account/", "/search")
# The WARC is an old crawl: what the site got since, only a crawl of today finds.
CRAWL_BEGAN = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
REVISITED = CRAWL_BEGAN + timedelta(days=1)

Kind = Literal["article", "docs", "faq", "home", "list", "navigation", "page", "print", "product", "thread"]
Lang = Literal["de", "en", "es", "fi", "fr", "ja", "pl", "pt", "ru"]
Dump = Literal["web", "pages"]
WEB_KINDS: tuple[Kind, ...] = ("article", "faq")  # the site's pages that `web.jsonl.zst` repeats
POST = re.compile(r"^## @(\S+) (\d{4}-\d\d-\d\d \d\d:\d\d)\n", re.MULTILINE)
QUESTION = re.compile(r"^## (.+)\n", re.MULTILINE)
LEAVES = frozenset({"h1", "h2", "h3", "p", "li", "pre", "tr"})


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of the site; `body` is Markdown. A template of the same name draws each `kind`."""

    path: str
    title: str
    kind: Kind
    date: date
    lang: Lang
    body: str
    canonical: str
    author: str = ""
    description: str = ""
    links: tuple[str, ...] = ()
    lists: tuple[Kind, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document of a dump; `dump` is the file that holds it."""

    id: str
    url: str
    title: str
    text: str
    lang: Lang
    date: date
    dump: Dump


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One answer of the web server, as a crawler saw it."""

    url: str
    status: HTTPStatus
    content_type: str
    body: bytes
    modified: date


# Reading and checking the sources


def read_pages(folder: Path) -> list[Page]:
    """Pages in path order; a `copy_of` takes what it does not state from the page it copies."""
    sources = {file: front_matter(file) for file in sorted(folder.glob("*.md"))}
    originals = {meta["path"]: meta for meta in sources.values() if "copy_of" not in meta}
    pages = [checked_page(resolved(meta, originals, where=file), file) for file, meta in sources.items()]
    require_unique([page.path for page in pages], where=folder)
    known = {page.path for page in pages}
    for file, meta in sources.items():
        for link in meta.get("links", ()):
            require(link, known, key="links", where=file)
    return sorted(pages, key=lambda page: page.path)


def front_matter(file: Path) -> dict[str, Any]:
    """YAML between the two `---` lines, with the Markdown after it as `body`."""
    match = re.fullmatch(r"---\n(.*?\n)---\n(.*)", file.read_text("utf-8"), re.DOTALL)
    meta = load_yaml(match[1], file) if match else None
    if match is None or not isinstance(meta, dict) or not isinstance(meta.get("path"), str):
        raise ValueError(f"{file}: must begin with YAML front matter that has a path, found {meta!r}")
    body = {} if "copy_of" in meta else {"body": match[2]}
    return {"canonical": meta["path"], **meta, **body}


def checked_page(meta: Mapping[str, Any], file: Path) -> Page:
    require_keys(meta, Page, where=file)
    require(meta["kind"], get_args(Kind), key="kind", where=file)
    require(meta["lang"], get_args(Lang), key="lang", where=file)
    for kind in meta.get("lists", ()):
        require(kind, get_args(Kind), key="lists", where=file)
    if not re.fullmatch(r"/([\w./-]+(/|\.html))?", meta["path"], re.ASCII):
        raise ValueError(f"{file}: path {meta['path']!r} must begin with / and end with / or .html")
    return Page(**{**meta, "links": tuple(meta.get("links", ())), "lists": tuple(meta.get("lists", ()))})


def read_documents(folder: Path, pages: list[Page]) -> list[Document]:
    """The extra documents, in file order; `copy_of` names one of them or the path of a page."""
    sources = [(file, meta) for file in sorted(folder.glob("*.yaml")) for meta in listed_documents(file)]
    require_unique([meta["id"] for _, meta in sources], where=folder)
    originals: dict[str, dict[str, Any]] = {
        page.path: {"title": page.title, "lang": page.lang, "date": page.date, "text": plain_text(page)}
        for page in pages
    }
    originals |= {meta["id"]: {"title": "", **meta} for _, meta in sources if "copy_of" not in meta}
    return [checked_document({"title": "", **resolved(meta, originals, where=file)}, file) for file, meta in sources]


def listed_documents(file: Path) -> list[dict[str, Any]]:
    listed = load_yaml(file.read_text("utf-8"), file)
    if not isinstance(listed, list):
        raise ValueError(f"{file}: must be a list of documents, found {listed!r}")
    for meta in listed:
        if not isinstance(meta, dict) or not isinstance(meta.get("id"), str):
            raise ValueError(f"{file}: must be a document with an id, found {meta!r}")
    return listed


def load_yaml(text: str, file: Path) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: not YAML: {error}") from error


def checked_document(meta: Mapping[str, Any], file: Path) -> Document:
    require_keys(meta, Document, where=file)
    require(meta["lang"], get_args(Lang), key="lang", where=file)
    require(meta["dump"], get_args(Dump), key="dump", where=file)
    if not meta["text"]:
        raise ValueError(f"{file}: text of {meta['id']!r} must not be empty")
    return Document(**meta)


def resolved(meta: Mapping[str, Any], originals: Mapping[str, Mapping[str, Any]], *, where: Path) -> dict[str, Any]:
    """`meta` itself, or the original named by `copy_of` with its `edit` and own keys laid over it."""
    if "copy_of" not in meta:
        return dict(meta)
    require(meta["copy_of"], originals, key="copy_of", where=where)
    original = originals[meta["copy_of"]]
    own = {key: value for key, value in meta.items() if key not in ("copy_of", "edit")}
    key = "body" if "body" in original else "text"
    return {**original, key: edited(original[key], meta.get("edit", {}), where=where), **own}


def edited(text: str, edit: Mapping[str, str], *, where: Path) -> str:
    for old, new in edit.items():
        if text.count(old) != 1:
            raise ValueError(f"{where}: edit {old!r} must occur once in the original, found {text.count(old)} times")
        text = text.replace(old, new)
    return text


def require_keys(meta: Mapping[str, Any], shape: type[Page | Document], *, where: Path) -> None:
    """Raises unless `meta` has the keys of `shape` that have no default, no others, and their types."""
    known = {field.name: field.default is not MISSING for field in fields(shape)}
    if missing := [name for name, has_default in known.items() if not has_default and name not in meta]:
        raise ValueError(f"{where}: {meta.get('path', meta.get('id'))!r} lacks {', '.join(missing)}")
    types: dict[str, type] = {"date": date, "links": list, "lists": list}
    for key, value in meta.items():
        require(key, known, key="key", where=where)
        if type(value) is not (wanted := types.get(key, str)):
            raise ValueError(f"{where}: {key} {value!r} must be a {wanted.__name__}")


def require(value: str, allowed: Iterable[str], *, key: str, where: Path) -> None:
    if value not in (known := sorted(allowed)):
        raise ValueError(f"{where}: unknown {key} {value!r}; known: {', '.join(known)}")


def require_unique(names: list[str], *, where: Path) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{where}: given more than once: {', '.join(twice)}")


# Rendering


def markdown(text: str) -> Markup:
    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))


def plain_text(page: Page) -> str:
    """Title and body without markup, one line for each paragraph, item or table row."""
    root = lxml.html.fragment_fromstring(str(markdown(page.body)), create_parent="div")
    return "\n".join([page.title, *leaf_texts(root)])


def leaf_texts(element: lxml.html.HtmlElement) -> Iterator[str]:
    for child in element:
        if child.tag == "pre":
            yield child.text_content().rstrip()
        elif child.tag == "tr":
            yield " | ".join(cell.text_content() for cell in child)
        elif child.tag in LEAVES and not any(inner.tag in LEAVES for inner in child.iterdescendants()):
            yield " ".join(child.text_content().split())
        else:
            yield from leaf_texts(child)


def posts(page: Page) -> list[dict[str, str]]:
    """The posts of a thread: `author`, `at` (UTC) and `html`."""
    _, *parts = POST.split(page.body)
    return [
        {"author": author, "at": at, "html": markdown(body)}
        for author, at, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def questions(page: Page) -> list[dict[str, str]]:
    _, *parts = QUESTION.split(page.body)
    return [{"heading": heading, "html": markdown(body)} for heading, body in zip(parts[::2], parts[1::2], strict=True)]


def listed(page: Page, pages: list[Page]) -> list[Page]:
    """The pages of the kinds that `page` lists, newest first, without itself."""
    chosen = [other for other in pages if other.kind in page.lists and other.path != page.path]
    return sorted(chosen, key=lambda other: other.date, reverse=True)


def render(pages: list[Page], *, base_url: str = BASE_URL) -> dict[str, bytes]:
    """The whole site by path, `/robots.txt` and `/assets/logo.png` included."""
    loader = jinja2.FileSystemLoader(SITE / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    site = {page.path: render_page(page, pages, environment, base_url).encode() for page in pages}
    public = [page for page in pages if page.canonical == page.path and is_allowed(page.path)]
    for name in ("robots.txt", "sitemap.xml"):
        text = environment.get_template(name).render(base_url=base_url, disallowed=DISALLOWED, pages=public)
        site[f"/{name}"] = text.encode()
    return {**site, "/assets/logo.png": logo()}


def render_page(page: Page, pages: list[Page], environment: jinja2.Environment, base_url: str) -> str:
    return environment.get_template(f"{page.kind}.html").render(
        page=page,
        base_url=base_url,
        html=markdown(page.body),
        intro=markdown(QUESTION.split(page.body)[0]),
        posts=posts(page) if page.kind == "thread" else [],
        questions=questions(page) if page.kind == "faq" else [],
        related=[other for link in page.links for other in pages if other.path == link],
        listed=listed(page, pages),
    )


def is_allowed(path: str) -> bool:
    return not path.startswith(DISALLOWED)


def logo(size: int = 32) -> bytes:
    """A PNG of a wave: sky above, water below."""
    sky, water = bytes((220, 240, 250)), bytes((11, 79, 108))
    lines = [b"".join(water if y > 16 + abs(x % 16 - 8) // 2 else sky for x in range(size)) for y in range(size)]
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(b"".join(b"\0" + line for line in lines), 9),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


def write_site(site: Mapping[str, bytes], folder: Path) -> None:
    """Replaces `folder` by the files of the site; a path that ends in `/` becomes `index.html`."""
    require_reachable(site)
    if folder.exists():
        shutil.rmtree(folder)
    for path, content in site.items():
        file = folder / (path + "index.html" if path.endswith("/") else path).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def require_reachable(site: Mapping[str, bytes]) -> None:
    """Raises unless links lead from the home page to every other page."""
    seen, waiting = {"/"}, ["/"]
    while waiting:
        hrefs = lxml.html.fromstring(site[waiting.pop()]).xpath("//a/@href")
        new = {href for href in hrefs if href in site} - seen
        seen |= new
        waiting += sorted(new)
    if lost := sorted(path for path in site if path.endswith(("/", ".html")) and path not in seen):
        raise ValueError(f"no link leads from / to {', '.join(lost)}")


# The dumps


def exchanges(pages: list[Page], site: Mapping[str, bytes]) -> list[Exchange]:
    """What a polite crawl of the site met at `CRAWL_BEGAN`: robots.txt first, then the rest, then a dead link."""
    types = {"/robots.txt": "text/plain", "/sitemap.xml": "application/xml", "/assets/logo.png": "image/png"}
    dates = {page.path: page.date for page in pages} | dict.fromkeys(types, pages[0].date)
    met = [
        Exchange(
            url=BASE_URL + path,
            status=HTTPStatus.OK,
            content_type=types.get(path, "text/html; charset=utf-8"),
            body=site[path],
            modified=dates[path],
        )
        for path in [*types, *(page.path for page in pages if page.path == "/" or page.date <= CRAWL_BEGAN.date())]
        if is_allowed(path)
    ]
    gone = (SITE / "templates" / "not_found.html").read_bytes()
    return [
        *met,
        Exchange(
            url=f"{BASE_URL}/articles/secchi-disks.html",
            status=HTTPStatus.NOT_FOUND,
            content_type="text/html; charset=utf-8",
            body=gone,
            modified=CRAWL_BEGAN.date(),
        ),
    ]


def warc(met: list[Exchange]) -> list[bytes]:
    """Records of a WARC/1.1 file, each its own gzip member: warcinfo, responses, one revisit."""
    info = b"software: parlance sample 1\r\nformat: WARC File Format 1.1\r\nrobots: obey\r\n"
    about = {"WARC-Filename": "site.warc.gz", "Content-Type": "application/warc-fields"}
    records = [record("warcinfo", f"{BASE_URL}#warcinfo", at=CRAWL_BEGAN, block=info, about=about)]
    for second, exchange in enumerate(met, start=1):
        at = CRAWL_BEGAN + timedelta(seconds=second)
        block = http_head(exchange, at=at) + exchange.body
        records.append(record("response", exchange.url, at=at, block=block, about=response_fields(exchange)))
    home = next(exchange for exchange in met if exchange.url == f"{BASE_URL}/")
    return [*records, revisit(home, seen=CRAWL_BEGAN + timedelta(seconds=1 + met.index(home)))]


def revisit(exchange: Exchange, *, seen: datetime) -> bytes:
    """Says that a later visit found the same payload as the response of `seen`."""
    about = response_fields(exchange) | {
        "WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
        "WARC-Refers-To": record_id(exchange.url),
        "WARC-Refers-To-Target-URI": exchange.url,
        "WARC-Refers-To-Date": f"{seen:%Y-%m-%dT%H:%M:%SZ}",
    }
    block = http_head(exchange, at=REVISITED)
    return record("revisit", f"{exchange.url}#revisit", at=REVISITED, block=block, about=about)


def response_fields(exchange: Exchange) -> dict[str, str]:
    return {
        "WARC-Target-URI": exchange.url,
        "WARC-IP-Address": "192.0.2.80",
        "WARC-Payload-Digest": sha1(exchange.body),
        "Content-Type": "application/http;msgtype=response",
    }


def http_head(exchange: Exchange, *, at: datetime) -> bytes:
    modified = datetime.combine(exchange.modified, time(8), tzinfo=UTC)
    lines = [
        f"HTTP/1.1 {exchange.status.value} {exchange.status.phrase}",
        f"Date: {format_datetime(at, usegmt=True)}",
        "Server: brightwater",
        f"Content-Type: {exchange.content_type}",
        f"Content-Length: {len(exchange.body)}",
        f"Last-Modified: {format_datetime(modified, usegmt=True)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def record(kind: str, name: str, *, at: datetime, block: bytes, about: Mapping[str, str]) -> bytes:
    """One gzip member; `name` is the URL that the record's id is derived from."""
    head = {
        "WARC-Type": kind,
        "WARC-Record-ID": record_id(name),
        "WARC-Date": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        **about,
        "WARC-Block-Digest": sha1(block),
        "Content-Length": str(len(block)),
    }
    lines = "".join(f"{key}: {value}\r\n" for key, value in head.items())
    # `gzip.compress` writes another header in other Python versions; zlib's holds no time at all.
    return zlib.compress(f"WARC/1.1\r\n{lines}\r\n".encode() + block + b"\r\n\r\n", 9, wbits=31)


def record_id(name: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}>"


def sha1(content: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()


def site_documents(pages: list[Page]) -> list[Document]:
    """The text of the pages of `WEB_KINDS`, with an id made from the path."""
    return [
        Document(
            id="brightwater" + page.path.removesuffix(".html").replace("/", "-"),
            url=BASE_URL + page.path,
            title=page.title,
            text=plain_text(page),
            lang=page.lang,
            date=page.date,
            dump="web",
        )
        for page in pages
        if page.kind in WEB_KINDS
    ]


def in_dump(documents: list[Document], dump: Dump) -> list[Document]:
    chosen = [document for document in documents if document.dump == dump]
    return sorted(chosen, key=lambda document: (document.date, document.id))


def jsonl(documents: list[Document]) -> bytes:
    """One object a line: `id`, `url`, `text`, `lang`, `date`; compressed with zstandard."""
    keys = ("id", "url", "text", "lang", "date")
    rows = ({key: str(getattr(document, key)) for key in keys} for document in documents)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return zstandard.compress(lines.encode(), 19)


def table(documents: list[Document]) -> pa.Table:
    """`id`, `url`, `title`, `text` as strings, `date` as date32."""
    columns = ("id", "url", "title", "text", "date")
    schema = pa.schema([(name, pa.date32() if name == "date" else pa.string()) for name in columns])
    rows = [{name: getattr(document, name) for name in columns} for document in documents]
    return pa.Table.from_pylist(rows, schema=schema)


def build(public: Path, dumps: Path) -> list[str]:
    """Writes the site to `public` and the three files to `dumps`; one line of counts for each."""
    pages = read_pages(SITE / "pages")
    documents = site_documents(pages) + read_documents(DUMPS / "extra", pages)
    site = render(pages)
    records = warc(exchanges(pages, site))
    web, rest = in_dump(documents, "web"), in_dump(documents, "pages")
    write_site(site, public)
    (dumps / "site.warc.gz").write_bytes(b"".join(records))
    (dumps / "web.jsonl.zst").write_bytes(jsonl(web))
    pq.write_table(table(rest), dumps / "pages.parquet", compression="zstd")
    counts = {"site.warc.gz": f"{len(records)} records", "web.jsonl.zst": f"{len(web)} documents"}
    counts["pages.parquet"] = f"{len(rest)} documents"
    return [
        f"{public.name}: {len(site)} files, {len(pages)} pages, {sum(map(len, site.values())):,} bytes",
        *(f"{name}: {count}, {(dumps / name).stat().st_size:,} bytes" for name, count in counts.items()),
    ]


def main() -> None:
    print("\n".join(build(SITE / "public", DUMPS)))


if __name__ == "__main__":
    main()
