"""What was fetched, as WARC 1.1: a record is on disk before the frontier says that its URL is done."""

import io
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, Self

from warcio.statusandheaders import StatusAndHeaders
from warcio.utils import Digester
from warcio.warcwriter import WARCWriter

from parlance.crawling.frontier import Place, Validator
from parlance.crawling.settings import CrawlList

FILE_BYTES = 1024**3
NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
# Twisted gives bodies without their chunks: under its own name the header would be a lie that readers act on.
RENAMED = {"transfer-encoding": "X-Archive-Orig-Transfer-Encoding"}


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and its answer, the body as it came, before any content decoding."""

    url: str
    method: str
    request_headers: Sequence[tuple[str, str]]
    protocol: str
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    at: datetime

    @property
    def digest(self) -> str:
        digester = Digester("sha1")
        digester.update(self.body)
        return str(digester)


class Archive:
    """The WARC files of one day's crawl; each start of the crawl writes a new segment."""

    def __init__(self, folder: Path, *, name: str, day: str, committed: Mapping[str, int], listed: CrawlList) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        cut_off(folder, committed)
        self._folder, self._name, self._day, self._listed = folder, name, day, listed
        self._segment = 1 + max((int(file.split("-")[-1].split(".")[0]) for file in committed), default=-1)
        self._file: BinaryIO | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, exchange: Exchange, *, unchanged_since: Validator | None = None) -> Place:
        """Writes the answer with its request, or that nothing changed since an earlier record; then it is on disk."""
        file = self._opened()
        start = file.tell()
        response = self._revisit(exchange, unchanged_since) if unchanged_since else self._response(exchange)
        self._writer.write_record(response)
        self._writer.write_record(self._request(exchange, response))
        self._flush(file)
        return Place(file=Path(file.name).name, position=start, size=file.tell() - start)

    def _response(self, exchange: Exchange) -> Any:
        return self._writer.create_warc_record(
            exchange.url,
            "response",
            payload=io.BytesIO(exchange.body),
            length=len(exchange.body),
            http_headers=_status_line(exchange),
            warc_headers_dict=self._about(exchange),
        )

    def _revisit(self, exchange: Exchange, earlier: Validator) -> Any:
        record = self._writer.create_revisit_record(
            exchange.url,
            digest=earlier.digest,
            refers_to_uri=exchange.url,
            refers_to_date=earlier.date,
            http_headers=_status_line(exchange),
            warc_headers_dict=self._about(exchange) | {"WARC-Refers-To": earlier.record_id},
        )
        if exchange.status == HTTPStatus.NOT_MODIFIED:
            record.rec_headers.replace_header("WARC-Profile", NOT_MODIFIED)
        return record

    def _request(self, exchange: Exchange, response: Any) -> Any:
        path = exchange.url.split("/", 3)[-1] if exchange.url.count("/") > 2 else ""
        line = StatusAndHeaders(
            f"{exchange.method} /{path} HTTP/1.1", list(exchange.request_headers), is_http_request=True
        )
        about = self._about(exchange)
        about["WARC-Concurrent-To"] = response.rec_headers.get_header("WARC-Record-ID")
        return self._writer.create_warc_record(exchange.url, "request", http_headers=line, warc_headers_dict=about)

    def _about(self, exchange: Exchange) -> dict[str, str]:
        """Of the record that is written next."""
        assert self._file is not None
        id = record_id(Path(self._file.name).name, self._file.tell(), exchange.url)
        return {"WARC-Record-ID": id, "WARC-Date": stamp(exchange.at)}

    def _opened(self) -> BinaryIO:
        """The file to write to: a new one at the start, and where the last one is full."""
        if self._file is not None and self._file.tell() < FILE_BYTES:
            return self._file
        if self._file is not None:
            self._file.close()
        path = self._folder / f"{self._name}-{self._day}-{self._segment:05d}.warc.gz"
        self._segment += 1
        self._file = path.open("xb")
        self._writer = WARCWriter(self._file, gzip=True, warc_version="1.1")
        self._writer.write_record(self._info(path.name))
        self._flush(self._file)
        return self._file

    def _info(self, filename: str) -> Any:
        robots = "obey" if self._listed.obey_robots else "ignore"
        about = {
            "software": "parlance",
            "format": "WARC File Format 1.1",
            "robots": robots,
            "http-header-user-agent": self._listed.full_user_agent,
            "operator": self._listed.contact,
        }
        return self._writer.create_warcinfo_record(filename, about)

    @staticmethod
    def _flush(file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())


def record_id(file: str, position: int, url: str) -> str:
    """Named by its place and what it holds: a URL may be asked for as robots.txt, and again as a page."""
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{file} {position} {url}')}>"


def cut_off(folder: Path, committed: Mapping[str, int]) -> None:
    """Removes what a crash left behind in WARC files: records whose URLs are not done, whole or torn."""
    for path in folder.glob("*.warc.gz"):
        size = committed.get(path.name, 0)
        if size == 0:
            path.unlink()
        elif path.stat().st_size > size:
            with path.open("r+b") as file:
                file.truncate(size)
                os.fsync(file.fileno())


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _status_line(exchange: Exchange) -> StatusAndHeaders:
    phrase = HTTPStatus(exchange.status).phrase if exchange.status in HTTPStatus._value2member_map_ else ""
    headers = [(RENAMED.get(name.lower(), name), value) for name, value in exchange.headers]
    return StatusAndHeaders(f"{exchange.status} {phrase}".strip(), headers, protocol=exchange.protocol)
