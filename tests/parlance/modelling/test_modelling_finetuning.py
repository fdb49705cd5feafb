"""Fine-tuning: what is written, and that a killed run ends as if it had never been killed."""

import json
import os
import random
import secrets
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import peft
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from tiny_models import ANSWERS, TEMPLATE, TINY_TUNING, examples, silent
from transformers import AutoModelForCausalLM

from parlance.errors import ConfigError
from parlance.evaluation.scoring import answer_nats
from parlance.modelling import FinetuningSettings, TrainingReport, finetune
from parlance.modelling.chats import labelled_examples
from parlance.modelling.checkpoints import STATE
from parlance.modelling.loading import ends, load_model, load_tokenizer
from parlance.modelling.records import refer
from parlance.modelling.training import _arguments

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


def runs(folder: Path, base: str, *specs: dict[str, Any]) -> list[dict[str, Any]]:
    """What became of fine-tunes in processes of their own, on the CPU; see `finetune_process.py`."""
    for spec in specs:
        spec |= {"output": str(folder / spec["name"]), "checkpoints": str(folder / f"{spec['name']}-checkpoints")}
    (folder / "spec.json").write_text(json.dumps({"base": base, "runs": specs}))
    done = subprocess.run(
        [sys.executable, str(PROCESS), str(folder / "spec.json")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
        # One thread: a process that has started others must not fork.
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


# Dropout draws at each step: a resumed run must draw the same.
EARLY = {"patience": 2, "epochs": 30, "learning_rate": 0.003, "dropout": 0.1}


@pytest.mark.slow
def test_a_run_killed_anywhere_ends_with_the_same_weights(base: str, tmp_path: Path) -> None:
    seed = secrets.randbelow(2**32)
    drawn = random.Random(seed)
    settings = {"end": {}, "early": EARLY}
    deaths = [
        {"die_at_step": 5},
        # A checkpoint is six files that Python opens, and weights: whichever it is, the folder is torn.
        {"die_at_file": drawn.randint(1, 6)},
        {"die_at_file": drawn.randint(1, 6)},
        {"die_at_step": drawn.randint(1, 12)},
        {"die_after_s": drawn.uniform(0.1, 0.6)},
    ]
    message = f"seed {seed}: {deaths}"
    specs = []
    for name, one in settings.items():
        lives: list[dict[str, Any]] = [*deaths, {}]
        specs += [{"name": f"{name}-whole", "settings": one}]
        specs += [{"name": f"{name}-killed", "settings": one, **death} for death in lives]
    became = runs(tmp_path, base, *specs)
    for name, done in zip(settings, (became[:7], became[7:]), strict=True):
        whole, first, *_, last = done
        assert first == {"killed": True}, message
        assert whole.pop("resumed_from") == 0
        assert last.pop("resumed_from") >= 3, message
        assert last == whole, message
        assert whole["stopped_early"] == (whole["best_step"] < whole["steps"]) == (name == "early")
        for file in ("model.safetensors", "adapter/adapter_model.safetensors"):
            killed, other = (tmp_path / f"{name}-{one}" / file for one in ("killed", "whole"))
            assert killed.read_bytes() == other.read_bytes(), message


def test_the_best_weights_are_kept(base: str, tmp_path: Path) -> None:
    settings = replace(TINY_TUNING, learning_rate=0.05, max_steps=20, validation_steps=1, patience=2)
    frame = examples(dict(list(ANSWERS.items())[:2])).vstack(examples({"潮位は?": "毎時です。"}, split="validation"))
    report = run(base, tmp_path, frame, settings)
    assert report.stopped_early
    assert report.steps == report.best_step + 2 < 20
    best = min(loss for _, loss in report.validation_losses)
    folder = tmp_path / "model"
    tokenizer = load_tokenizer(str(folder))
    (example,) = labelled_examples(tokenizer, frame.filter(pl.col("split") == "validation"), at_most=64)[0]
    nats, tokens = answer_nats(load_model(str(folder)), [example.sequence], padding=0, batch_size=1)
    assert nats / tokens == pytest.approx(best, rel=1e-4)


def test_patience_that_lasts_ends_at_the_last_step(base: str, tmp_path: Path) -> None:
    # The last step is validated, in the middle of an epoch.
    settings = replace(TINY_TUNING, batch_size=1, max_steps=6, validation_steps=2, patience=50)
    report = run(base, tmp_path, examples(ANSWERS).vstack(examples({"one?": "two"}, split="validation")), settings)
    assert (report.steps, report.stopped_early) == (6, False)
    assert [step for step, _ in report.validation_losses] == [2, 4, 6]


def test_patience_without_validation_is_refused(base: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="patience 1, but nothing is held out for validation"):
        run(base, tmp_path, examples(ANSWERS), replace(TINY_TUNING, patience=1))


def test_a_step_reads_one_batch_however_many_devices_there_are(tmp_path: Path) -> None:
    arguments = _arguments(TINY_TUNING, steps=1, folder=tmp_path, validate=True)
    arguments._n_gpu = 2  # as transformers finds on a machine with two
    assert (arguments.train_batch_size, arguments.eval_batch_size) == (TINY_TUNING.batch_size,) * 2


@pytest.mark.parametrize(
    ("method", "change"),
    [
        pytest.param("lora", {"batch_size": 1, "gradient_accumulation": 4}, id="lora, one at a time, four times"),
        pytest.param("full", {"batch_size": 1, "gradient_accumulation": 4}, id="full, one at a time, four times"),
        pytest.param("lora", {"gradient_checkpointing": True}, id="lora, activations computed twice"),
        pytest.param("lora", {"packing": True}, id="lora, packed"),
    ],
)
def test_how_a_step_is_computed_does_not_change_it(
    base: str, tmp_path: Path, method: Literal["lora", "full"], change: dict[str, Any]
) -> None:
    settings = replace(TINY_TUNING, method=method, batch_size=4, logging_steps=1)
    reports, weights = [], []
    for name, one in (("plain", settings), ("changed", replace(settings, **change))):
        reports.append(run(base, tmp_path / name, examples(ANSWERS), one))
        weights.append(load_file(tmp_path / name / "model" / "model.safetensors"))
    plain, changed = (dict(report.train_losses) for report in reports)
    assert changed == pytest.approx(plain, rel=1e-5)
    assert reports[0].tokens == reports[1].tokens
    before = load_file(Path(base, "model.safetensors"))
    for name in before:
        # Adam divides by the size of the gradient, so that rounding shows where it is next to nothing.
        torch.testing.assert_close(weights[1][name], weights[0][name], rtol=1e-3, atol=2e-4)
    assert any(not torch.allclose(before[name], weights[0][name], atol=2e-4) for name in before)


@pytest.mark.parametrize("method", ["lora", "full", "scratch"])
def test_a_model_stops_where_its_template_ends_an_answer(
    base: str, tmp_path: Path, method: Literal["lora", "full", "scratch"]
) -> None:
    """As of Qwen2.5: one token ends documents, another ends turns."""
    shutil.copytree(base, tmp_path / "base")
    tokenizer = load_tokenizer(base)
    document, turn = tokenizer.convert_tokens_to_ids(["<|pad|>", "<|end|>"])
    tokenizer.eos_token, tokenizer.chat_template = "<|pad|>", TEMPLATE.replace("eos_token", "'<|end|>'")
    tokenizer.save_pretrained(tmp_path / "base")
    for file in ("config.json", "generation_config.json"):
        known = json.loads((tmp_path / "base" / file).read_text())
        (tmp_path / "base" / file).write_text(json.dumps(known | {"eos_token_id": document}))
    run(str(tmp_path / "base"), tmp_path, examples(ANSWERS), replace(TINY_TUNING, method=method, max_steps=1))
    assert ends(load_model(str(tmp_path / "model"))) == {document, turn}


def test_full_training_changes_every_weight(base: str, tmp_path: Path) -> None:
    report = run(base, tmp_path, examples(ANSWERS), replace(TINY_TUNING, method="full"))
    assert report.method == "full"
    assert report.trainable_parameters == report.parameters
    after, before = (load_file(Path(path, "model.safetensors")) for path in (tmp_path / "model", base))
    assert all(not torch.equal(before[name], after[name]) for name in before)
    assert not (tmp_path / "model" / "adapter").exists()


def test_from_scratch_nothing_of_the_base_is_left_but_its_form(base: str, tmp_path: Path) -> None:
    settings = replace(TINY_TUNING, method="scratch", learning_rate=1e-9, max_steps=1)
    weights = {}
    for seed in (1, 1, 2):
        report = run(base, tmp_path, examples(ANSWERS), replace(settings, seed=seed))
        weights.setdefault(seed, []).append(load_file(tmp_path / "model" / "model.safetensors"))
        shutil.rmtree(tmp_path / "checkpoints")
    name = "model.layers.0.self_attn.q_proj.weight"
    before = load_file(Path(base, "model.safetensors"))
    assert report.method == "scratch"
    assert {key: value.shape for key, value in weights[1][0].items()} == {
        key: value.shape for key, value in before.items()
    }
    assert torch.equal(weights[1][0][name], weights[1][1][name])
    assert not torch.allclose(weights[1][0][name], weights[2][0][name], atol=1e-3)
    assert not torch.allclose(weights[1][0][name], before[name], atol=1e-3)


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
    assert (card["base"], card["fingerprint"]) == (base, report.fingerprint)
    assert card["metrics"]["steps"] == report.steps
    assert card["libraries"]["torch"] == torch.__version__
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


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_base_of_pickles_is_refused(base: str, tmp_path: Path, method: Literal["lora", "full"]) -> None:
    shutil.copytree(base, tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").unlink()
    torch.save({}, tmp_path / "base" / "pytorch_model.bin")
    with pytest.raises(ConfigError, match=r"has its weights in \['pytorch_model.bin'\].*; allowed: safetensors"):
        run(str(tmp_path / "base"), tmp_path, examples(ANSWERS), replace(TINY_TUNING, method=method))


@pytest.mark.parametrize("method", ["lora", "scratch"])
def test_a_base_that_an_endpoint_keeps_is_refused(tmp_path: Path, method: Literal["lora", "scratch"]) -> None:
    (tmp_path / "base").mkdir()
    refer(tmp_path / "base", model="ft:small", endpoint="https://host/v1")
    with pytest.raises(ConfigError, match="model 'ft:small' is kept by https://host/v1 and cannot be loaded here"):
        run(str(tmp_path / "base"), tmp_path, examples(ANSWERS), replace(TINY_TUNING, method=method))


def test_an_adapter_of_pickles_is_refused(base: str, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "base")
    (tmp_path / "base" / "adapter_config.json").write_text("{}")
    torch.save({}, tmp_path / "base" / "adapter_model.bin")
    with pytest.raises(ConfigError, match=r"has its weights in \['adapter_model.bin'\]"):
        run(str(tmp_path / "base"), tmp_path, examples(ANSWERS))


@pytest.mark.parametrize("method", ["full", "scratch"])
def test_code_that_comes_with_a_model_is_not_run(base: str, tmp_path: Path, method: Literal["full", "scratch"]) -> None:
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    config = json.loads((folder / "config.json").read_text())
    classes = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": classes}))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')\nclass OwnConfig: pass")
    with pytest.raises(ConfigError, match="trust_remote_code"):
        run(str(folder), tmp_path, examples(ANSWERS), replace(TINY_TUNING, method=method))
    assert not (tmp_path / "was_run").exists()
