"""Fine-tuning: what is written, and that a killed run ends as if it had never been killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import peft
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from tiny_models import ANSWERS, TINY_TUNING, examples, silent
from transformers import AutoModelForCausalLM

from parlance.errors import ConfigError
from parlance.modelling import FinetuningSettings, TrainingReport, finetune
from parlance.modelling.checkpoints import STATE

PROCESS = Path(__file__).parent / "finetune_process.py"


def run(base: str, folder: Path, frame: pl.DataFrame, settings: FinetuningSettings = TINY_TUNING) -> TrainingReport:
    return finetune(
        frame,
        base=base,
        output=folder / "model",
        checkpoints=folder / "checkpoints",
        settings=settings,
        progress=silent,
    )


def start(folder: Path, base: str, *, name: str, stop_at: int = 0) -> subprocess.Popen[str]:
    """A fine-tune of its own process, on the CPU, whose weights go to `folder/name`."""
    spec = {"base": base, "output": str(folder / name), "checkpoints": str(folder / f"{name}-checkpoints")}
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**spec, "stop_at": stop_at}))
    return subprocess.Popen(
        [sys.executable, str(PROCESS), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"},
    )


@pytest.mark.slow
def test_a_killed_run_resumes_and_ends_with_the_same_weights(base: str, tmp_path: Path) -> None:
    killed = start(tmp_path, base, name="resumed", stop_at=8)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "stopped at 8 of 12\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "resumed").exists()

    results = {}
    for name in ("resumed", "uninterrupted"):
        finished = start(tmp_path, base, name=name)
        results[name] = json.loads(finished.communicate(timeout=300)[0])
        assert finished.returncode == 0
    assert results["resumed"].pop("resumed_from") == 6
    assert results["uninterrupted"].pop("resumed_from") == 0
    assert results["resumed"] == results["uninterrupted"]
    for file in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (tmp_path / "resumed" / file).read_bytes() == (tmp_path / "uninterrupted" / file).read_bytes()


def test_a_run_goes_on_from_the_last_complete_checkpoint(base: str, tmp_path: Path) -> None:
    first = run(base, tmp_path, examples(ANSWERS))
    weights = (tmp_path / "model" / "model.safetensors").read_bytes()
    (tmp_path / "checkpoints" / "checkpoint-4" / STATE).unlink()
    shutil.rmtree(tmp_path / "model")
    second = run(base, tmp_path, examples(ANSWERS))
    assert (first.resumed_from, second.resumed_from) == (0, 2)
    assert second.train_losses == first.train_losses
    assert second.tokens == first.tokens
    if second.device == "cpu":
        assert (tmp_path / "model" / "model.safetensors").read_bytes() == weights


def test_a_finished_run_is_not_trained_again(base: str, tmp_path: Path) -> None:
    first = run(base, tmp_path, examples(ANSWERS))
    weights = (tmp_path / "model" / "model.safetensors").read_bytes()
    again = run(base, tmp_path, examples(ANSWERS))
    assert again.resumed_from == again.steps == 4
    assert again.train_losses == first.train_losses
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == weights


def test_other_settings_or_data_start_anew(base: str, tmp_path: Path) -> None:
    names = {run(base, tmp_path, examples(ANSWERS)).fingerprint}
    changed = replace(TINY_TUNING, learning_rate=0.5)
    for frame, settings in [(examples(ANSWERS), changed), (examples({"one?": "two"}), changed)]:
        report = run(base, tmp_path, frame, settings)
        assert report.resumed_from == 0
        names.add(report.fingerprint)
    assert len(names) == 3


def test_test_examples_do_not_change_the_model(base: str, tmp_path: Path) -> None:
    report = run(base, tmp_path, examples(ANSWERS))
    with_tests = run(base, tmp_path, examples(ANSWERS).vstack(examples({"new?": "yes"}, split="test")))
    assert with_tests.fingerprint == report.fingerprint


# Our own call is silenced where it is made; this one is the user's.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_the_merged_model_is_the_base_with_its_adapter(base: str, memorised: str) -> None:
    merged = AutoModelForCausalLM.from_pretrained(memorised)
    adapted = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), Path(memorised, "adapter"))
    tokens = torch.arange(20).reshape(2, 10)
    with torch.inference_mode():
        torch.testing.assert_close(merged(tokens).logits, adapted(tokens).logits, rtol=1e-4, atol=1e-3)
    assert merged.get_input_embeddings().weight is merged.get_output_embeddings().weight
    before = load_file(Path(base, "model.safetensors"))
    assert not torch.equal(merged.get_input_embeddings().weight, before["model.embed_tokens.weight"])


def test_the_folder_says_what_the_model_was_made_from(base: str, tmp_path: Path) -> None:
    report = run(base, tmp_path, examples(ANSWERS))
    card = json.loads((tmp_path / "model" / "parlance.json").read_text())
    assert (card["base"], card["fingerprint"], card["steps"]) == (base, report.fingerprint, report.steps)
    assert card["settings"]["rank"] == TINY_TUNING.rank
    files = {path.name for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert not {name for name in files if name.endswith((".bin", ".pt", ".pth", ".pkl"))}
    assert {"model.safetensors", "adapter_model.safetensors", "tokenizer.json"} <= files


def test_without_embeddings_only_the_adapter_is_trained(base: str, tmp_path: Path) -> None:
    settings = replace(TINY_TUNING, train_embeddings=False, target_modules=["q_proj"], max_steps=1)
    report = run(base, tmp_path, examples(ANSWERS), settings)
    assert report.trainable_parameters == 2 * 4 * 32
    after, before = (load_file(Path(path, "model.safetensors")) for path in (tmp_path / "model", base))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed <= {"model.layers.0.self_attn.q_proj.weight"}


def test_untied_embeddings_are_both_trained(base: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base)
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    shutil.copytree(base, tmp_path / "base")
    model.save_pretrained(tmp_path / "base")
    run(str(tmp_path / "base"), tmp_path, examples(ANSWERS))
    after, before = (load_file(tmp_path / name / "model.safetensors") for name in ("model", "base"))
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        assert not torch.equal(after[name], before[name])
    assert not torch.equal(after["model.embed_tokens.weight"], after["lm_head.weight"])


def test_one_example_gives_numbers(base: str, tmp_path: Path) -> None:
    report = run(base, tmp_path, examples({"one?": "two"}))
    assert all(0 < loss < 10 for _, loss in report.train_losses)


def test_a_loss_that_is_no_number_stops_the_run(base: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base)
    model.get_input_embeddings().weight.data.fill_(float("nan"))
    shutil.copytree(base, tmp_path / "base")
    model.save_pretrained(tmp_path / "base")
    with pytest.raises(ConfigError, match=r"the loss is nan at step 2 with learning_rate 0.001; choose a lower"):
        run(str(tmp_path / "base"), tmp_path, examples(ANSWERS))
    assert not (tmp_path / "model").exists()


def test_examples_that_do_not_fit_are_listed(base: str, tmp_path: Path) -> None:
    report = run(base, tmp_path, examples({"one?": "two", "long?": "word " * 100}))
    assert report.left_out == ["train-1"]


@pytest.mark.parametrize(
    "frame",
    [examples({}), examples(ANSWERS, split="test"), examples({"long?": "word " * 100})],
    ids=["empty", "no train split", "all too long"],
)
def test_nothing_to_train_on_is_refused(base: str, tmp_path: Path, frame: pl.DataFrame) -> None:
    with pytest.raises(ConfigError, match="no example of split 'train' is left"):
        run(base, tmp_path, frame)


def test_a_layer_that_the_base_lacks_is_named(base: str, tmp_path: Path) -> None:
    settings = replace(TINY_TUNING, target_modules=["c_attn", "q_proj"])
    with pytest.raises(ConfigError, match=r"target_modules \['c_attn'\] are not in the base model; .*'q_proj'"):
        run(base, tmp_path, examples(ANSWERS), settings)


def test_a_sequence_longer_than_the_window_is_refused(base: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sequence_length 65; allowed: up to 64"):
        run(base, tmp_path, examples(ANSWERS), replace(TINY_TUNING, sequence_length=65))


def test_a_base_of_pickles_is_refused(base: str, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").unlink()
    torch.save({}, tmp_path / "base" / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="no model could be loaded from the folder"):
        run(str(tmp_path / "base"), tmp_path, examples(ANSWERS))
