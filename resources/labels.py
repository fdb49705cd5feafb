"""The labelled utterances that the speech-act classifier learns from."""

import dagster as dg
from pydantic import Field


class LabelledUtterances(dg.ConfigurableResource):
    """A JSON-lines file with the columns of the LABELLED table, or a folder of such files."""

    path: str = Field(description="Path of the JSON-lines file or folder.")
