"""How long an answer takes, one at a time, as for a person who waits."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase, StoppingCriteria, StoppingCriteriaList

from parlance.modelling.chats import Messages, prompt_tokens
from parlance.modelling.loading import LanguageModel, padding_token, window
from parlance.modelling.settings import GenerationSettings


@dataclass
class _Clock(StoppingCriteria):
    """Stops nothing; notes when each token was there."""

    times: list[float] = field(default_factory=list)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        self.times.append(_now(input_ids.device))
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def speed(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, chats: Sequence[Messages], *, settings: GenerationSettings
) -> dict[str, float]:
    """Seconds of an answer (`latency_p50_s`, `_p95_s`) and to its first token (`first_token_p50_s`), tokens a second.

    Each chat is answered alone, greedily; the first is answered once before, so that what is loaded at first use does
    not count. The figures are of this machine as busy as it is.
    """
    model.eval()
    room = window(model) - settings.max_new_tokens
    prompts = [prompt_tokens(tokenizer, chat, at_most=room)[0] for chat in chats]
    _timed(model, tokenizer, prompts[0], settings)
    timed = [_timed(model, tokenizer, prompt, settings) for prompt in prompts]
    whole, first = ([times[place] for times in timed] for place in (-1, 0))
    return {
        "latency_p50_s": float(np.quantile(whole, 0.5)),
        "latency_p95_s": float(np.quantile(whole, 0.95)),
        "first_token_p50_s": float(np.quantile(first, 0.5)),
        "first_token_p95_s": float(np.quantile(first, 0.95)),
        "tokens_per_second": sum(map(len, timed)) / max(sum(whole), 1e-9),
    }


def _timed(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, prompt: list[int], settings: GenerationSettings
) -> list[float]:
    """Seconds from the start to each token."""
    clock = _Clock()
    tokens = torch.tensor([prompt], device=model.device)
    start = _now(model.device)
    with torch.inference_mode():
        model.generate(
            input_ids=tokens,
            attention_mask=torch.ones_like(tokens),
            max_new_tokens=settings.max_new_tokens,
            do_sample=False,
            pad_token_id=padding_token(tokenizer),
            stopping_criteria=StoppingCriteriaList([clock]),
        )
    return [at - start for at in clock.times]


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
