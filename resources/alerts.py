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
        """Posts a message and gives `channel:timestamp`, by which it can be changed; empty where no channel is named.

        Raises ConfigError where Slack refuses it, TransientError where Slack does not answer.
        """
        if not self.channel:
            return ""
        return self._call("chat_postMessage", self.channel, text=text, blocks=blocks, unfurl_links=False)

    def change(self, message: str, text: str, blocks: Blocks) -> None:
        """Puts another text in place of what `post` gave `message` for. Errors as `post`."""
        # By the id that Slack answered with: a name, which a message may be posted to, chat.update does not take.
        channel, _, ts = message.rpartition(":")
        if self.channel and ts:
            self._call("chat_update", channel or self.channel, ts=ts, text=text, blocks=blocks)

    def _call(self, method: str, channel: str, **arguments: Any) -> str:
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
            answer = getattr(client, method)(channel=channel, **arguments)
        except (SlackApiError, SlackClientError, OSError) as error:
            if is_transient(error):
                raise TransientError(f"the channel {channel} could not be written to: {error}") from error
            said = error.response.get("error") if isinstance(error, SlackApiError) else error
            raise ConfigError(f"Slack refuses a message to the channel {channel}: {said}") from error
        return f"{answer['channel']}:{answer['ts']}"
