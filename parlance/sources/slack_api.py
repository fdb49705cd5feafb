"""Slack's Web API: paced below its limits, asked again where an answer failed, with errors that say what to do."""

import logging
import math
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, Literal, NamedTuple, get_args

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from parlance.errors import ConfigError, TransientError

LOGGER = logging.getLogger(__name__)

Json = dict[str, Any]
Tier = Literal["internal", "limited"]

WINDOW_S = 60.0
TIER_2, TIER_3 = 20, 50
# Requests a minute, as https://docs.slack.dev/apis/web-api/rate-limits has them; every method has a budget of its own.
PER_MINUTE = {"conversations.list": TIER_2, "users.list": TIER_2, "search.messages": TIER_2}
# Apps that are neither internal nor in the Marketplace: requests a minute and messages a page.
LIMITED_METHODS = frozenset({"conversations.history", "conversations.replies"})
LIMITED_PER_MINUTE, LIMITED_PAGE = 1, 15

ATTEMPTS = 8
MOST_WAIT_S = 300.0
CODE = re.compile(r"[a-z][a-z0-9_.-]{0,80}")
TRANSIENT = frozenset({
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
    "team_added_to_org",
})  # fmt: skip
ADVICE = {
    "not_allowed_token_type": "a user token (xoxp-) is allowed",
    "invalid_auth": "allowed: the token of an app that is installed in the workspace",
    "not_authed": "allowed: the token of an app that is installed in the workspace",
    "token_revoked": "allowed: the token of an app that is installed in the workspace",
    "token_expired": "allowed: a token that has not expired",
    "account_inactive": "allowed: the token of a person or bot that is still active",
}


class Page(NamedTuple):
    """What one page has, whether another one follows, and whether Slack hides things that are older."""

    things: list[Json]
    more_follow: bool
    is_limited: bool


class RefusedError(ConfigError):
    """Slack understood the request and refused it; `code` is its word for why."""

    code: str = ""


class _FailedError(Exception):
    """One request failed in a way that may pass. `wait_s` is what Slack asked to wait; null where it said nothing."""

    def __init__(self, answer: str, wait_s: float | None = None) -> None:
        super().__init__(answer)
        self.wait_s = wait_s


class SlackApi:
    """Calls of the Web API with `token`, of which `requests` were sent so far.

    Requests are counted by method before they are sent, so that Slack's limits are rarely met. Each is sent up to 8
    times: again after 429, 5xx, a connection that failed, a body that was cut, and errors that Slack calls passing.
    `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        token: str,
        *,
        base_url: str = "https://slack.com/api/",
        tier: Tier = "internal",
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        log: Callable[[str], None] = LOGGER.info,
    ) -> None:
        from slack_sdk import WebClient

        if not token.strip():
            raise ConfigError("the Slack token is empty; allowed: the token of an internal app, xoxb-... or xoxp-...")
        if tier not in get_args(Tier):
            raise ConfigError(f"unknown Slack tier {tier!r}; allowed: {', '.join(get_args(Tier))}")
        if not base_url.startswith(("https://", "http://")):
            raise ConfigError(f"the Slack API cannot be at {base_url!r}; allowed: a URL with http:// or https://")
        quiet = logging.getLogger(f"{__name__}.sdk")
        quiet.setLevel(logging.CRITICAL)  # what it reports is reported here, once
        self._client = WebClient(token, base_url=base_url, retry_handlers=[], logger=quiet)
        self._sleep, self._clock, self._log = sleep, clock, log
        self._sent: defaultdict[str, deque[float]] = defaultdict(deque)
        self.tier = tier
        self.is_user_token = token.strip().startswith("xoxp-")
        self.requests = 0

    def now(self) -> datetime:
        """The time by the client's clock, in UTC."""
        return datetime.fromtimestamp(self._clock(), UTC)

    def page_size(self, method: str, wanted: int) -> int:
        """How many things one page of `method` can hold under the app's tier."""
        return min(wanted, LIMITED_PAGE) if self._is_limited(method) else wanted

    def call(self, method: str, **arguments: Any) -> Json:
        """The answer to one call; arguments that are null are left out.

        Raises RefusedError, a ConfigError, where Slack refuses, and TransientError after the last attempt.
        """
        return self._asked(method, arguments, field=None)

    def pages(self, method: str, field: str, **arguments: Any) -> Iterator[Page]:
        """The pages with what each has in `field`; a page may be empty and not the last.

        Raises as `call` does; TransientError too where a cursor leads back to itself.
        """
        cursor: str | None = None
        while True:
            answer = self._asked(method, {**arguments, "cursor": cursor}, field=field)
            follows = _cursor(answer)
            if follows is not None and follows == cursor:
                raise TransientError(f"{_named(method, arguments)}: the cursor {cursor!r} leads back to itself")
            cursor = follows
            yield Page(answer[field], cursor is not None, answer.get("is_limited") is True)
            if cursor is None:
                return

    def _asked(self, method: str, arguments: Mapping[str, Any], *, field: str | None) -> Json:
        given = {name: value for name, value in arguments.items() if value is not None}
        if "limit" in given:
            given["limit"] = self.page_size(method, given["limit"])
        attempts = Retrying(
            retry=retry_if_exception_type(_FailedError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            sleep=self._sleep,
            before_sleep=lambda state: self._log(f"{_named(method, given)}: {_failure(state)}; asking again"),
            reraise=True,
        )
        try:
            return attempts(self._once, method, given, field)
        except _FailedError as error:
            raise TransientError(f"{_named(method, given)} failed {ATTEMPTS} times; last answer: {error}") from error

    def _once(self, method: str, arguments: Mapping[str, Any], field: str | None) -> Json:
        from slack_sdk.errors import SlackApiError

        self._spend(method)
        self.requests += 1
        try:
            answer = self._client.api_call(method, params=dict(arguments)).data
        except SlackApiError as error:
            status, data, headers = error.response.status_code, error.response.data, error.response.headers
            raise self._judged(method, arguments, status, data, headers) from error
        except (OSError, HTTPException) as error:
            raise _FailedError(f"connection: {error!r}") from error
        except (
            UnicodeDecodeError,
            LookupError,
            AttributeError,
        ) as error:  # the SDK's own, over a body that is no JSON object
            raise _FailedError(f"a body that is no JSON object: {error}") from error
        if not isinstance(answer, dict):
            raise _FailedError(f"a body of type {type(answer).__name__}")
        if field is not None and not _is_page(answer, field):
            raise _FailedError(f"a page without its {field!r} or its cursor: {sorted(answer)}")
        return answer

    def _judged(
        self, method: str, arguments: Mapping[str, Any], status: int, data: object, headers: Mapping[str, str]
    ) -> Exception:
        """What a refused or failed request is raised as."""
        said = data.get("error") if isinstance(data, dict) else None
        code = said if isinstance(said, str) and CODE.fullmatch(said) else None
        passing = code in TRANSIENT or status in (408, 429) or status >= 500
        if passing or (status == 200 and code is None):
            shown = code or (
                f"HTTP {status}" if status != 200 else f"a body that is no JSON object: {str(said)[:80]!r}"
            )
            return _FailedError(shown, retry_after(headers, self._clock()))
        return _refused(_named(method, arguments), code or f"HTTP {status}", data)

    def _is_limited(self, method: str) -> bool:
        return self.tier == "limited" and method in LIMITED_METHODS

    def _spend(self, method: str) -> None:
        """Waits until one more request to `method` is within its budget."""
        allowed = LIMITED_PER_MINUTE if self._is_limited(method) else PER_MINUTE.get(method, TIER_3)
        sent = self._sent[method]
        while len(sent) >= allowed and 0 <= (age := self._clock() - sent[0]) < WINDOW_S:
            self._sleep(WINDOW_S - age)
        while len(sent) >= allowed:
            sent.popleft()
        sent.append(self._clock())


def _refused(what: str, code: str, data: object) -> RefusedError:
    advice = ADVICE.get(code, "")
    if code == "missing_scope" and isinstance(data, dict):
        advice = f"it needs the scope {data.get('needed')!r}, the token has {data.get('provided')!r}"
    error = RefusedError(f"{what}: Slack refused it: {code}{'; ' + advice if advice else ''}")
    error.code = code
    return error


def _named(method: str, arguments: Mapping[str, Any]) -> str:
    channel = arguments.get("channel")
    return f"{method} of channel {channel!r}" if channel else method


def _is_page(answer: Json, field: str) -> bool:
    """Whether the answer has the list that was asked for, and the way on where it says that there is more."""
    return isinstance(answer.get(field), list) and (answer.get("has_more") is not True or _cursor(answer) is not None)


def _cursor(answer: Json) -> str | None:
    metadata = answer.get("response_metadata")
    found = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) and found else None


_backoff = wait_exponential_jitter(initial=1, max=60, jitter=1)


def _wait(state: RetryCallState) -> float:
    """What Slack asked for, and a growing time with jitter where it asked for nothing."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.wait_s if isinstance(error, _FailedError) else None
    return _backoff(state) if asked is None else asked


def _failure(state: RetryCallState) -> object:
    return state.outcome.exception() if state.outcome is not None else None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds, at most 300; null where the header is absent, unreadable or not in the future.

    >>> retry_after({"retry-after": "1.5"}, 0.0), retry_after({"Retry-After": "1e9"}, 0.0)
    (1.5, 300.0)
    >>> retry_after({"Retry-After": "-3"}, 0.0), retry_after({"Retry-After": "soon"}, 0.0), retry_after({}, 0.0)
    (None, None, None)
    """
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(seconds, MOST_WAIT_S) if seconds > 0 and not math.isnan(seconds) else None
