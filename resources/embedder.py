"""Which model embeds."""

import dagster as dg
from pydantic import Field


class Embedder(dg.ConfigurableResource):
    """A sentence-embedding model, run on CUDA where there is one."""

    model: str = Field(description="`minilm`, or a path or hub name of a model with safetensors weights.")
