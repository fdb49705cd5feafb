"""A model from scratch: what it is trained on, and what lies in its folder."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import TEXTS, TINY, silent
from transformers import AutoModelForCausalLM, AutoTokenizer

from parlance.errors import ConfigError
from parlance.modelling import GenerationSettings, Progress, TrainingReport, fingerprint, generate, pretrain
from parlance.modelling.loading import load_tokenizer
from parlance.modelling.pretraining import Packed, is_held_out, plain_tokens

HELD_OUT = next(text for text in map(str, range(1000)) if is_held_out(text, share=0.05))


def run(tokenizer: Path, folder: Path, texts: list[str] = TEXTS, **changes: object) -> TrainingReport:
    return pretrain(
        texts,
        tokenizer=tokenizer,
        output=folder / "model",
        checkpoints=folder / "checkpoints",
        settings=replace(TINY, **changes),
        progress=silent,
    )


def test_the_folder_loads_as_any_other_model(base: str) -> None:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert model.config.vocab_size == len(tokenizer) == 400
    assert model.config.use_cache
    assert tokenizer.chat_template
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id
    expected = {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in Path(base).iterdir()} == expected | {"chat_template.jinja", "parlance.json"}


def test_progress_and_report_agree(tokenizer: Path, tmp_path: Path) -> None:
    heard: list[Progress] = []
    report = pretrain(
        [*TEXTS, HELD_OUT],
        tokenizer=tokenizer,
        output=tmp_path / "model",
        checkpoints=tmp_path / "checkpoints",
        settings=replace(TINY, max_steps=5, logging_steps=2, validation_steps=4),
        progress=heard.append,
    )
    assert [state.step for state in heard] == [2, 4, 5]
    assert {state.steps for state in heard} == {5} == {report.steps}
    assert [(state.step, state.loss) for state in heard] == report.train_losses
    assert [(s.step, s.validation_loss) for s in heard if s.validation_loss is not None] == report.validation_losses
    assert [step for step, _ in report.validation_losses] == [4, 5]
    assert report.train_losses[-1][1] < report.train_losses[0][1]
    assert (report.resumed_from, report.left_out) == (0, [])
    assert report.parameters == report.trainable_parameters > 0
    assert report.fingerprint == fingerprint(replace(TINY, max_steps=5), data=[*TEXTS, HELD_OUT], start=str(tokenizer))


def test_the_same_run_gives_the_same_weights(tokenizer: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(tokenizer, tmp_path / name)
    one, two = (Path(tmp_path, name, "model", "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


def test_epochs_count_steps_over_the_packed_sequences(tokenizer: Path, tmp_path: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    sequences = -(-sum(len(plain_tokens(loaded, text)) for text in TEXTS) // TINY.sequence_length)
    report = run(tokenizer, tmp_path, max_steps=None, epochs=2, batch_size=2, held_out_share=0)
    assert report.steps == 2 * -(-sequences // 2)
    assert report.tokens == 2 * sum(len(plain_tokens(loaded, text)) for text in TEXTS)


def test_chats_bring_the_special_tokens_and_texts_do_not(tokenizer: Path) -> None:
    loaded = load_tokenizer(str(tokenizer))
    assert loaded.decode(plain_tokens(loaded, "a<|end|>b")) == "<|begin|>a<|end|>b<|end|>"
    assert plain_tokens(loaded, "a<|end|>b").count(loaded.eos_token_id) == 1
    assert plain_tokens(loaded, "") == [loaded.bos_token_id, loaded.eos_token_id]


@pytest.mark.parametrize("texts", [[], [HELD_OUT]], ids=["none", "all held out"])
def test_nothing_to_train_on_is_refused(tokenizer: Path, tmp_path: Path, texts: list[str]) -> None:
    with pytest.raises(ConfigError, match="no text is left to train on"):
        run(tokenizer, tmp_path, texts)


def test_one_short_text_is_enough(tokenizer: Path, tmp_path: Path) -> None:
    report = run(tokenizer, tmp_path, ["a"], held_out_share=0, max_steps=2)
    assert all(0 < loss < 10 for _, loss in report.train_losses)
    assert report.validation_losses == []


def test_a_tokenizer_without_padding_still_learns_its_end_token(tokenizer: Path, tmp_path: Path) -> None:
    unpadded = AutoTokenizer.from_pretrained(tokenizer)
    unpadded.pad_token = None
    unpadded.save_pretrained(tmp_path / "tokenizer")
    run(tmp_path / "tokenizer", tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert model.get_input_embeddings().padding_idx is None
    assert model.get_input_embeddings().weight[unpadded.eos_token_id].any()
    (answer,) = generate(str(tmp_path / "model"), ["one?"], settings=GenerationSettings(max_new_tokens=3))
    assert 1 <= answer.tokens <= 3


def test_a_tokenizer_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model could be loaded from the name"):
        run(tmp_path / "nowhere", tmp_path)


@given(documents=st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=9), length=st.integers(2, 12))
def test_packing_loses_no_token_but_a_last_single_one(documents: list[list[int]], length: int) -> None:
    packed = Packed.of(documents, length)
    sequences = [packed[index]["input_ids"].tolist() for index in range(len(packed))]
    stream = [token for document in documents for token in document]
    alone = len(stream) % length == 1
    assert [token for sequence in sequences for token in sequence] == (stream[:-1] if alone else stream)
    assert all(len(sequence) == length for sequence in sequences[:-1])
    assert all(2 <= len(sequence) <= length for sequence in sequences)


def test_the_held_out_share_is_about_right_and_nested() -> None:
    texts = [str(number) for number in range(10_000)]
    small, large = ({text for text in texts if is_held_out(text, share=share)} for share in (0.05, 0.5))
    assert small < large
    assert 400 < len(small) < 600
    assert not any(is_held_out(text, share=0.0) for text in texts)
