"""The labelled utterances that the speech-act classifier learns from, and how much of a classifier it is to be."""

import dagster as dg
from pydantic import Field


class LabelledUtterances(dg.ConfigurableResource):
    """A JSON-lines file with the columns of the LABELLED table, or a folder of such files."""

    path: str = Field(description="Path of the JSON-lines file or folder.")
    level: str = Field(default="full", description="full, or light: rules and fastText alone, far faster.")
