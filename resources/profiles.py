"""The task profiles that the corpus is compared with."""

import dagster as dg
from pydantic import Field

from parlance.profiles import Profile, read


class TaskProfiles(dg.ConfigurableResource):
    """A YAML file or a folder of such files, each a profile."""

    path: str = Field(description="Path of a profile or of a folder of profiles.")

    def profiles(self) -> dict[str, Profile]:
        """The profiles by name. Raises ConfigError for what they may not hold."""
        return read(self.path)
