"""A base model taught to answer, on chats with answers."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import peft
import polars as pl
import torch
from transformers import set_seed

from parlance.errors import ConfigError
from parlance.modelling.chats import TokenSequence, end_of_answer, labelled_examples, spoken
from parlance.modelling.fingerprints import fingerprint, identity
from parlance.modelling.loading import (
    LanguageModel,
    ends,
    load_model,
    load_tokenizer,
    padding_token,
    untrained_model,
    window,
)
from parlance.modelling.packing import packed, require_packing
from parlance.modelling.records import libraries, metrics_of, write_record
from parlance.modelling.reports import OnProgress, TrainingReport
from parlance.modelling.settings import FinetuningSettings
from parlance.modelling.training import OnSaved, train
from parlance.versions import content_version

COLUMNS = ("id", "split", "messages")
SPLITS = ("train", "validation")


def finetune(
    examples: pl.DataFrame,
    *,
    base: str,
    output: Path,
    checkpoints: Path,
    settings: FinetuningSettings,
    progress: OnProgress,
    saved: OnSaved | None = None,
) -> TrainingReport:
    """Trains `base` (a folder or a name on the hub) on the answers of split `train`; `validation` measures the loss.

    Needs the columns of `schemas.EXAMPLES` named in `COLUMNS`. Writes the model (with LoRA: merged) and its tokenizer
    to `output`, an adapter to `output/adapter`, and to `output/parlance.json` what the model was made from. Examples
    longer than `sequence_length` are left out, and listed in the report.
    """
    examples = examples.select(COLUMNS).filter(pl.col("split").is_in(SPLITS))
    data = [text for *names, chat in examples.iter_rows() for text in (*names, *spoken(chat))]
    name = fingerprint(settings, data=data, start=base)
    tokenizer = load_tokenizer(base)
    fitting, left_out = labelled_examples(tokenizer, examples, at_most=settings.sequence_length)
    sequences = {split: [one.sequence for one in fitting if one.split == split] for split in SPLITS}
    if not sequences["train"]:
        raise ConfigError(
            f"no example of split 'train' is left to train on: {examples.height} examples of train and validation, "
            f"{len(left_out)} of them longer than sequence_length {settings.sequence_length}"
        )
    model = prepared(base, settings)
    train_sequences: Sequence[TokenSequence] = sequences["train"]
    if settings.packing:
        require_packing(model)
        train_sequences = packed(train_sequences, length=settings.sequence_length)
    report = train(
        model,
        sequences=train_sequences,
        validation=sequences["validation"],
        padding=padding_token(tokenizer),
        checkpoints=checkpoints,
        fingerprint=name,
        settings=settings,
        progress=progress,
        method=settings.method,
        saved=saved,
        left_out=left_out,
    )
    _save(model, output, end=end_of_answer(tokenizer))
    tokenizer.save_pretrained(output)
    write_record(
        output,
        fingerprint=name,
        base=base,
        base_version=identity(base),
        dataset_version=content_version(data),
        settings=asdict(settings),
        metrics=metrics_of(report),
        libraries=libraries(),
    )
    return report


def prepared(base: str, settings: FinetuningSettings) -> LanguageModel:
    """The model that training starts from, by the `method` of the settings.

    Raises ConfigError where the model's window is shorter than `sequence_length`, or it lacks a target module.
    """
    model = untrained_model(base, seed=settings.seed) if settings.method == "scratch" else load_model(base)
    if settings.sequence_length > window(model):
        raise ConfigError(
            f"sequence_length {settings.sequence_length}; allowed: up to {window(model)}, the window of the base model"
        )
    return adapted(model, settings) if settings.method == "lora" else model


def adapted(model: LanguageModel, settings: FinetuningSettings) -> peft.PeftModel:
    """`model` with an untrained adapter; the seed decides its weights. Raises ConfigError for an unknown layer."""
    linear = {name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)}
    if unknown := sorted(set(settings.target_modules) - linear):
        raise ConfigError(f"target_modules {unknown} are not in the base model; its linear layers: {sorted(linear)}")
    set_seed(settings.seed)
    tied = bool(model.config.get_text_config().tie_word_embeddings)
    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.target_modules),
        modules_to_save=_embeddings(model, tied=tied) if settings.train_embeddings else None,
        ensure_weight_tying=tied and settings.train_embeddings,
    )
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 for an attribute under its former name.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return peft.get_peft_model(model, config)


def _save(model: LanguageModel, output: Path, *, end: int) -> None:
    """Writes the model; to whoever loads it, `end` is one of the tokens that end an answer."""
    if isinstance(model, peft.PeftModel):
        # False: the adapter holds the trained embeddings already; "auto" would ask the hub.
        model.save_pretrained(str(output / "adapter"), save_embedding_layers=False)
        model = model.merge_and_unload()
    model.generation_config.eos_token_id = sorted({end, *ends(model)})
    model.save_pretrained(output)


def _embeddings(model: LanguageModel, *, tied: bool) -> list[str]:
    """The last parts of the names of the embedding layers; where they are tied, the input's stands for both."""
    layers = [model.get_input_embeddings()] if tied else [model.get_input_embeddings(), model.get_output_embeddings()]
    return [name.rpartition(".")[2] for name, layer in model.named_modules() if any(layer is one for one in layers)]
