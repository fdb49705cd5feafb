"""What training and generation tell their caller. Nothing here loads a model."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where training stands after `step` of `steps`; `validation_loss` is null where this step measured none.

    `loss` is the mean per token since the last report, `tokens_per_second` that of this process.
    """

    step: int
    steps: int
    loss: float
    validation_loss: float | None
    tokens_per_second: float


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """What a training run did.

    `steps` were done, which is less than planned where it `stopped_early`; the model has the weights of `best_step`.
    `resumed_from` is the step of the checkpoint that this process went on from, 0 where it began. `tokens` (padding
    not counted) and the losses, as (step, nats per token), are of the whole run, `seconds` of this process;
    `dataset_tokens` is what one epoch reads. `parameters` counts an adapter in. `left_out` lists the ids of examples
    longer than the sequence length.
    """

    fingerprint: str
    method: str
    steps: int
    best_step: int
    stopped_early: bool
    resumed_from: int
    train_losses: list[tuple[int, float]]
    validation_losses: list[tuple[int, float]]
    tokens: int
    dataset_tokens: int
    seconds: float
    device: str
    parameters: int
    trainable_parameters: int
    left_out: list[str]


@dataclass(frozen=True, kw_only=True)
class Generated:
    """One answer; `tokens` counts what the model wrote, its end token included.

    `finish` is `stop` where the model came to an end, and `length` where the limit ended it. `prompt_was_cut` is true
    where the end of the question did not fit the model's window.
    """

    text: str
    tokens: int
    finish: str
    prompt_tokens: int
    prompt_was_cut: bool
