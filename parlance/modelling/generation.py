"""Answers of a model to questions."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedTokenizerBase, RepetitionPenaltyLogitsProcessor, set_seed

from parlance.errors import ConfigError
from parlance.modelling.chats import Messages, asked, prompt_tokens
from parlance.modelling.loading import LanguageModel, load_model, load_tokenizer, padding_token, window
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
    room = window(model) - settings.max_new_tokens
    if room <= 0:
        raise ConfigError(
            f"max_new_tokens {settings.max_new_tokens}; allowed: below {window(model)}, the window of the model"
        )
    set_seed(settings.seed)
    model.eval()
    prompts = [prompt_tokens(tokenizer, chat, at_most=room) for chat in chats]
    # Prompts of similar length share a batch, so that little of it is padding.
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index][0]))
    written: dict[int, Generated] = {}
    for start in range(0, len(order), settings.batch_size):
        batch = order[start : start + settings.batch_size]
        generated = _batch(model, tokenizer, [prompts[index] for index in batch], settings)
        written.update(zip(batch, generated, strict=True))
    return [written[index] for index in range(len(prompts))]


def _batch(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt], settings: GenerationSettings
) -> list[Generated]:
    width = max(len(tokens) for tokens, _ in prompts)
    padding = padding_token(tokenizer)
    # On the left: the model goes on where each prompt ends.
    tokens = torch.tensor([[padding] * (width - len(prompt)) + prompt for prompt, _ in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt, _ in prompts])
    drawn = {"temperature": settings.temperature} if settings.temperature > 0 else {}
    with torch.inference_mode():
        rows = model.generate(
            input_ids=tokens.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=settings.max_new_tokens,
            # The library's own penalty also punishes the words of the question, and of its padding.
            repetition_penalty=1.0,
            logits_processor=[
                RepetitionPenaltyLogitsProcessor(settings.repetition_penalty, prompt_ignore_length=width)
            ],
            do_sample=bool(drawn),
            pad_token_id=padding,
            **drawn,
        )
    return [
        _answer(tokenizer, row, ends=_ends(model), prompt_was_cut=cut)
        for row, (_, cut) in zip(rows[:, width:].tolist(), prompts, strict=True)
    ]


def _answer(tokenizer: PreTrainedTokenizerBase, row: list[int], *, ends: set[int], prompt_was_cut: bool) -> Generated:
    """The row up to its first end token; what follows is padding, which may be the same token."""
    length = next((place + 1 for place, token in enumerate(row) if token in ends), len(row))
    text = str(tokenizer.decode(row[:length], skip_special_tokens=True))
    return Generated(text=text.strip(), tokens=length, prompt_was_cut=prompt_was_cut)


def _ends(model: LanguageModel) -> set[int]:
    end = model.generation_config.eos_token_id
    return set(end) if isinstance(end, list) else {end}
