"""Models small enough that each test takes seconds; nothing here is downloaded."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from parlance import modelling
from parlance.modelling import FinetuningSettings
from tests.parlance.modelling.tiny_models import ANSWERS, TEXTS, TINY, examples, save_tokenizer, silent

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model that has seen next to nothing."""
    folder = tmp_path_factory.mktemp("base")
    modelling.pretrain(
        TEXTS,
        tokenizer=save_tokenizer(folder / "tokenizer"),
        output=folder / "model",
        checkpoints=folder / "checkpoints",
        settings=TINY,
        progress=silent,
    )
    return str(folder / "model")


@pytest.fixture(scope="session")
def memorised(base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model that was fine-tuned until it knew `ANSWERS` by heart."""
    folder = tmp_path_factory.mktemp("memorised")
    settings = FinetuningSettings(
        rank=8, alpha=16, sequence_length=64, max_steps=150, batch_size=4, learning_rate=0.02, save_steps=200
    )
    modelling.finetune(
        examples(ANSWERS),
        base=base,
        output=folder / "model",
        checkpoints=folder / "checkpoints",
        settings=settings,
        progress=silent,
    )
    return str(folder / "model")


@pytest.fixture(scope="session")
def indifferent(base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model for which every token is as likely as any other."""
    folder = tmp_path_factory.mktemp("indifferent") / "model"
    shutil.copytree(base, folder)
    model = AutoModelForCausalLM.from_pretrained(base)
    model.get_input_embeddings().weight.data.zero_()
    model.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def broken(base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model with one weight that is no number."""
    folder = Path(tmp_path_factory.mktemp("broken"), "model")
    shutil.copytree(base, folder)
    model = AutoModelForCausalLM.from_pretrained(base)
    model.model.layers[0].mlp.up_proj.weight.data[3, 5] = torch.nan
    model.save_pretrained(folder)
    return str(folder)
