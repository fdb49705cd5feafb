"""The bot that posts drafts into Slack as a Dagster resource."""

import os
import time

import dagster as dg
from pydantic import Field

from parlance import rights as statements
from parlance.errors import ConfigError
from parlance.posting.slack import Poster
from parlance.rights import Rights
from parlance.sources.slack_api import SlackApi

MODES = ("off", "review")


class SlackPosting(dg.ConfigurableResource):
    """Whether and where drafts are shown to reviewers. Tokens are read when needed, so that no page shows them.

    The thread of a question is read with the token that reads messages, where there is one.
    """

    mode: str = Field(default="", description="`review`, or `off` where it is empty.")
    channel: str = Field(default="", description="The id of the channel in which drafts are reviewed.")
    reviewers: str = Field(default="", description="The ids of those who may approve, parted by commas.")
    rights: str = Field(default="", description="The YAML file with the statement of rights and consent.")
    api_url: str = Field(default="https://slack.com/api/", description="Where the Web API is.")
    token_variable: str = Field(default="PARLANCE_SLACK_POST_TOKEN", description="The variable with the bot's token.")
    reading_variable: str = Field(default="PARLANCE_SLACK_TOKEN", description="That with the token that reads.")

    def is_on(self) -> bool:
        """Whether anything is posted. Raises ConfigError for a mode that is none."""
        if self.mode and self.mode not in MODES:
            raise ConfigError(f"PARLANCE_SLACK_POST is {self.mode!r}; allowed: {', '.join(MODES)}")
        return self.mode == "review"

    def poster(self) -> Poster:
        """The bot. Raises ConfigError without the token of one."""
        token = os.environ.get(self.token_variable, "").strip()
        if not token:
            raise ConfigError(f"{self.token_variable} is not set; drafts are posted with the token of a bot, xoxb-...")
        reading = os.environ.get(self.reading_variable, "").strip()
        api = SlackApi(reading or token, base_url=self.api_url)
        return Poster(api, token, base_url=self.api_url, sleep=time.sleep)

    def reviewing(self) -> frozenset[str]:
        return frozenset(one.strip() for one in self.reviewers.split(",") if one.strip())

    def statement(self) -> Rights:
        """The statement of rights as it is now. Raises ConfigError where there is none."""
        if not self.rights:
            raise ConfigError("PARLANCE_SLACK_RIGHTS is not set; a statement of rights must allow drafts")
        return statements.read(self.rights)
