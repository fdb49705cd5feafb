"""One training run: the Trainer of transformers, made to resume exactly and to report what it does."""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from parlance.errors import ConfigError
from parlance.modelling.chats import IGNORED, TokenSequence
from parlance.modelling.checkpoints import latest_checkpoint, step_of
from parlance.modelling.loading import LanguageModel, device
from parlance.modelling.reports import OnProgress, Progress, TrainingReport
from parlance.modelling.settings import TrainingSettings

Batch = dict[str, torch.Tensor]


class Sequences(Protocol):
    """Sequences by position, each with its `input_ids` and its `labels`."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> TokenSequence: ...


def train(
    model: LanguageModel,
    *,
    sequences: Sequences,
    validation: Sequences,
    padding: int,
    checkpoints: Path,
    fingerprint: str,
    settings: TrainingSettings,
    progress: OnProgress,
    left_out: Sequence[str] = (),
) -> TrainingReport:
    """Trains `model` in place, from the last complete checkpoint of the run `fingerprint` where there is one.

    On the same machine's CPU a run that was cut short and resumed ends with the same weights, bit for bit, as one
    that was not. Raises ConfigError where the loss stops being a number.
    """
    checkpoint = latest_checkpoint(checkpoints, fingerprint=fingerprint)
    # Before training, which removes older checkpoints.
    resumed_from = step_of(checkpoint) if checkpoint else 0
    steps = number_of_steps(len(sequences), settings)
    use_cache = model.config.use_cache
    trainer = Trainer(
        model=model,
        args=_arguments(settings, steps=steps, folder=checkpoints, validate=len(validation) > 0),
        train_dataset=sequences,
        eval_dataset=validation if len(validation) else None,
        data_collator=collate(padding),
        callbacks=[_Reporter(progress)],
    )
    trainer.remove_callback(PrinterCallback)
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    model.config.use_cache = use_cache  # the Trainer turns it off, and it is saved with the model
    history = trainer.state.log_history
    return TrainingReport(
        fingerprint=fingerprint,
        steps=steps,
        resumed_from=resumed_from,
        train_losses=[(int(entry["step"]), entry["loss"]) for entry in history if "loss" in entry],
        validation_losses=[(int(entry["step"]), entry["eval_loss"]) for entry in history if "eval_loss" in entry],
        tokens=int(trainer.state.num_input_tokens_seen),
        seconds=time.monotonic() - started,
        device=device().type,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        trainable_parameters=sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
        left_out=list(left_out),
    )


def number_of_steps(sequences: int, settings: TrainingSettings) -> int:
    """Steps of the whole run; the last step of an epoch may read less than a full one."""
    if settings.max_steps is not None:
        return settings.max_steps
    batches = math.ceil(sequences / settings.batch_size)
    return settings.epochs * math.ceil(batches / settings.gradient_accumulation)


def collate(padding: int) -> Callable[[Sequence[TokenSequence]], Batch]:
    """Sequences to one batch, padded on the right; padding is neither attended to nor learned."""

    def batch_of(sequences: Sequence[TokenSequence]) -> Batch:
        shape = len(sequences), max(len(sequence["input_ids"]) for sequence in sequences)
        tokens = torch.full(shape, padding, dtype=torch.long)
        labels = torch.full(shape, IGNORED, dtype=torch.long)
        mask = torch.zeros(shape, dtype=torch.long)
        for row, sequence in enumerate(sequences):
            length = len(sequence["input_ids"])
            tokens[row, :length] = torch.as_tensor(sequence["input_ids"], dtype=torch.long)
            labels[row, :length] = torch.as_tensor(sequence["labels"], dtype=torch.long)
            mask[row, :length] = 1
        return {"input_ids": tokens, "attention_mask": mask, "labels": labels}

    return batch_of


def _arguments(settings: TrainingSettings, *, steps: int, folder: Path, validate: bool) -> TrainingArguments:
    cuda = device().type == "cuda"
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(settings.warmup_share * steps),
        weight_decay=settings.weight_decay,
        seed=settings.seed,
        bf16=cuda,
        use_cpu=not cuda,
        dataloader_pin_memory=cuda,
        logging_steps=settings.logging_steps,
        # By default a loss that is not a number is hidden behind the mean of the others.
        logging_nan_inf_filter=False,
        include_num_input_tokens_seen="non_padding",
        eval_strategy="steps" if validate else "no",
        eval_steps=settings.validation_steps,
        prediction_loss_only=True,
        save_steps=settings.save_steps,
        # Two, so that the one before is there when a process dies while it writes the last.
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
    )


class _Reporter(TrainerCallback):
    """Calls `progress` once for each logged step, after its validation where it has one."""

    def __init__(self, progress: OnProgress) -> None:
        self.progress = progress
        self.loss = math.nan
        self.started, self.tokens_before = 0.0, 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.started, self.tokens_before = time.monotonic(), int(state.num_input_tokens_seen)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        # So that no validation and no end comes without the loss of its step.
        control.should_log = control.should_log or control.should_evaluate or state.global_step >= state.max_steps

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs is None or "loss" not in logs:
            return
        self.loss = logs["loss"]
        if not math.isfinite(self.loss):
            raise ConfigError(
                f"the loss is {self.loss} at step {state.global_step} with learning_rate {args.learning_rate}; "
                "choose a lower learning_rate or a longer warmup_share"
            )
        if not control.should_evaluate:
            self._report(state, validation_loss=None)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        self._report(state, validation_loss=metrics["eval_loss"] if metrics else None)

    def _report(self, state: TrainerState, *, validation_loss: float | None) -> None:
        tokens = int(state.num_input_tokens_seen) - self.tokens_before
        self.progress(
            Progress(
                step=state.global_step,
                steps=state.max_steps,
                loss=self.loss,
                validation_loss=validation_loss,
                tokens_per_second=tokens / max(time.monotonic() - self.started, 1e-9),
            )
        )
