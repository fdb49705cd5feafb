"""Answers of a model to questions."""

import hashlib
from collections.abc import Iterator, Sequence

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedTokenizerBase,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from parlance.errors import ConfigError
from parlance.modelling.chats import Messages, asked, prompt_tokens
from parlance.modelling.loading import LanguageModel, ends, load_model, load_tokenizer, padding_token, window
from parlance.modelling.reports import Generated
from parlance.modelling.settings import GenerationSettings

Prompt = tuple[list[int], bool]


def generate(model: str, instructions: Sequence[str], *, settings: GenerationSettings) -> list[Generated]:
    """The answers of `model` (a folder or a name on the hub) to `instructions`, in their order.

    Raises ConfigError where `max_new_tokens` leaves no room for a question in the model's window.
    """
    if not instructions:
        return []
    chats = [asked(instruction) for instruction in instructions]
    return answers(load_model(model), load_tokenizer(model), chats, settings=settings)


def answers(
    model: LanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    chats: Sequence[Messages],
    *,
    settings: GenerationSettings,
) -> list[Generated]:
    """What a loaded model answers to each chat; errors as `generate`."""
    at_most = room(model, settings)
    prompts = [prompt_tokens(tokenizer, chat, at_most=at_most) for chat in chats]
    seeds = [_seed(settings.seed, tokens) for tokens, _ in prompts]
    written: dict[int, Generated] = {}
    for batch in by_length(prompts, settings.batch_size):
        chosen = [prompts[index] for index in batch]
        generated = batch_answers(model, tokenizer, chosen, seeds=[seeds[index] for index in batch], settings=settings)
        written.update(zip(batch, generated, strict=True))
    return [written[index] for index in range(len(prompts))]


def room(model: LanguageModel, settings: GenerationSettings) -> int:
    """How many tokens of the model's window are left for a prompt. Raises ConfigError where none is."""
    left = window(model) - settings.max_new_tokens
    if left <= 0:
        raise ConfigError(
            f"max_new_tokens {settings.max_new_tokens}; allowed: below {window(model)}, the window of the model"
        )
    return left


def by_length(prompts: Sequence[Prompt], batch_size: int) -> Iterator[list[int]]:
    """Places of prompts in batches: those of similar length share one, so that little of it is padding."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index][0]))
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def batch_answers(
    model: LanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    *,
    seeds: Sequence[int],
    settings: GenerationSettings,
) -> list[Generated]:
    """The answers to prompts that are generated together; each is drawn by its own seed, whatever is beside it."""
    model.eval()
    width = max(len(tokens) for tokens, _ in prompts)
    padding = padding_token(tokenizer)
    # On the left: the model goes on where each prompt ends.
    tokens = torch.tensor([[padding] * (width - len(prompt)) + prompt for prompt, _ in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt, _ in prompts])
    with torch.inference_mode():
        rows = model.generate(
            input_ids=tokens.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=settings.max_new_tokens,
            # The library's own penalty also punishes the words of the question, and of its padding.
            repetition_penalty=1.0,
            logits_processor=_processors(settings, seeds, width=width),
            do_sample=False,
            pad_token_id=padding,
        )
    return [
        _answer(tokenizer, row, prompt, ends=ends(model))
        for row, prompt in zip(rows[:, width:].tolist(), prompts, strict=True)
    ]


class _Noise(LogitsProcessor):
    """Gumbel noise on each row from a generator of its own: the likeliest token is then a draw from the softmax.

    The library draws all rows from one generator, so that an answer would depend on its batch. The trick is that of
    Maddison, Tarlow and Minka, A* Sampling (2014), section 2.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.Tensor:
        words = scores.shape[-1]
        noise = torch.stack([torch.empty(words).exponential_(generator=one) for one in self._generators])
        return scores - noise.log().to(scores)


def _processors(settings: GenerationSettings, seeds: Sequence[int], *, width: int) -> LogitsProcessorList:
    found: list[LogitsProcessor] = [
        RepetitionPenaltyLogitsProcessor(settings.repetition_penalty, prompt_ignore_length=width)
    ]
    if settings.temperature > 0:
        found.append(TemperatureLogitsWarper(float(settings.temperature)))
        if settings.top_p < 1:
            found.append(TopPLogitsWarper(float(settings.top_p)))
        found.append(_Noise(seeds))
    return LogitsProcessorList(found)


def _seed(seed: int, tokens: Sequence[int]) -> int:
    """A seed of its own for each prompt, which depends on nothing but the prompt."""
    digest = hashlib.blake2b(repr((seed, list(tokens))).encode(), digest_size=7)
    return int.from_bytes(digest.digest(), "big")


def _answer(tokenizer: PreTrainedTokenizerBase, row: list[int], prompt: Prompt, *, ends: set[int]) -> Generated:
    """The row up to its first end token; what follows is padding, which may be the same token."""
    end = next((place for place, token in enumerate(row) if token in ends), None)
    length = len(row) if end is None else end + 1
    text = str(tokenizer.decode(row[:length], skip_special_tokens=True))
    return Generated(
        text=text.strip(),
        tokens=length,
        finish="length" if end is None else "stop",
        prompt_tokens=len(prompt[0]),
        prompt_was_cut=prompt[1],
    )
