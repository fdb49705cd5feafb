"""What an answer says, or the error that came instead. It is the server's word, and any of it may be malformed."""

import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from scrapy.http import HtmlResponse, Response

from parlance.crawling.downloading import PrivateAddressError, Resolver
from parlance.crawling.frontier import normal


def redirect_of(response: Response) -> str | None:
    """Where a redirect leads; null where the answer is none, or its `Location` no http(s) URL."""
    target = response.headers.get("Location")
    return normal(target.decode("latin-1"), response.url) if target and 300 <= response.status < 400 else None


def readable(response: HtmlResponse) -> HtmlResponse:
    """`response`, as UTF-8 where its charset is none of pages, such as `undefined`."""
    try:
        if response.encoding != "punycode":  # takes quadratic time
            response.text  # noqa: B018 - decodes
            return response
    except (LookupError, ValueError):
        pass
    return response.replace(encoding="utf-8")


def type_of(response: Response) -> str:
    """The media type that the server states; where it states none, what Scrapy takes the body for."""
    stated = (response.headers.get("Content-Type") or b"").decode("latin-1").partition(";")[0].strip().lower()
    return stated or ("text/html" if isinstance(response, HtmlResponse) else "")


def headers_of(response: Response) -> dict[str, list[str]]:
    names = {name.decode("latin-1").lower(): name for name in response.headers}
    return {lower: [one.decode("latin-1") for one in response.headers.getlist(name)] for lower, name in names.items()}


def retry_after(response: Response) -> float | None:
    """Seconds that the server asks to wait, from a number or a date; null where it does not say."""
    value = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def reason_of(error: Exception, url: str) -> tuple[str, bool]:
    """What went wrong, in few words, and whether another attempt may help."""
    host = urlsplit(url).hostname or ""
    match error:
        case PrivateAddressError():
            return str(error), False
        case CannotResolveHostError():
            return Resolver.refused.get(host, "dns"), host not in Resolver.refused
        case DownloadTimeoutError():
            return "timeout", True
        case DownloadConnectionRefusedError():
            return "connection refused", True
        case DownloadCancelledError() | IgnoreRequest():
            return "body too large", False
        case _:
            return f"connection: {type(error).__name__}", True
