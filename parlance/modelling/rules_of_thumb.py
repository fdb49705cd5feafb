"""What the literature says of too little data, too many epochs and overfitting, held against a training report.

None of it is a law: a model can be of use that breaks all of them. Nothing here loads torch.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", table 3: some 20 tokens for each parameter.
TOKENS_PER_PARAMETER: Final = 20.0
# A handful of answers moves a large model hardly at all: at least a token for each 100,000 parameters.
PARAMETERS_PER_TOKEN: Final = 100_000.0
# Muennighoff et al. 2023, "Scaling Data-Constrained Language Models", section 6: up to 4 epochs are nearly as good as
# new data, beyond that each gives less.
EPOCHS: Final = 4.0
# Rises of the validation loss below this share of the lowest are noise.
RISE: Final = 0.01

Report = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Whether a rule holds, in words, with the numbers that were compared and what to do where it does not."""

    holds: bool
    said: str
    numbers: Mapping[str, float]
    advice: str = ""


def tokens_suffice(report: Report) -> Finding:
    """From scratch: 20 tokens read for each parameter. Fine-tuning: a token for each 100,000 parameters.

    >>> tokens_suffice({"method": "lora", "tokens": 5_000, "parameters": 1_000_000_000}).said
    '5,000 tokens for 1,000,000,000 parameters; fine-tuning wants 10,000'
    """
    tokens, parameters = report["tokens"], report["parameters"]
    scratch = report["method"] == "scratch"
    wanted = math.ceil(parameters * TOKENS_PER_PARAMETER if scratch else parameters / PARAMETERS_PER_TOKEN)
    holds = tokens >= wanted
    what = "training from scratch" if scratch else "fine-tuning"
    advice = (
        "take more text, a smaller model, or a base model that was trained already"
        if scratch
        else ("take more examples; so few change the model hardly at all, and a good prompt may do as much")
    )
    return Finding(
        holds=holds,
        said=f"{tokens:,} tokens for {parameters:,} parameters; {what} wants {wanted:,}",
        numbers={"tokens": tokens, "parameters": parameters, "wanted_tokens": wanted},
        advice="" if holds else advice,
    )


def data_is_not_repeated_too_often(report: Report) -> Finding:
    """Four epochs at most.

    >>> data_is_not_repeated_too_often({"tokens": 900, "dataset_tokens": 100}).said
    '9.0 epochs over 100 tokens; beyond 4 each gives less'
    """
    epochs = report["tokens"] / max(report["dataset_tokens"], 1)
    # The last step of a run may begin an epoch that it does not end.
    holds = round(epochs, 1) <= EPOCHS
    return Finding(
        holds=holds,
        said=f"{epochs:.1f} epochs over {report['dataset_tokens']:,} tokens; beyond {EPOCHS:.0f} each gives less",
        numbers={"epochs": epochs, "dataset_tokens": report["dataset_tokens"], "most_epochs": EPOCHS},
        advice=""
        if holds
        else f"take more text, or set epochs to {EPOCHS:.0f} or less (max_steps stands in for epochs)",
    )


def validation_loss_does_not_rise(report: Report) -> Finding:
    """The model's weights are those of the lowest validation loss, or of one within a hundredth of it.

    >>> losses = [(10, 2.0), (20, 1.5), (30, 1.8)]
    >>> validation_loss_does_not_rise({"validation_losses": losses, "best_step": 30}).said
    'validation loss 1.800 at step 30, 20.0% above its lowest, 1.500 at step 20'
    """
    losses = [(int(step), float(loss)) for step, loss in report["validation_losses"]]
    if not losses:
        return Finding(holds=True, said="nothing was held out for validation", numbers={})
    best, lowest = min(losses, key=lambda pair: pair[1])
    step, last = next(((at, loss) for at, loss in losses if at == report["best_step"]), losses[-1])
    rise = last / lowest - 1 if lowest > 0 else 0.0
    holds = rise <= RISE
    return Finding(
        holds=holds,
        said=f"validation loss {last:.3f} at step {step}, {rise:.1%} above its lowest, {lowest:.3f} at step {best}",
        numbers={"validation_loss": last, "lowest_validation_loss": lowest, "lowest_at_step": best, "most_rise": RISE},
        advice="" if holds else "the model learns its training text by heart: set patience, or take fewer epochs",
    )


RULES: Final[Sequence[Callable[[Report], Finding]]] = (
    tokens_suffice,
    data_is_not_repeated_too_often,
    validation_loss_does_not_rise,
)
