"""From the corpus to a model and its drafts. Each function runs in the training process: it may load torch."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from parlance import instruct, modelling, schemas
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.modelling.settings import FinetuningSettings, GenerationSettings, PretrainingSettings
from parlance.stages.corpus import kept_texts
from parlance.storage import record_batches
from parlance.versions import content_version, version

BASE = "base.json"
REPORT = "report.json"
TEMPLATE = "chat-1"


def pretraining_texts(lake: Lake, lanes: Sequence[str]) -> Iterator[str]:
    """The kept corpus without the threads held out for validation and test: no answer is seen before it is asked."""
    held_out = lake.table("instruct/examples").scan().filter(pl.col("split") != "train").select("document_id")
    yield from kept_texts(lake, lanes, without=set(held_out.collect()["document_id"]))


def train_examples(lake: Lake) -> pl.DataFrame:
    """Examples in the order of their ids."""
    return lake.table("instruct/examples").scan().sort("id").collect()


def corpus_version(lake: Lake, lanes: Sequence[str]) -> str:
    return content_version(pretraining_texts(lake, lanes))


def examples_version(lake: Lake) -> str:
    rows = train_examples(lake).select("id", "split", "messages").iter_rows()
    return content_version(
        text for *names, chat in rows for text in (*names, *(part for one in chat for part in one.values()))
    )


def pretrain(
    lake: Lake,
    lanes: Sequence[str],
    *,
    tokenizer: Path,
    folder: Path,
    checkpoints: Path,
    settings: PretrainingSettings,
    progress: modelling.OnProgress,
) -> dict[str, Any]:
    """Trains the small base model from scratch on the corpus and the chat form of the training examples."""
    chats = modelling.chat_texts(train_examples(lake).filter(pl.col("split") == "train"), tokenizer=tokenizer)
    report = modelling.pretrain(
        pretraining_texts(lake, lanes),
        chats=chats,
        tokenizer=tokenizer,
        output=folder,
        checkpoints=checkpoints,
        settings=settings,
        progress=progress,
    )
    return _saved(asdict(report), folder)


def finetune(
    lake: Lake,
    *,
    base: str,
    folder: Path,
    checkpoints: Path,
    settings: FinetuningSettings,
    progress: modelling.OnProgress,
) -> dict[str, Any]:
    """Fine-tunes `base` on the examples."""
    report = modelling.finetune(
        train_examples(lake), base=base, output=folder, checkpoints=checkpoints, settings=settings, progress=progress
    )
    return _saved(asdict(report), folder)


def evaluate(lake: Lake, *, models: dict[str, str], settings: GenerationSettings) -> dict[str, Any]:
    """Figures of each model on the test split, and a few of its answers."""
    examples = train_examples(lake)
    figures, answers = {}, {}
    for name, model in models.items():
        evaluation = modelling.evaluate(model, examples, settings=settings)
        figures[name] = evaluation.figures()
        answers[name] = evaluation.answers.head(5).to_dicts()
    return {"figures": figures, "answers": answers}


def draft(
    lake: Lake, lane: str, partitions: Sequence[str], *, model: str, model_version: str, settings: GenerationSettings
) -> dict[str, Any]:
    """One draft for each question of `partitions` that nobody answered; replaces the drafts of these partitions."""
    questions = _unanswered(lake, lane, partitions)
    generated = (
        modelling.generate(model, questions["question"].to_list(), settings=settings) if questions.height else []
    )
    rows = questions.with_columns(
        id=pl.Series(
            [
                version(model_version, TEMPLATE, settings, *row)
                for row in questions.select("message_id", "question").rows()
            ],
            dtype=pl.String,
        ),
        draft=pl.Series([answer.text for answer in generated], dtype=pl.String),
        tokens=pl.Series([answer.tokens for answer in generated], dtype=pl.Int32),
        model=pl.lit(model_version),
        template=pl.lit(TEMPLATE),
    )
    table = lake.table("models/predictions")
    return asdict(table.replace(record_batches(rows, schemas.PREDICTIONS), partitions))


def _unanswered(lake: Lake, lane: str, partitions: Sequence[str]) -> pl.DataFrame:
    threads = lake.table(f"{lane}/kept").scan(partitions).collect()
    utterances = lake.table(f"{lane}/utterances").scan(partitions).collect()
    questions = instruct.unanswered(threads, utterances)
    return questions.join(threads.select("partition", document_id="id"), on="document_id", how="left").sort(
        "message_id"
    )


def base_of(folder: Path) -> str:
    """The base model that `folder` holds or, where one was configured, names."""
    reference = folder / BASE
    return str(json.loads(reference.read_text(encoding="utf-8"))["model"]) if reference.exists() else str(folder)


def refer_to(model: str, folder: Path) -> None:
    """Writes into `folder` that the base model is `model`, a local path or a name on a hub."""
    if not model.strip():
        raise ConfigError("the base model has an empty name; give a path or a name such as HuggingFaceTB/SmolLM2-135M")
    (folder / BASE).write_text(json.dumps({"model": model}), encoding="utf-8")


def report_of(folder: Path) -> dict[str, Any]:
    """What training reported when the model in `folder` was made; empty for a model made elsewhere."""
    path = folder / REPORT
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return report


def _saved(report: dict[str, Any], folder: Path) -> dict[str, Any]:
    (folder / REPORT).write_text(json.dumps(report, indent=1), encoding="utf-8")
    return report
