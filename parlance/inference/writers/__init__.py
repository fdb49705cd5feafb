"""Who answers: a model in this process by transformers or vLLM, or one behind an endpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from parlance.errors import ConfigError
from parlance.inference.requests import Writer
from parlance.inference.settings import WRITERS, InferenceSettings

if TYPE_CHECKING:
    from parlance.inference.schema import AnswerSchema


@dataclass(frozen=True, kw_only=True)
class Target:
    """`writer` (of WRITERS, `auto` not among them) with `model`: a folder, or the name that an endpoint knows.

    `url`, `key` and `cache`, a folder of answers by what was asked, are an endpoint's.
    """

    writer: str
    model: str
    url: str = ""
    key: str = ""
    cache: str = ""
    timeout_s: float = 120
    pause_s: float = 1


def chosen(writer: str) -> str:
    """`writer`, and for `auto` vLLM where it and a CUDA device are there, else transformers.

    >>> chosen("endpoint")
    'endpoint'
    """
    if writer not in WRITERS:
        raise ConfigError(f"unknown writer of drafts {writer!r}; known: {', '.join(WRITERS)}")
    if writer == "vllm" and find_spec("vllm") is None:
        raise ConfigError("vLLM is not installed; in an environment of its own with CUDA: pip install vllm")
    return ("vllm" if _has_vllm() else "transformers") if writer == "auto" else writer


def _has_vllm() -> bool:
    if find_spec("vllm") is None:
        return False
    import torch

    return torch.cuda.is_available()


@contextmanager
def opened(target: Target, settings: InferenceSettings, schema: "AnswerSchema | None") -> Iterator[Writer]:
    """The writer, as long as the block lasts. Raises ConfigError where the model or the address is wrong."""
    if target.writer == "endpoint":
        from parlance.inference.writers.served import Served
        from parlance.synthesis.cache import Cached
        from parlance.synthesis.server import Server

        server = Server(target.url, target.model, key=target.key, timeout_s=target.timeout_s, pause_s=target.pause_s)
        try:
            yield Served(server, Cached(server, Path(target.cache)), parallel=settings.parallel, schema=schema)
        finally:
            server.close()
    elif target.writer == "vllm":
        from parlance.inference.writers.on_vllm import OnVllm

        yield OnVllm(target.model, schema=schema, together=settings.keep_every)
    else:
        from parlance.inference.writers.local import Local

        yield Local(target.model)
