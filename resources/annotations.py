"""Where finished annotations are put, the guide that they were made by, and who decides."""

import dagster as dg
from pydantic import Field

from parlance.annotation.guide import Guide, read_guide


class Annotations(dg.ConfigurableResource[None]):
    """A folder of files that doccano, Label Studio or Prodigy exported."""

    folder: str = Field(description="Finished annotation files; it may hold folders.")
    guide: str = Field(description="The annotation guide, a Markdown file with a line such as `Version 1.`.")
    adjudicator: str = Field(description="The annotator who decides what the others disagree on.")

    def read_guide(self) -> Guide:
        return read_guide(self.guide)
