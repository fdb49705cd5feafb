"""Who drafts answers, by which prompt, as a Dagster resource."""

from typing import Any

import dagster as dg
from pydantic import Field

from parlance.errors import ConfigError
from parlance.inference.settings import WRITERS


class Inference(dg.ConfigurableResource):
    """What `models/predictions` asks. The key of an endpoint is read where it is needed, so that no page shows it."""

    writer: str = Field(default="auto", description=f"One of {', '.join(WRITERS)}; auto: vLLM or transformers.")
    url: str = Field(default="", description="An OpenAI-compatible endpoint, for the writer `endpoint`.")
    model: str = Field(default="", description="The name of the model there.")
    cache: str = Field(default="", description="Folder of an endpoint's answers, by what was asked.")
    prompt: str = Field(description="The prompt, a Jinja file.")
    answer_schema: str = Field(default="", description="A JSON schema that answers must be of, a file; empty: none.")
    key_variable: str = Field(default="PARLANCE_LLM_KEY", description="The environment variable with the key.")
    timeout_s: float = Field(default=120, gt=0, description="How long one answer may take.")
    pause_s: float = Field(default=1, ge=0, description="The first pause before a request is tried again.")

    def is_served(self) -> bool:
        """Whether an endpoint drafts. Raises ConfigError for a writer that is none, or an endpoint without a name."""
        if self.writer not in WRITERS:
            raise ConfigError(f"PARLANCE_DRAFT_WRITER is {self.writer!r}; allowed: {', '.join(WRITERS)}")
        if self.writer == "endpoint" and not (self.url and self.model):
            raise ConfigError(
                "PARLANCE_DRAFT_WRITER is endpoint, but PARLANCE_LLM_URL and PARLANCE_LLM_MODEL are not both set; they "
                "must name an OpenAI-compatible endpoint such as http://127.0.0.1:8000/v1 and a model there"
            )
        return self.writer == "endpoint"

    def spec(self) -> dict[str, Any]:
        """What the process that drafts needs to know, as JSON."""
        return self.model_dump()
