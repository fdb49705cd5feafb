"""A model in this process by vLLM, on CUDA: https://docs.vllm.ai/en/latest/serving/offline_inference/."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import TemplateError

from parlance.inference.requests import Outcome, Request
from parlance.inference.schema import AnswerSchema
from parlance.modelling.chats import whole_prompt
from parlance.modelling.loading import load_tokenizer
from parlance.modelling.settings import GenerationSettings


class OnVllm:
    """The model in a folder. vLLM makes its own batches of the `together` requests that it is given at a time.

    They come as tokens: so chats are written as they were learned, and no message writes the structure of one. vLLM is
    installed in an environment of its own, so it is imported where it is used.
    """

    def __init__(self, model: str, *, schema: AnswerSchema | None, together: int) -> None:
        from vllm import LLM, SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        self._tokenizer = load_tokenizer(model)
        self._engine = LLM(model=model, seed=0)
        self._parameters = SamplingParams
        self._together = together
        self._shape = {"structured_outputs": StructuredOutputsParams(json=schema.schema)} if schema else {}

    def answers(self, requests: Sequence[Request], settings: GenerationSettings) -> Iterator[Outcome]:
        """As Writer has it."""
        for start in range(0, len(requests), self._together):
            yield from self._lot(requests[start : start + self._together], settings)

    def _lot(self, requests: Sequence[Request], settings: GenerationSettings) -> Iterator[Outcome]:
        started = time.monotonic()
        try:
            found = self._engine.generate(
                [{"prompt_token_ids": whole_prompt(self._tokenizer, one.messages)} for one in requests],
                [self._sampling(one, settings) for one in requests],
                use_tqdm=False,
            )
        except (ValueError, TemplateError) as error:  # one chat that cannot be written, or is too long
            if len(requests) == 1:
                yield Outcome(requests[0].id, error=f"vLLM refuses it: {error}"[:500])
                return
            for one in requests:
                yield from self._lot([one], settings)
            return
        seconds = (time.monotonic() - started) / len(requests)
        for request, output in zip(requests, found, strict=True):
            first = output.outputs[0]
            yield Outcome(
                id=request.id,
                text=first.text.strip(),
                finish=first.finish_reason or "",
                prompt_tokens=len(output.prompt_token_ids or ()),
                answer_tokens=len(first.token_ids),
                seconds=seconds,
            )

    def _sampling(self, request: Request, settings: GenerationSettings) -> Any:
        return self._parameters(
            max_tokens=settings.max_new_tokens,
            temperature=settings.temperature,
            top_p=settings.top_p,
            # No repetition_penalty: vLLM's also punishes the words of the question.
            seed=request.seed,
            **self._shape,
        )
