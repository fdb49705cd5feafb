"""What documents are compared with."""

import dagster as dg
from pydantic import Field

from parlance.references import Named, read


class NamedReferences(dg.ConfigurableResource):
    """A YAML file that names lists of hosts and words, evaluation sets, and good and bad texts."""

    path: str = Field(description="Path of the YAML file.")

    def named(self) -> Named:
        """What the file names. Raises ConfigError for what it may not."""
        return read(self.path)
