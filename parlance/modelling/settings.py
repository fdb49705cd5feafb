"""Settings of training and generation. They are part of what a model's version is made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from parlance.errors import ConfigError

LLAMA_LINEAR_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
Method = Literal["lora", "full", "scratch"]
METHODS = get_args(Method)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """What pretraining and fine-tuning share.

    One step reads `batch_size * gradient_accumulation` sequences. The learning rate rises for `warmup_share` of the
    steps and falls along a cosine to zero; a gradient longer than `max_gradient_norm` is cut to it. `max_steps`
    (null: none) sets the number of steps in place of `epochs`.

    After `patience` (null: any number) validations in a row without a lower loss training stops, and the model has the
    weights of the lowest. `gradient_checkpointing` computes activations twice in place of keeping them.
    """

    sequence_length: int = 256
    epochs: int = 3
    max_steps: int | None = None
    batch_size: int = 2
    gradient_accumulation: int = 1
    learning_rate: float = 1.2e-3
    warmup_share: float = 0.05
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    seed: int = 1
    logging_steps: int = 20
    validation_steps: int = 100
    save_steps: int = 100
    patience: int | None = None
    gradient_checkpointing: bool = False

    def __post_init__(self) -> None:
        _whole(self, "sequence_length", at_least=8, at_most=131_072)
        if self.max_steps is not None:
            _whole(self, "max_steps", at_least=1)
        if self.patience is not None:
            _whole(self, "patience", at_least=1)
        _truth(self, "gradient_checkpointing")
        for name in (
            "epochs",
            "batch_size",
            "gradient_accumulation",
            "logging_steps",
            "validation_steps",
            "save_steps",
        ):
            _whole(self, name, at_least=1)
        _whole(self, "seed", at_least=0, at_most=2**32 - 1)
        _number(self, "learning_rate", above=0.0, at_most=1.0)
        _number(self, "warmup_share", at_least=0.0, at_most=1.0)
        _number(self, "weight_decay", at_least=0.0, at_most=1.0)
        _number(self, "max_gradient_norm", above=0.0, at_most=1_000.0)


@dataclass(frozen=True, kw_only=True)
class PretrainingSettings(TrainingSettings):
    """A small model of the Llama architecture, from scratch; the defaults suit some 100 to 300 thousand tokens.

    On so little text many small steps learn more than few large ones.

    `held_out_share` of the texts, chosen by their content, is not trained on: it measures the loss.
    """

    hidden_size: int = 192
    layers: int = 4
    heads: int = 4
    held_out_share: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        _whole(self, "hidden_size", at_least=8)
        _whole(self, "layers", at_least=1)
        _whole(self, "heads", at_least=1)
        _number(self, "held_out_share", at_least=0.0, at_most=0.5)
        # Rotary positions turn pairs of a head's dimensions.
        if self.hidden_size % (2 * self.heads):
            raise ConfigError(
                f"hidden_size {self.hidden_size} does not split into {self.heads} heads of even size; "
                f"allowed: multiples of {2 * self.heads}"
            )


@dataclass(frozen=True, kw_only=True)
class FinetuningSettings(TrainingSettings):
    """How a base model is taught to answer.

    `method` is `lora` (an adapter of `rank` on `target_modules`, scaled by `alpha / rank`), `full` (every weight) or
    `scratch` (every weight, from random ones: only the base's architecture and tokenizer are taken). With `lora`,
    `dropout` is the share of an adapter's input that is left out at random, and `train_embeddings` also trains the
    token embeddings in full: a base that never saw the chat tokens needs it.

    `packing` puts as many chats into one sequence as fit; none sees another, and a step reads more of them.
    """

    epochs: int = 1  # of a few hundred examples a second one is learned by heart
    batch_size: int = 4
    learning_rate: float = 1e-4
    logging_steps: int = 10
    validation_steps: int = 20
    save_steps: int = 20
    method: Method = "lora"
    packing: bool = False
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target_modules: Sequence[str] = LLAMA_LINEAR_LAYERS
    train_embeddings: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in METHODS:
            raise ConfigError(f"method {self.method!r}; allowed: {', '.join(METHODS)}")
        _truth(self, "packing")
        _truth(self, "train_embeddings")
        _whole(self, "rank", at_least=1, at_most=1024)
        _whole(self, "alpha", at_least=1, at_most=4096)
        _number(self, "dropout", at_least=0.0, at_most=0.9)
        if isinstance(self.target_modules, str) or not self.target_modules:
            raise ConfigError(f"target_modules {self.target_modules!r}; allowed: a list of at least one layer name")
        # JSON gives a list; equal settings must be equal values.
        object.__setattr__(self, "target_modules", tuple(self.target_modules))


@dataclass(frozen=True, kw_only=True)
class GenerationSettings:
    """How answers are written. `temperature` 0 always takes the likeliest token; above 0 it draws, by `seed`.

    `top_p` draws from the likeliest tokens that have that much probability together. No answer depends on
    `batch_size`, but for the last bits of sums on an accelerator.
    """

    max_new_tokens: int = 80
    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.2
    batch_size: int = 16
    seed: int = 1

    def __post_init__(self) -> None:
        _whole(self, "max_new_tokens", at_least=1, at_most=131_072)
        _number(self, "temperature", at_least=0.0, at_most=10.0)
        _number(self, "top_p", above=0.0, at_most=1.0)
        _number(self, "repetition_penalty", at_least=1.0, at_most=10.0)
        _whole(self, "batch_size", at_least=1)
        _whole(self, "seed", at_least=0, at_most=2**32 - 1)


def _whole(settings: object, name: str, *, at_least: int, at_most: int | None = None) -> None:
    value = getattr(settings, name)
    if type(value) is not int or value < at_least or (at_most is not None and value > at_most):
        bounds = f"at least {at_least}" if at_most is None else f"{at_least} to {at_most}"
        raise ConfigError(f"{name} {value!r}; allowed: whole numbers, {bounds}")


def _truth(settings: object, name: str) -> None:
    value = getattr(settings, name)
    if type(value) is not bool:
        raise ConfigError(f"{name} {value!r}; allowed: true, false")


def _number(
    settings: object, name: str, *, at_most: float, at_least: float = float("-inf"), above: float = float("-inf")
) -> None:
    value = getattr(settings, name)
    # Written so that NaN, which compares false with everything, is refused.
    if type(value) not in (int, float) or not (above < value <= at_most and value >= at_least):
        lower = f"above {above}" if at_least == float("-inf") else f"{at_least}"
        raise ConfigError(f"{name} {value!r}; allowed: numbers, {lower} to {at_most}")
