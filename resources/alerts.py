"""The Slack channel that alerts and the daily digest go to."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from parlance.errors import ConfigError, TransientError
from parlance.transience import is_transient

Blocks = Sequence[Mapping[str, Any]]

TIMEOUT_S = 30
ATTEMPTS = 3


class Alerts(dg.ConfigurableResource):
    """Posts to one channel; says nothing where no channel is named."""

    channel: str = Field(default="", description="Id or name of the channel; empty: none.")
    token: str = Field(default="", description="Token of a Slack app with chat:write.")
    api_url: str = Field(default="https://slack.com/api/", description="Where the Web API is.")

    def post(self, text: str, blocks: Blocks) -> str:
        """Posts a message and gives its timestamp, by which it can be changed; empty where no channel is named.

        Raises ConfigError where Slack refuses it, TransientError where Slack does not answer.
        """
        return self._call("chat_postMessage", text=text, blocks=blocks, unfurl_links=False) if self.channel else ""

    def change(self, ts: str, text: str, blocks: Blocks) -> None:
        """Puts another text in place of the message `ts`. Errors as `post`."""
        if self.channel and ts:
            self._call("chat_update", ts=ts, text=text, blocks=blocks)

    def _call(self, method: str, **arguments: Any) -> str:
        # slack_sdk is slow to load, and the code location does without it.
        from slack_sdk import WebClient
        from slack_sdk.errors import SlackApiError, SlackClientError
        from slack_sdk.http_retry.builtin_handlers import ServerErrorRetryHandler

        from parlance.sources.slack_waits import RateLimitHandler

        if not self.token:
            raise ConfigError("PARLANCE_ALERTS_CHANNEL is set but PARLANCE_ALERTS_TOKEN is not")
        handlers = [ServerErrorRetryHandler(ATTEMPTS), RateLimitHandler(ATTEMPTS)]
        client = WebClient(token=self.token, base_url=self.api_url, timeout=TIMEOUT_S, retry_handlers=handlers)
        try:
            answer = getattr(client, method)(channel=self.channel, **arguments)
        except (SlackApiError, SlackClientError, OSError) as error:
            if is_transient(error):
                raise TransientError(f"the channel {self.channel} could not be written to: {error}") from error
            said = error.response.get("error") if isinstance(error, SlackApiError) else error
            raise ConfigError(f"Slack refuses a message to the channel {self.channel}: {said}") from error
        return str(answer["ts"])
