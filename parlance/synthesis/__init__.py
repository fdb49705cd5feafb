"""Examples that a language model writes from real ones, by self-instruct and evol-instruct; filtered, and marked.

The client of a real endpoint stands in `parlance.synthesis.server`, apart, because it loads an HTTP library.
"""

from parlance.synthesis.endpoint import Answer, Endpoint, RefusedError
from parlance.synthesis.generating import Synthesis, generate
from parlance.synthesis.settings import METHODS, SynthesisSettings

__all__ = ["METHODS", "Answer", "Endpoint", "RefusedError", "Synthesis", "SynthesisSettings", "generate"]
