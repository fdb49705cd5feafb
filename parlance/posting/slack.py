"""Messages into Slack that can be found again: each says in its metadata which draft it is."""

import logging
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, Final

from parlance.errors import ConfigError, ParlanceError, TransientError
from parlance.sources.slack_api import CODE, TRANSIENT, RefusedError, SlackApi

EVENT: Final = "parlance_draft"
LOOKS: Final = 3
PAGE: Final = 200
# Refusals of this one message; of any other word for why the app is to blame, and the run ends.
OF_THE_MESSAGE: Final = frozenset({
    "channel_not_found", "is_archived", "not_in_channel", "thread_not_found", "message_not_found", "msg_too_long",
    "no_text", "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_locked",
    "restricted_action_thread_only_channel", "cannot_reply_to_message", "posting_to_channel_denied",
})  # fmt: skip


class UnpostedError(ParlanceError):
    """Slack refuses this one message; the text is Slack's word for why."""


class _UnknownError(Exception):
    """Nobody can say whether the message was posted."""


class Poster:
    """Reads by `api` and posts with `token`, that of a bot. `sleep` waits between looks for a message.

    A refusal for lack of requests is waited for, for as long as Slack says.
    """

    def __init__(self, api: SlackApi, token: str, *, base_url: str, sleep: Callable[[float], None]) -> None:
        from slack_sdk import WebClient
        from slack_sdk.http_retry import RetryHandler

        from parlance.sources.slack_waits import RateLimitHandler

        if not token.startswith("xoxb-"):
            raise ConfigError("drafts are posted by a bot: PARLANCE_SLACK_POST_TOKEN must begin with xoxb-")
        self.api, self._sleep = api, sleep
        quiet = logging.getLogger(f"{__name__}.sdk")
        quiet.setLevel(logging.CRITICAL)  # what it reports is raised here
        # No handler for lost connections: a message whose answer was lost may be there, and is looked for.
        waits: list[RetryHandler] = [RateLimitHandler(5)]
        self._client = WebClient(token, base_url=base_url, retry_handlers=waits, logger=quiet)

    def thread(self, channel: str, ts: str) -> list[dict[str, Any]] | None:
        """The message with its replies and their metadata; null where Slack has it no more.

        Raises UnpostedError where the app may not read the channel.
        """
        try:
            pages = self.api.pages(
                "conversations.replies", "messages", channel=channel, ts=ts, limit=PAGE, include_all_metadata=True
            )
            by_ts = {one["ts"]: one for page in pages for one in page.things}
        except RefusedError as error:
            if error.code in ("thread_not_found", "channel_not_found"):
                return None
            if error.code in OF_THE_MESSAGE:
                raise UnpostedError(error.code) from error
            raise
        return [by_ts[place] for place in sorted(by_ts, key=lambda place: (place != ts, float(place)))]

    def since(self, channel: str, oldest: float) -> list[dict[str, Any]]:
        """The messages of a channel from a time on, with their metadata."""
        pages = self.api.pages(
            "conversations.history", "messages", channel=channel, oldest=f"{oldest:.6f}", limit=PAGE,
            include_all_metadata=True,
        )  # fmt: skip
        return [one for page in pages for one in page.things]

    def post(
        self, channel: str, text: str, *, draft: str, look: Callable[[], str | None], thread: str | None = None
    ) -> str:
        """Posts once and gives the message's `ts`. Where no answer comes, `look` says whether it is there.

        Raises UnpostedError where Slack refuses the message, ConfigError where it refuses the app, and TransientError
        where it neither answers nor has the message.
        """
        for number in range(LOOKS):
            try:
                return self._once(channel, text, draft, thread)
            except _UnknownError as error:
                self._sleep(1.0 + number)
                if (ts := look()) is not None:
                    return ts
                lost = error
        raise TransientError(f"chat.postMessage to {channel!r} failed {LOOKS} times; last: {lost}")

    def _once(self, channel: str, text: str, draft: str, thread: str | None) -> str:
        from slack_sdk.errors import SlackApiError

        metadata = {"event_type": EVENT, "event_payload": {"draft": draft}}
        try:
            answer = self._client.chat_postMessage(
                channel=channel, text=text, thread_ts=thread, metadata=metadata, unfurl_links=False, unfurl_media=False
            )
            return str(answer["ts"])
        except SlackApiError as error:
            raise _judged(error.response.status_code, error.response.data) from error
        except (OSError, HTTPException, ValueError, LookupError, AttributeError) as error:
            raise _UnknownError(repr(error)) from error


def found(messages: list[dict[str, Any]] | None, draft: str) -> str | None:
    """The `ts` of the message that is the draft; null where none is.

    >>> said = {"ts": "1.0", "metadata": {"event_type": EVENT, "event_payload": {"draft": "d"}}}
    >>> found([{"ts": "0.5"}, said], "d"), found([said], "e")
    ('1.0', None)
    """
    return next((str(one["ts"]) for one in messages or () if _draft_of(one) == draft), None)


def _draft_of(message: Mapping[str, Any]) -> str | None:
    metadata = message.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("event_type") != EVENT:
        return None
    payload = metadata.get("event_payload")
    return payload.get("draft") if isinstance(payload, Mapping) else None


def _judged(status: int, data: object) -> Exception:
    said = data.get("error") if isinstance(data, dict) else None
    code = said if isinstance(said, str) and CODE.fullmatch(said) else None
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return TransientError("chat.postMessage: Slack asks to wait, again and again; the next run goes on")
    if status != 200 or code is None or code in TRANSIENT:
        return _UnknownError(code or f"HTTP {status}")
    if code in OF_THE_MESSAGE:
        return UnpostedError(code)
    return ConfigError(
        f"chat.postMessage: Slack refused it: {code}; PARLANCE_SLACK_POST_TOKEN must be of a bot with "
        "the scopes chat:write, reactions:read and those to read the channels"
    )
