"""How long a message to Slack waits after 429. Imports slack_sdk, which is slow to load."""

import time

from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryHandler, RetryState

from parlance.sources.slack_api import retry_after

# Where the answer does not say how long, or not so that it can be read.
DEFAULT_S = 1.0


class RateLimitHandler(RetryHandler):
    """Asks again after the time in Retry-After.

    In place of slack_sdk's own, which takes whole seconds alone and fails with ValueError on others, as proxies send.
    """

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        return response is not None and response.status_code == 429

    def prepare_for_next_attempt(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        """Waits; called only where `_can_retry` said so."""
        named = response.headers if response is not None else {}
        headers = {name: values if isinstance(values, str) else "".join(values[:1]) for name, values in named.items()}
        time.sleep(retry_after(headers, time.time()) or DEFAULT_S)
        state.next_attempt_requested = True
        state.increment_current_attempt()
