"""A base model taught to answer, by LoRA on chats with answers."""

import json
import warnings
from dataclasses import asdict
from pathlib import Path

import peft
import polars as pl
import torch
from transformers import set_seed

from parlance.errors import ConfigError
from parlance.modelling.chats import labelled_examples, spoken
from parlance.modelling.fingerprints import fingerprint
from parlance.modelling.loading import LanguageModel, load_model, load_tokenizer, padding_token, window
from parlance.modelling.reports import OnProgress, TrainingReport
from parlance.modelling.settings import FinetuningSettings
from parlance.modelling.training import train
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
) -> TrainingReport:
    """Trains `base` (a folder or a name on the hub) on the answers of split `train`; `validation` measures the loss.

    Needs the columns of `schemas.EXAMPLES` named in `COLUMNS`. Writes the merged model and its tokenizer to `output`,
    the adapter to `output/adapter`, and to `output/parlance.json` what the model was made from. Examples longer
    than `sequence_length` are left out, and listed in the report.
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
    model = adapted(load_model(base), settings)
    report = train(
        model,
        sequences=sequences["train"],
        validation=sequences["validation"],
        padding=padding_token(tokenizer),
        checkpoints=checkpoints,
        fingerprint=name,
        settings=settings,
        progress=progress,
        left_out=left_out,
    )
    # False: the adapter holds the trained embeddings already; "auto" would ask the hub.
    model.save_pretrained(str(output / "adapter"), save_embedding_layers=False)
    model.merge_and_unload().save_pretrained(output)
    tokenizer.save_pretrained(output)
    made_from = {"base": base, "data": content_version(data), "settings": asdict(settings)}
    card = {"fingerprint": name, "steps": report.steps, **made_from}
    (output / "parlance.json").write_text(json.dumps(card, indent=1), encoding="utf-8")
    return report


def adapted(model: LanguageModel, settings: FinetuningSettings) -> peft.PeftModel:
    """`model` with an untrained adapter; the seed decides its weights.

    Raises ConfigError where the model's window is shorter than `sequence_length` or lacks a target module.
    """
    if settings.sequence_length > window(model):
        raise ConfigError(
            f"sequence_length {settings.sequence_length}; allowed: up to {window(model)}, the window of the base model"
        )
    linear = {name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)}
    if unknown := sorted(set(settings.target_modules) - linear):
        raise ConfigError(f"target_modules {unknown} are not in the base model; its linear layers: {sorted(linear)}")
    set_seed(settings.seed)
    tied = bool(model.config.get_text_config().tie_word_embeddings)
    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        target_modules=list(settings.target_modules),
        modules_to_save=_embeddings(model, tied=tied) if settings.train_embeddings else None,
        ensure_weight_tying=tied and settings.train_embeddings,
    )
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 for an attribute under its former name.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return peft.get_peft_model(model, config)


def _embeddings(model: LanguageModel, *, tied: bool) -> list[str]:
    """The last parts of the names of the embedding layers; where they are tied, the input's stands for both."""
    layers = [model.get_input_embeddings()] if tied else [model.get_input_embeddings(), model.get_output_embeddings()]
    return [name.rpartition(".")[2] for name, layer in model.named_modules() if any(layer is one for one in layers)]
