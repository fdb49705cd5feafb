"""Packed chats are learned as if each stood alone."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import ANSWERS, examples
from transformers import (
    AutoModelForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    TrainingArguments,
)

from parlance.errors import ConfigError
from parlance.modelling.chats import IGNORED, labelled_examples
from parlance.modelling.loading import load_model, load_tokenizer, untrained_model
from parlance.modelling.packing import best_fit, packed, require_packing
from parlance.modelling.training import Batch, PackedTrainer, collate


def sequences(base: str) -> list[dict[str, list[int]]]:
    fitting, _ = labelled_examples(load_tokenizer(base), examples(ANSWERS), at_most=64)
    return [dict(example.sequence) for example in fitting]


def gradients(base: str, batch: Batch, folder: str) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss of a step over `batch` and its gradients, as the Trainer computes them."""
    model = load_model(base)
    trainer = PackedTrainer(model=model, args=TrainingArguments(output_dir=folder, use_cpu=True, report_to=[]))
    items = trainer._get_num_items_in_batch([batch], model.device)
    loss = trainer.training_step(model, batch, items)
    return loss.item(), {name: weights.grad for name, weights in model.named_parameters()}


def test_loss_and_gradients_of_packed_chats_are_those_of_single_ones(memorised: str, tmp_path: Path) -> None:
    chats, folder = sequences(memorised), str(tmp_path)
    single = collate(0)(chats)
    together = collate(0)(packed(chats, length=64))
    assert together["input_ids"].shape[0] < single["input_ids"].shape[0]
    loss, wanted = gradients(memorised, single, folder)
    packed_loss, found = gradients(memorised, together, folder)
    assert packed_loss == pytest.approx(loss, rel=1e-5, abs=1e-7)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5)

    # What the mask and the positions are there for: without them the loss is another.
    leaking = {name: tensor for name, tensor in together.items() if name not in ("chats", "position_ids")}
    assert gradients(memorised, leaking, folder)[0] > 2 * loss


def test_a_chat_without_a_prompt_is_not_learned_from_its_neighbour(base: str, tmp_path: Path) -> None:
    chats = [{"input_ids": tokens, "labels": tokens} for tokens in ([7, 8, 9], [10, 11, 12, 13])]
    folder = str(tmp_path)
    (one,) = packed(chats, length=7)
    assert list(one["labels"]) == [IGNORED, 11, 12, 13, IGNORED, 8, 9]
    loss, _ = gradients(base, collate(0)(chats), folder)
    assert gradients(base, collate(0)([one]), folder)[0] == pytest.approx(loss, rel=1e-6)


@given(lengths=st.lists(st.integers(1, 20), max_size=40))
def test_each_sequence_stands_in_one_pack_that_fits(lengths: list[int]) -> None:
    bins = best_fit(lengths, length=20)
    assert sorted(index for members in bins for index in members) == list(range(len(lengths)))
    sizes = [sum(lengths[index] for index in members) for members in bins]
    assert all(size <= 20 for size in sizes)
    # Two that are half empty would have been one.
    assert sum(size <= 10 for size in sizes) <= 1


def test_a_model_that_sees_across_chats_is_refused(base: str) -> None:
    require_packing(load_model(base))
    eager = AutoModelForCausalLM.from_pretrained(base, attn_implementation="eager")
    with pytest.raises(ConfigError, match=r"packing true, but a llama model \(eager\) cannot be held"):
        require_packing(eager)
    sizes = {"vocab_size": 50, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    windowed = MistralForCausalLM(
        MistralConfig(**sizes, num_attention_heads=2, num_key_value_heads=1, sliding_window=4)
    )
    with pytest.raises(ConfigError, match="sliding_window"):
        require_packing(windowed)
    state = MambaForCausalLM(MambaConfig(vocab_size=50, hidden_size=8, num_hidden_layers=1))
    with pytest.raises(ConfigError, match="a mamba model"):
        require_packing(state)


def test_a_mask_that_is_not_obeyed_is_noticed(base: str) -> None:
    """A Llama whose first layer mixes neighbours before any mask; it is as untrained as one from scratch."""
    model = untrained_model(base, seed=1)
    require_packing(model)
    model.model.layers[0].register_forward_pre_hook(lambda layer, given: (given[0] + given[0].roll(1, dims=1),))
    with pytest.raises(ConfigError, match=r"a llama model \(sdpa\) cannot be held from seeing across chats"):
        require_packing(model)
