"""A language model behind an OpenAI-compatible endpoint as a Dagster resource."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from parlance.errors import ConfigError
from parlance.synthesis import Endpoint


class LanguageModel(dg.ConfigurableResource["LanguageModel"]):
    """Whom to ask for generated examples, and where its answers are kept.

    The key is read from the environment when it is needed, so that no page shows it.
    """

    url: str = Field(default="", description="The address with its version, such as http://127.0.0.1:8000/v1.")
    model: str = Field(default="", description="The name of the model there.")
    cache: str = Field(description="Folder of answers, by what was asked.")
    key_variable: str = Field(default="PARLANCE_LLM_KEY", description="The environment variable with the key.")
    timeout_s: float = Field(default=120, gt=0, description="How long one answer may take.")
    pause_s: float = Field(default=1, ge=0, description="The first pause before a request is tried again.")

    @contextmanager
    def endpoint(self) -> Iterator[Endpoint]:
        """The endpoint, as long as the block lasts. Raises ConfigError where none is set."""
        from parlance.synthesis.server import Server

        if not self.url or not self.model:
            raise ConfigError(
                "PARLANCE_LLM_URL and PARLANCE_LLM_MODEL are not both set; they must name an OpenAI-compatible "
                "endpoint such as http://127.0.0.1:8000/v1 and a model there"
            )
        key = os.environ.get(self.key_variable, "")
        server = Server(self.url, self.model, key=key, timeout_s=self.timeout_s, pause_s=self.pause_s)
        try:
            yield server
        finally:
            server.close()

    def folder(self) -> Path:
        return Path(self.cache)
