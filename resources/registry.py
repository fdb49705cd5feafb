"""The registry of models as a Dagster resource."""

import dagster as dg
from pydantic import Field

from parlance.registry import Registry


class ModelRegistry(dg.ConfigurableResource["ModelRegistry"]):
    """MLflow's registry, in a database or on a server. Credentials of a server are read as MLflow reads them."""

    url: str = Field(description="sqlite:////folder/mlflow.db, or a server such as http://127.0.0.1:5000.")
    model: str = Field(default="parlance", description="Name of the registered model.")

    def open(self) -> Registry:
        return Registry(url=self.url, model=self.model)
