"""The labelled utterances that the speech-act classifier learns from."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from parlance.errors import ConfigError


class LabelledUtterances(dg.ConfigurableResource):
    """A JSON-lines file with id, previous, text, form, function and lang."""

    path: str = Field(description="Path of the JSON-lines file.")

    def read_text(self) -> str:
        path = Path(self.path)
        if not path.is_file():
            raise ConfigError(f"labelled utterances {self.path!r} do not exist: give a JSON-lines file")
        return path.read_text(encoding="utf-8")
