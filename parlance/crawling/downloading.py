"""How Scrapy connects, waits and keeps what came over the wire. Only the process of a crawl loads this."""

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.error import DNSLookupError

from parlance.crawling.addresses import refusal
from parlance.crawling.archive import Exchange
from parlance.crawling.settings import CrawlList

LIST = "PARLANCE_CRAWL_LIST"
# What the frontier decides.
OFF = (
    "ROBOTSTXT_OBEY",
    "COOKIES_ENABLED",
    "RETRY_ENABLED",
    "REDIRECT_ENABLED",
    "METAREFRESH_ENABLED",
    "HTTPPROXY_ENABLED",
    "REFERER_ENABLED",
    "TELNETCONSOLE_ENABLED",
)


class PrivateAddressError(Exception):
    """The host's address is not public, and the list does not allow it by name."""


class Resolver(CachingThreadedResolver):  # type: ignore[misc]
    """Gives the address that is connected to; a host with a private one cannot be resolved.

    The address that was checked is the one that is used, so a name that changes its mind gains nothing.
    """

    refused: dict[str, str] = {}

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> Any:
        resolver = super().from_crawler(crawler, reactor)
        resolver.allowed = allowed_hosts(crawler.settings[LIST])
        return resolver

    def getHostByName(self, name: str, timeout: Any = ()) -> Any:  # noqa: N802 - Twisted's name
        found = super().getHostByName(name, timeout)
        return found if is_address(name) else found.addCallback(self._checked, name)

    def _checked(self, address: str, name: str) -> str:
        reason = refusal(name, [address], self.allowed)
        if reason is not None:
            self.refused[name] = reason
            raise DNSLookupError(reason)
        return address


class Handler(HTTP11DownloadHandler):  # type: ignore[misc]
    """Scrapy's own handler, but for origins that the list connects elsewhere; refuses private addresses in URLs."""

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._list: CrawlList = crawler.settings[LIST]

    async def download_request(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        target = self._list.connect_to.get(f"{parts.scheme}://{parts.netloc}")
        if target is None:
            host = parts.hostname or ""
            reason = refusal(host, [host], self._list.allow_private) if is_address(host) else None
            if reason is not None:
                raise PrivateAddressError(reason)
            return await super().download_request(request)
        headers = request.headers.copy()
        headers["Host"] = parts.netloc
        behind = request.url[len(f"{parts.scheme}://{parts.netloc}") :]
        mapped = request.replace(url=target + behind, headers=headers)
        response = await super().download_request(mapped)
        request.meta["download_latency"] = mapped.meta.get("download_latency")
        return response.replace(url=request.url)


class Throttle(AutoThrottle):  # type: ignore[misc]
    """AutoThrottle that never goes below the delay that a host's robots.txt asks for."""

    def _adjust_delay(self, slot: Any, latency: float, response: Response) -> None:
        super()._adjust_delay(slot, latency, response)
        floor = self.crawler.spider.delays.get(urlsplit(response.url).hostname, 0.0)
        slot.delay = max(slot.delay, floor)


class Wire:
    """Keeps each answer as it came, before Scrapy decodes its content."""

    def process_response(self, request: Request, response: Response) -> Response:
        request.meta["wire"] = Exchange(
            url=request.url,
            method=request.method,
            request_headers=pairs(request.headers),
            protocol=response.protocol or "HTTP/1.1",
            status=response.status,
            headers=pairs(response.headers),
            body=response.body,
            at=datetime.now(UTC),
        )
        return response


def settings(listed: CrawlList) -> dict[str, Any]:
    """Scrapy's settings for a crawl of the list; what the frontier decides is off in Scrapy."""
    return {
        LIST: listed,
        **dict.fromkeys(OFF, False),
        "USER_AGENT": listed.full_user_agent,
        "DEFAULT_REQUEST_HEADERS": {"Accept": "text/html,application/xhtml+xml,text/plain;q=0.9,*/*;q=0.1"},
        "CONCURRENT_REQUESTS": 32,
        "CONCURRENT_REQUESTS_PER_DOMAIN": listed.concurrency_per_host,
        "DOWNLOAD_DELAY": listed.delay_s,
        "DOWNLOAD_DELAY_JITTER": 0,
        "DOWNLOAD_TIMEOUT": listed.timeout_s,
        "DOWNLOAD_MAXSIZE": listed.body_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "TWISTED_DNS_RESOLVER": "parlance.crawling.downloading.Resolver",
        "DOWNLOAD_HANDLERS": dict.fromkeys(("http", "https"), "parlance.crawling.downloading.Handler"),
        "DOWNLOADER_MIDDLEWARES": {"parlance.crawling.downloading.Wire": 950},
        "EXTENSIONS": {"scrapy.extensions.throttle.AutoThrottle": None, "parlance.crawling.downloading.Throttle": 0},
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": listed.delay_s,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": float(listed.concurrency_per_host),
        "LOG_LEVEL": "ERROR",
    }


def allowed_hosts(listed: CrawlList) -> frozenset[str]:
    """What may be connected to inside: what the list allows by name, and host names that it connects origins to."""
    targets = {urlsplit(target).hostname or "" for target in listed.connect_to.values()}
    return frozenset(listed.allow_private) | {target for target in targets if not is_address(target)}


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def pairs(headers: Any) -> list[tuple[str, str]]:
    """Headers as they came: names and values, repeated ones too."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name in headers for value in headers.getlist(name)]
