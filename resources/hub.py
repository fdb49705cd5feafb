"""A data set repository on a Hugging Face hub as a Dagster resource."""

import os

import dagster as dg
from pydantic import Field

from parlance.errors import ConfigError
from parlance.exports.hub import Target


class Hub(dg.ConfigurableResource["Hub"]):
    """Where exports are pushed. The token is read from the environment when it is needed, so that no page shows it."""

    repository: str = Field(default="", description="owner/name; empty: nothing is pushed.")
    url: str = Field(default="https://huggingface.co", description="Where the hub is.")
    token_variable: str = Field(default="PARLANCE_HUB_TOKEN", description="The environment variable with the token.")

    def target(self) -> Target:
        """The repository to push to. Raises ConfigError where none is set."""
        if not self.repository:
            raise ConfigError("PARLANCE_HUB_REPOSITORY is not set; it must name a repository such as owner/name")
        return Target(repository=self.repository, endpoint=self.url, token=os.environ.get(self.token_variable) or None)
