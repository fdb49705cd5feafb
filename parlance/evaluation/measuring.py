"""Everything that is measured of one model, which is loaded once."""

from collections.abc import Sequence

import polars as pl
from transformers import PreTrainedTokenizerBase

from parlance.errors import ConfigError
from parlance.evaluation.bias import bias
from parlance.evaluation.health import health, summary
from parlance.evaluation.likelihood import answer_likelihoods
from parlance.evaluation.prompts import Match, Prompt
from parlance.evaluation.reports import Measured
from parlance.evaluation.scoring import score, tested
from parlance.evaluation.speed import speed
from parlance.modelling.chats import asked
from parlance.modelling.generation import answers
from parlance.modelling.loading import LanguageModel, load_model, load_tokenizer
from parlance.modelling.settings import GenerationSettings

PROMPT_SCHEMA = {
    "id": pl.String,
    "match": pl.String,
    "prompt": pl.String,
    "answer": pl.String,
    "value": pl.Float64,
    "right": pl.Boolean,
}


def measure(
    model: str,
    examples: pl.DataFrame,
    *,
    base: str | None,
    prompts: Sequence[Prompt],
    timed: int,
    settings: GenerationSettings,
) -> Measured:
    """Measures `model` (a folder or a name on the hub) on split `test`, on `prompts`, and itself.

    `base` is what its weights are compared with, if anything; `timed` answers are timed. Raises ConfigError as
    `evaluate` does, and for `timed` below 1.
    """
    if timed < 1:
        raise ConfigError(f"timed {timed}; allowed: 1 answer or more")
    loaded, tokenizer = load_model(model), load_tokenizer(model)
    evaluation = score(loaded, tokenizer, examples, settings=settings)
    judged = judge(loaded, tokenizer, prompts, settings=settings)
    biased = bias(loaded, tokenizer, batch_size=settings.batch_size)
    chats = [messages[:-1] for messages in tested(examples)["messages"].to_list()[:timed]]
    layers = health(model, base=base)
    figures = {
        **evaluation.figures(),
        **({"prompts_right": judged["right"].sum() / judged.height} if judged.height else {}),
        "hurtful_share": biased.hurtful,
        "regard_spread": biased.spread,
        **summary(layers),
        **speed(loaded, tokenizer, chats, settings=settings),
    }
    return Measured(
        figures=figures,
        examples=evaluation.answers.join(evaluation.scores, on="id", maintain_order="left"),
        prompts=judged,
        bias=biased.groups,
        health=layers,
        left_out=evaluation.left_out,
    )


def judge(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt], *, settings: GenerationSettings
) -> pl.DataFrame:
    """What the model answers to each prompt, how far that is what was expected, and whether it is enough.

    Of a `choice` the answer is the likeliest of the choices, by the mean over its tokens.
    """
    open_ended = [prompt for prompt in prompts if prompt.match != Match.CHOICE]
    written = answers(model, tokenizer, [asked(prompt.prompt) for prompt in open_ended], settings=settings)
    said = {prompt.id: answer.text for prompt, answer in zip(open_ended, written, strict=True)}
    said |= {prompt.id: _chosen(model, tokenizer, prompt, settings) for prompt in prompts if prompt.id not in said}
    rows = []
    for prompt in prompts:
        value = prompt.judge(said[prompt.id])
        rows.append((prompt.id, prompt.match.value, prompt.prompt, said[prompt.id], value, prompt.is_right(value)))
    return pl.DataFrame(rows, schema=PROMPT_SCHEMA, orient="row")


def _chosen(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, prompt: Prompt, settings: GenerationSettings
) -> str:
    pairs = [(prompt.prompt, choice) for choice in prompt.choices]
    likelihoods = answer_likelihoods(model, tokenizer, pairs, batch_size=settings.batch_size)
    return prompt.choices[int(likelihoods.argmax())]
