"""A tokenizer and models small enough that each test takes seconds; nothing here is downloaded."""

import os
from pathlib import Path

import pytest
from tiny_models import ANSWERS, TEXTS, TINY, examples, save_tokenizer, silent

from parlance import modelling
from parlance.modelling import FinetuningSettings

# As `parlance.modelling` does where it loads torch itself; here a test module may do so first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a byte-level BPE tokenizer with Parlance's special tokens and a chat template."""
    return save_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def base(tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model that has seen next to nothing."""
    folder = tmp_path_factory.mktemp("base")
    modelling.pretrain(
        TEXTS,
        tokenizer=tokenizer,
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
