"""Which errors may be gone on a second try: those of networks and of storage, whatever library raises them."""

import errno
import http.client
import re
import socket
import sqlite3
from collections.abc import Iterator

from parlance.errors import ParlanceError, TransientError

NETWORK = frozenset(
    {"aiohttp", "botocore", "httpcore", "httpx", "httpx2", "requests", "slack_sdk", "urllib", "urllib3"}
)
# Of errors of these libraries that name no HTTP status: what they call a connection that failed.
CONNECTION = (
    "ConnectError", "ConnectTimeout", "ConnectionClosed", "ConnectionError", "ClientOSError", "EndpointConnectionError",
    "HTTPClientError", "IncompleteRead", "NetworkError", "PoolTimeout", "ProtocolError", "ProxyError", "ReadError",
    "ReadTimeout", "ServerDisconnected", "Timeout", "URLError", "WriteError",
)  # fmt: skip
STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
# Codes with which S3 and Slack say so under another status.
CODES = frozenset(
    {
        "InternalError", "RequestLimitExceeded", "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling",
        "ThrottlingException", "TooManyRequests", "fatal_error", "internal_error", "ratelimited", "request_timeout",
        "service_unavailable",
    }
)  # fmt: skip
NUMBERS = frozenset(
    {
        errno.EAGAIN, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH,
        errno.EIO, errno.ENETDOWN, errno.ENETRESET, errno.ENETUNREACH, errno.EPIPE, errno.ESTALE, errno.ETIMEDOUT,
    }
)  # fmt: skip

# Polars and delta-rs raise plain errors; the object store below them says how often it tried, and does where it helps.
TRIED = re.compile(r"Generic \w+ error.*after [1-9]\d* retries", re.DOTALL)


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later. The project's own errors say it themselves; of others the cause counts.

    >>> is_transient(TransientError("503")), is_transient(ValueError("no number"))
    (True, False)
    >>> error = RuntimeError("could not read"); error.__cause__ = TimeoutError()
    >>> is_transient(error)
    True
    """
    for one in causes(error):
        if isinstance(one, ParlanceError):
            return isinstance(one, TransientError)
        if _is_of_network(one):
            return True
    return False


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on to the root."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__


def _is_of_network(error: BaseException) -> bool:
    if isinstance(error, (ConnectionError, TimeoutError, socket.gaierror, http.client.HTTPException)):
        return True
    if isinstance(error, sqlite3.OperationalError):
        return "locked" in str(error)
    library = type(error).__module__.partition(".")[0]
    if library in NETWORK:
        status, code = _answer(error)
        said = status in STATUSES or code in CODES
        return said or (not status and type(error).__name__.endswith(CONNECTION))
    return (isinstance(error, OSError) and error.errno in NUMBERS) or was_tried_again(str(error))


def was_tried_again(said: str) -> bool:
    """Whether an error says that an object store was asked several times in vain.

    >>> was_tried_again("object-store error: Generic S3 error: Error performing GET /a in 3 s, after 8 retries, 503")
    True
    >>> was_tried_again("Generic S3 error: Error performing GET /a in 3 s, after 0 retries, 400 Bad Request")
    False
    """
    return TRIED.search(said) is not None


def _answer(error: BaseException) -> tuple[int, str]:
    """HTTP status and error code of the answer that the error is about; 0 and empty where it has none."""
    response = getattr(error, "response", None)
    status = getattr(error, "code", None) or getattr(response, "status_code", None)
    code = ""
    if isinstance(response, dict):  # botocore
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = response.get("Error", {}).get("Code", "")
    elif isinstance(data := getattr(response, "data", None), dict):  # slack_sdk
        code = data.get("error", "")
    return status if isinstance(status, int) else 0, str(code)
