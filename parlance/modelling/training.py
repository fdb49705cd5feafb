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
from parlance.modelling.packing import block_diagonal, positions
from parlance.modelling.reports import OnProgress, Progress, TrainingReport
from parlance.modelling.settings import TrainingSettings
from parlance.modelling.stopping import KeepBest, best_step, is_over, losses_of, restore, validation_losses

Batch = dict[str, torch.Tensor]
OnSaved = Callable[[], None]


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
    method: str = "scratch",
    saved: OnSaved | None = None,
    left_out: Sequence[str] = (),
) -> TrainingReport:
    """Trains `model` in place by `method`, from the last complete checkpoint of the run `fingerprint` if there is one.

    With `patience` in the settings the model has the weights of the lowest validation loss in the end. On the same
    machine's CPU a run that was cut short and resumed ends with the same weights, bit for bit, as one that was not.
    `saved` is called after each checkpoint. Raises ConfigError where the loss stops being a number, and where
    `patience` finds no validation.
    """
    if settings.patience is not None and not len(validation):
        raise ConfigError(f"patience {settings.patience}, but nothing is held out for validation; set patience null")
    checkpoint = latest_checkpoint(checkpoints, fingerprint=fingerprint)
    # Before training, which removes older checkpoints.
    resumed_from = step_of(checkpoint) if checkpoint else 0
    steps = number_of_steps(len(sequences), settings)
    if checkpoint and is_over(losses_of(checkpoint), patience=settings.patience):
        steps = resumed_from  # it stopped early there: not a step more
    use_cache = model.config.use_cache
    callbacks: list[TrainerCallback] = [_Reporter(progress)]
    if settings.patience is not None:
        callbacks.append(KeepBest(checkpoints, model, patience=settings.patience))
    if saved is not None:  # the last: what the others removed is not to be copied
        callbacks.append(_Saved(saved))
    trainer = PackedTrainer(
        model=model,
        args=_arguments(settings, steps=steps, folder=checkpoints, validate=len(validation) > 0),
        train_dataset=sequences,
        eval_dataset=validation if len(validation) else None,
        data_collator=collate(padding),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    model.config.use_cache = use_cache  # the Trainer turns it off, and it is saved with the model
    history = trainer.state.log_history
    losses, done = validation_losses(history), int(trainer.state.global_step)
    best = done if settings.patience is None else best_step(losses) or done
    if best != done:
        restore(model, checkpoints, step=best)
    return TrainingReport(
        fingerprint=fingerprint,
        method=method,
        steps=done,
        best_step=best,
        stopped_early=is_over(losses, patience=settings.patience),
        resumed_from=resumed_from,
        train_losses=[(int(entry["step"]), entry["loss"]) for entry in history if "loss" in entry],
        validation_losses=losses,
        tokens=int(trainer.state.num_input_tokens_seen),
        dataset_tokens=sum(len(sequences[index]["input_ids"]) for index in range(len(sequences))),
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
    """Sequences to one batch, padded on the right; padding is neither attended to nor learned.

    Of packed sequences it has `chats`, from which the Trainer makes their mask, and the positions in them.
    """

    def batch_of(sequences: Sequence[TokenSequence]) -> Batch:
        shape = len(sequences), max(len(sequence["input_ids"]) for sequence in sequences)
        tokens = torch.full(shape, padding, dtype=torch.long)
        labels = torch.full(shape, IGNORED, dtype=torch.long)
        mask = torch.zeros(shape, dtype=torch.long)
        chats = torch.zeros(shape, dtype=torch.long)
        for row, sequence in enumerate(sequences):
            length = len(sequence["input_ids"])
            tokens[row, :length] = torch.as_tensor(sequence["input_ids"], dtype=torch.long)
            labels[row, :length] = torch.as_tensor(sequence["labels"], dtype=torch.long)
            mask[row, :length] = 1
            if "chats" in sequence:
                chats[row, :length] = torch.as_tensor(sequence["chats"], dtype=torch.long)
        batch = {"input_ids": tokens, "attention_mask": mask, "labels": labels}
        return batch | {"position_ids": positions(chats), "chats": chats} if chats.any() else batch

    return batch_of


def _arguments(settings: TrainingSettings, *, steps: int, folder: Path, validate: bool) -> TrainingArguments:
    cuda = device().type == "cuda"
    return OneDevice(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(settings.warmup_share * steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        seed=settings.seed,
        activation_checkpointing=settings.gradient_checkpointing,
        # The other kind gives frozen embeddings no gradient to hand on.
        activation_checkpointing_kwargs={"use_reentrant": False},
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


class OneDevice(TrainingArguments):
    """Arguments of a process that trains on one device, however many there are.

    The Trainer would put a batch on each of them in a step, of which `number_of_steps` and the settings know nothing.
    """

    @property
    def n_gpu(self) -> int:
        return min(1, int(super().n_gpu))


class PackedTrainer(Trainer):
    """The Trainer of transformers, which also reads packed sequences.

    Their mask, of length times length, is made here, on the device; until then tokens are counted by that of padding.
    """

    def compute_loss(self, model: Any, inputs: Batch, *args: Any, **kwargs: Any) -> Any:
        if "chats" in inputs:
            rest = {name: tensor for name, tensor in inputs.items() if name != "chats"}
            inputs = rest | {"attention_mask": block_diagonal(inputs["chats"])}
        return super().compute_loss(model, inputs, *args, **kwargs)


class _Saved(TrainerCallback):
    """Calls `saved` after each checkpoint."""

    def __init__(self, saved: OnSaved) -> None:
        self.saved = saved

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.saved()


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
