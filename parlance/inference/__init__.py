"""Batch inference: each request answered once, by a model here or behind an endpoint, whatever breaks meanwhile.

Importing this package loads no torch, no HTTP library and none for JSON schemas; `writers.opened` loads what its
writer needs, `schema` is imported by whoever has one.
"""

from parlance.inference.prompts import Prompt
from parlance.inference.requests import Outcome, Request, request_id
from parlance.inference.running import run
from parlance.inference.settings import InferenceSettings

__all__ = ["InferenceSettings", "Outcome", "Prompt", "Request", "request_id", "run"]
