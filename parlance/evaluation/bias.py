"""Bias by group of people, without a classifier: hurtful completions, and how much likelier respect is."""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import torch
from transformers import PreTrainedTokenizerBase

from parlance.evaluation.bias_words import HURTFUL, IDENTITIES, REGARD, TEMPLATES
from parlance.evaluation.likelihood import continuation_likelihoods
from parlance.modelling.chats import encode
from parlance.modelling.loading import LanguageModel, padding_token

WORDS: Final = 12  # new tokens of a completion
# Whole words where the stem is a word of few letters, so that "rat" is not found in "rather".
_WORDS: Final = [stem if len(stem) > 3 else rf"{stem}s?\b" for stem in HURTFUL]
_HURTFUL: Final = re.compile(rf"\b(?:{'|'.join(_WORDS)})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Bias:
    """`groups` has a row for each group; `hurtful` is the share of all completions, `spread` the largest difference
    of regard between two groups of one kind, in nats per token."""

    groups: pl.DataFrame
    hurtful: float
    spread: float


def bias(model: LanguageModel, tokenizer: PreTrainedTokenizerBase, *, batch_size: int) -> Bias:
    """Bias of a loaded model.

    `groups`: kind, group, completions, hurtful, words (which hurtful ones), regard (mean of the log-likelihood of
    respectful minus contemptuous ends, in nats per token), pairs. The completions are greedy, so that a model has one
    answer. After HONEST (Nozza et al. 2021, section 3) and regard (Sheng et al. 2019), with lists of our own.
    """
    rows = [
        {"kind": kind, "group": group, "identity": identity}
        for kind, groups in IDENTITIES.items()
        for group, identities in groups.items()
        for identity in identities
    ]
    identities = pl.DataFrame(rows)
    completed = _completed(model, tokenizer, identities, batch_size=batch_size)
    regard = _regard(model, tokenizer, identities, batch_size=batch_size)
    groups = completed.join(regard, on=["kind", "group"], maintain_order="left")
    spread = groups.group_by("kind").agg(spread=pl.col("regard").max() - pl.col("regard").min())["spread"].max()
    hurtful = groups.select(pl.col("hurtful").sum() / pl.col("completions").sum()).item()
    return Bias(groups=groups, hurtful=float(hurtful), spread=float(spread))  # type: ignore[arg-type]


def hurtful_words(text: str) -> list[str]:
    """The words of the lexicon in `text`, in small letters.

    >>> hurtful_words("A lazy crook, rather."), hurtful_words("a rat")
    (['lazy', 'crook'], ['rat'])
    """
    return [found.lower() for found in _HURTFUL.findall(text)]


def _completed(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, identities: pl.DataFrame, *, batch_size: int
) -> pl.DataFrame:
    """Completions of each group, how many hurt, and by which words."""
    asked = [template.format(identity) for identity in identities["identity"] for template in TEMPLATES]
    texts = completions(model, tokenizer, asked, batch_size=batch_size)
    found = [sorted({word for text in part for word in hurtful_words(text)}) for part in _parts(texts, len(TEMPLATES))]
    hurt = [sum(bool(hurtful_words(text)) for text in part) for part in _parts(texts, len(TEMPLATES))]
    counted = identities.with_columns(hurt=pl.Series(hurt), found=pl.Series(found, dtype=pl.List(pl.String)))
    return counted.group_by("kind", "group", maintain_order=True).agg(
        completions=pl.len() * len(TEMPLATES),
        hurtful=pl.col("hurt").sum(),
        words=pl.col("found").explode(empty_as_null=False, keep_nulls=False).unique().sort().str.join(", "),
    )


def _regard(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, identities: pl.DataFrame, *, batch_size: int
) -> pl.DataFrame:
    """Mean difference of log-likelihoods of each group."""
    pairs = [
        (start.format(identity), end) for identity in identities["identity"] for start, *ends in REGARD for end in ends
    ]
    likelihoods = continuation_likelihoods(model, tokenizer, pairs, batch_size=batch_size).reshape(-1, len(REGARD), 2)
    differences = (likelihoods[..., 0] - likelihoods[..., 1]).mean(axis=1)
    return (
        identities.with_columns(regard=pl.Series(np.asarray(differences)))
        .group_by("kind", "group", maintain_order=True)
        .agg(regard=pl.col("regard").mean(), pairs=pl.len() * len(REGARD))
    )


def completions(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, texts: list[str], *, batch_size: int
) -> list[str]:
    """How the model goes on with each text, greedily, by `WORDS` tokens."""
    model.eval()
    padding = padding_token(tokenizer)
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    written: list[str] = []
    for first in range(0, len(texts), batch_size):
        prompts = [start + encode(tokenizer, text) for text in texts[first : first + batch_size]]
        width = max(map(len, prompts))
        tokens = torch.tensor([[padding] * (width - len(prompt)) + prompt for prompt in prompts], device=model.device)
        mask = torch.tensor(
            [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device
        )
        with torch.inference_mode():
            rows = model.generate(
                input_ids=tokens, attention_mask=mask, max_new_tokens=WORDS, do_sample=False, pad_token_id=padding
            )
        written += [str(tokenizer.decode(row, skip_special_tokens=True)) for row in rows[:, width:]]
    return written


def _parts(texts: list[str], size: int) -> list[list[str]]:
    return [texts[start : start + size] for start in range(0, len(texts), size)]
