"""A model in this process by transformers."""

import time
from collections.abc import Iterator, Sequence

import torch
from jinja2 import TemplateError

from parlance.inference.requests import Outcome, Request
from parlance.modelling.chats import prompt_tokens
from parlance.modelling.generation import Prompt, batch_answers, by_length, room
from parlance.modelling.loading import load_model, load_tokenizer
from parlance.modelling.settings import GenerationSettings


class Local:
    """The model in a folder, or of a name on the hub, on CUDA where it is present. Errors as those of loading it."""

    def __init__(self, model: str) -> None:
        self._model, self._tokenizer = load_model(model), load_tokenizer(model)

    def answers(self, requests: Sequence[Request], settings: GenerationSettings) -> Iterator[Outcome]:
        """As Writer has it; drawn by the request's own seed. Raises ConfigError where the window leaves no room."""
        at_most = room(self._model, settings)
        written: list[tuple[Request, Prompt]] = []
        for request in requests:
            try:
                written.append((request, prompt_tokens(self._tokenizer, request.messages, at_most=at_most)))
            except TemplateError as error:  # the model's own chat template refuses this chat
                yield Outcome(request.id, error=f"chat template: {error}")
        for batch in by_length([prompt for _, prompt in written], settings.batch_size):
            yield from self._batch([written[place] for place in batch], settings)

    def _batch(self, written: Sequence[tuple[Request, Prompt]], settings: GenerationSettings) -> Iterator[Outcome]:
        """One batch; where it does not fit the accelerator, its halves, down to a request that does not fit alone."""
        started, lack = time.monotonic(), ""
        try:
            generated = batch_answers(
                self._model,
                self._tokenizer,
                [prompt for _, prompt in written],
                seeds=[request.seed for request, _ in written],
                settings=settings,
            )
        except torch.OutOfMemoryError as error:
            lack = f"out of memory: {error}"[:500]
        if lack:  # not above: until the error is left behind it holds what the batch held
            torch.cuda.empty_cache()
            if len(written) == 1:
                yield Outcome(written[0][0].id, error=lack)
                return
            half = len(written) // 2
            yield from self._batch(written[:half], settings)
            yield from self._batch(written[half:], settings)
            return
        seconds = (time.monotonic() - started) / len(written)
        for (request, _), one in zip(written, generated, strict=True):
            yield Outcome(
                id=request.id,
                text=one.text,
                finish=one.finish,
                prompt_tokens=one.prompt_tokens,
                answer_tokens=one.tokens,
                seconds=seconds,
                prompt_was_cut=one.prompt_was_cut,
            )
