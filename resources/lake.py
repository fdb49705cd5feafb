"""The lake as a Dagster resource."""

import dagster as dg
from pydantic import Field

from parlance.lake import Lake


class LakeResource(dg.ConfigurableResource[Lake]):
    """Where all tables and files live. Credentials for `s3://` come from the environment, as AWS tools read them."""

    root: str = Field(description="A folder, or a prefix such as s3://bucket/parlance.")

    def open(self) -> Lake:
        return Lake(root=self.root)
