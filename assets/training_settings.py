"""What the launchpad asks of a training."""

from typing import Literal

import dagster as dg
from pydantic import Field

from parlance.modelling.settings import FinetuningSettings, PretrainingSettings

# Of the settings that both trainings have.
EPOCHS = "How often the data is read."
MAX_STEPS = "Number of steps in place of epochs."
BATCH_SIZE = "Sequences read at once."
ACCUMULATION = "Batches for one step; the loss is the mean over the tokens of all of them."
CHECKPOINTING = "Compute activations twice in place of keeping them: a third more time, far less memory."
LEARNING_RATE = "The highest; it rises during the warm-up and falls along a cosine to zero."
WARMUP = "Share of the steps during which the learning rate rises."
DECAY = "How strongly weights are drawn to zero (AdamW)."
CLIPPING = "A longer gradient is cut to this length."
PATIENCE = "Stop after so many validations without a lower loss, and keep the weights of the lowest; null: never."
SEED = "Decides the first weights and the order of the data."
LOGGING = "Steps from one logged loss to the next."
VALIDATION = "Steps from one validation to the next."
SAVING = "Steps from one checkpoint to the next."


class PretrainingConfig(dg.Config):
    """The small base model and its training; used where no base model is configured."""

    hidden_size: int = Field(default=PretrainingSettings.hidden_size, description="Width: numbers for each token.")
    layers: int = Field(default=PretrainingSettings.layers, description="Transformer layers, one upon another.")
    heads: int = Field(
        default=PretrainingSettings.heads, description="Attention heads; hidden_size is a multiple of twice as many."
    )
    sequence_length: int = Field(
        default=PretrainingSettings.sequence_length, description="Tokens in a sequence, and the model's window."
    )
    epochs: int = Field(default=PretrainingSettings.epochs, description=EPOCHS)
    max_steps: int | None = Field(default=None, description=MAX_STEPS)
    batch_size: int = Field(default=PretrainingSettings.batch_size, description=BATCH_SIZE)
    gradient_accumulation: int = Field(default=PretrainingSettings.gradient_accumulation, description=ACCUMULATION)
    gradient_checkpointing: bool = Field(default=False, description=CHECKPOINTING)
    learning_rate: float = Field(default=PretrainingSettings.learning_rate, description=LEARNING_RATE)
    warmup_share: float = Field(default=PretrainingSettings.warmup_share, description=WARMUP)
    weight_decay: float = Field(default=PretrainingSettings.weight_decay, description=DECAY)
    max_gradient_norm: float = Field(default=PretrainingSettings.max_gradient_norm, description=CLIPPING)
    held_out_share: float = Field(
        default=PretrainingSettings.held_out_share, description="Share of the texts that only measures the loss."
    )
    patience: int | None = Field(default=None, description=PATIENCE)
    seed: int = Field(default=PretrainingSettings.seed, description=SEED)
    logging_steps: int = Field(default=PretrainingSettings.logging_steps, description=LOGGING)
    validation_steps: int = Field(default=PretrainingSettings.validation_steps, description=VALIDATION)
    save_steps: int = Field(default=PretrainingSettings.save_steps, description=SAVING)


class FinetuningConfig(dg.Config):
    """Fine-tuning on the instruct examples, with loss on the responses alone."""

    method: Literal["lora", "full", "scratch"] = Field(
        default=FinetuningSettings.method,
        description="lora: an adapter beside frozen weights; full: every weight; scratch: all, from random ones.",
    )
    rank: int = Field(default=FinetuningSettings.rank, description="LoRA: width of the adapter.")
    alpha: int = Field(default=FinetuningSettings.alpha, description="LoRA: the adapter counts alpha / rank.")
    dropout: float = Field(
        default=FinetuningSettings.dropout, description="LoRA: share of the adapter's input left out at random."
    )
    target_modules: list[str] = Field(
        default=list(FinetuningSettings.target_modules), description="LoRA: linear layers that get an adapter."
    )
    train_embeddings: bool = Field(
        default=True, description="LoRA: train the token embeddings too; a base without chat needs it."
    )
    sequence_length: int = Field(
        default=FinetuningSettings.sequence_length, description="Most tokens in a sequence; longer chats are left out."
    )
    packing: bool = Field(
        default=False, description="Several chats in one sequence, none of which sees another: less padding."
    )
    epochs: int = Field(default=FinetuningSettings.epochs, description=EPOCHS)
    max_steps: int | None = Field(default=None, description=MAX_STEPS)
    batch_size: int = Field(default=FinetuningSettings.batch_size, description=BATCH_SIZE)
    gradient_accumulation: int = Field(default=FinetuningSettings.gradient_accumulation, description=ACCUMULATION)
    gradient_checkpointing: bool = Field(default=False, description=CHECKPOINTING)
    learning_rate: float = Field(default=FinetuningSettings.learning_rate, description=LEARNING_RATE)
    warmup_share: float = Field(default=FinetuningSettings.warmup_share, description=WARMUP)
    weight_decay: float = Field(default=FinetuningSettings.weight_decay, description=DECAY)
    max_gradient_norm: float = Field(default=FinetuningSettings.max_gradient_norm, description=CLIPPING)
    patience: int | None = Field(default=None, description=PATIENCE)
    seed: int = Field(default=FinetuningSettings.seed, description=SEED)
    logging_steps: int = Field(default=FinetuningSettings.logging_steps, description=LOGGING)
    validation_steps: int = Field(default=FinetuningSettings.validation_steps, description=VALIDATION)
    save_steps: int = Field(default=FinetuningSettings.save_steps, description=SAVING)
