import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from parlance import embedding
from parlance.embedding import encoder, weights
from parlance.errors import ConfigError, SchemaError, TransientError

TEXTS = [
    "How do I reset my password?",
    "",
    "The quarterly report is due on Friday, please send your figures. " * 30,
    "日本語のテキスト 👩‍👩‍👧",
    " ",
    "I forgot my password and cannot log in.",
    "Bananas are rich in potassium.",
]


def test_vectors_equal_those_of_sentence_transformers() -> None:
    peer = pytest.importorskip("sentence_transformers", reason="compares with sentence-transformers, not installed")
    theirs = peer.SentenceTransformer(str(weights.locate("minilm")), device="cpu").encode(TEXTS)
    for precision, least in (("float32", 0.99999), ("bfloat16", 0.9995)):
        ours = embedding.embed(pl.Series(TEXTS), device="cpu", precision=precision)
        assert ((ours * theirs).sum(axis=1) / np.linalg.norm(theirs, axis=1)).min() > least


def test_lower_precision_hardly_turns_a_vector() -> None:
    low, high = (embedding.embed(pl.Series(TEXTS), precision=name) for name in ("bfloat16", "float32"))
    assert 0.9995 < (low * high).sum(axis=1).min() < 1
    assert low.dtype == np.float32
    assert np.allclose(np.linalg.norm(low, axis=1), 1, atol=1e-6)


def test_several_encoders_share_the_work() -> None:
    """As several GPUs do; here they are two of one CPU."""
    made = [replace(encoder.load("minilm", "cpu", "float32")) for _ in range(2)]
    taken = [0, 0]

    def counting(number: int, launch: Callable[[encoder.Tokens], torch.Tensor]) -> Callable[..., torch.Tensor]:
        def counted(tokens: encoder.Tokens) -> torch.Tensor:
            taken[number] += len(tokens)
            return launch(tokens)

        return counted

    for number, one in enumerate(made):
        object.__setattr__(one, "launch", counting(number, one.launch))
    texts = [f"{text} {number}" for number in range(20) for text in TEXTS]
    tokens = [encoding.ids for encoding in made[0].tokenizer.encode_batch_fast(texts)]
    vectors = np.zeros((len(texts), 384), np.float32)
    encoder.encode(made, tokens, batch_tokens=300, into=vectors)
    assert min(taken) > 0
    assert sum(taken) == len(texts)
    assert np.allclose(vectors, embedding.embed(pl.Series(texts), precision="float32"), atol=1e-5)


def test_the_version_is_of_the_files(tmp_path: Path) -> None:
    copied = shutil.copytree(weights.locate("minilm"), tmp_path / "model")
    assert weights.version(copied) == embedding.version("minilm")
    (tmp_path / "other").mkdir()
    other = shutil.copytree(copied, tmp_path / "other", dirs_exist_ok=True)
    settings = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(settings | {"layer_norm_eps": 1e-6}))
    assert weights.version(other) != weights.version(copied)


def test_vectors_are_float32_of_unit_length() -> None:
    vectors = embedding.embed(pl.Series(TEXTS))
    assert (vectors.shape, vectors.dtype) == ((len(TEXTS), 384), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_like_texts_are_near() -> None:
    vectors = embedding.embed(pl.Series(TEXTS))
    assert vectors[0] @ vectors[5] > 0.6
    assert vectors[0] @ vectors[6] < 0.3


@settings(deadline=None, max_examples=15)
@given(texts=st.lists(st.text(), max_size=6), batch_tokens=st.sampled_from([1, 16, 4096]))
def test_batching_does_not_change_a_vector(texts: list[str], batch_tokens: int) -> None:
    together = embedding.embed(pl.Series(texts, dtype=pl.String), batch_tokens=batch_tokens, precision="float32")
    alone = [embedding.embed(pl.Series([text]), precision="float32")[0] for text in texts]
    assert together.shape == (len(texts), 384)
    assert np.allclose(together, np.array(alone).reshape(-1, 384), atol=1e-5)


def test_texts_may_come_from_arrow() -> None:
    series = embedding.embed(pl.Series(TEXTS[:2]))
    for kind in (pa.string(), pa.large_string()):
        assert np.allclose(embedding.embed(pa.array(TEXTS[:2], kind)), series, atol=1e-6)


@pytest.mark.parametrize("texts", [pl.Series([], dtype=pl.String), pl.Series([]), pa.array([], pa.string())])
def test_no_texts_give_no_vectors(texts: pl.Series) -> None:
    assert embedding.embed(texts).shape == (0, 384)


def test_a_folder_is_a_model() -> None:
    by_path = embedding.embed(pl.Series(TEXTS[:1]), model=str(weights.locate("minilm")))
    assert np.allclose(by_path, embedding.embed(pl.Series(TEXTS[:1])), atol=1e-6)


@pytest.mark.parametrize(
    "texts", [pl.Series([1]), pl.Series(["a", None]), pl.Series([None])], ids=["type", "null", "nulls"]
)
def test_bad_texts_are_named(texts: pl.Series) -> None:
    with pytest.raises(SchemaError, match="texts"):
        embedding.embed(texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "minilm2"}, "unknown model 'minilm2'; known: 'minilm'"),
        ({"model": "/no/such/folder"}, "unknown model '/no/such/folder'"),
        ({"model": "a--b/c"}, "nor is it on the Hugging Face hub"),
        ({"device": "abacus"}, "unknown device 'abacus'"),
        ({"precision": "int8"}, "unknown precision 'int8'; known: float32, bfloat16"),
        ({"batch_tokens": 0}, "batch_tokens 0 is too small; at least 1"),
    ],
    ids=["name", "folder", "hub name", "device", "precision", "batch"],
)
def test_bad_settings_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        embedding.embed(pl.Series(["text"]), **arguments)


def test_cuda_is_not_replaced_in_silence() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ConfigError, match="device 'cuda' is not present"):
        embedding.embed(pl.Series(["text"]), device="cuda")


def test_a_hub_out_of_reach_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(TransientError, match="could not be reached"):
        embedding.embed(pl.Series(["text"]), model="parlance-tests/no-such-model")


def test_weights_are_trusted_by_content(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    weights.verify(tmp_path, {"model.safetensors": digest})
    with pytest.raises(ConfigError, match=f"has SHA-256 {digest}; only 53aa5117.*d9db is trusted"):
        weights.verify(tmp_path, weights.MINILM_SHA256)
    with pytest.raises(ConfigError, match="is missing"):
        weights.verify(tmp_path, {"config.json": digest})


def made(folder: Path, **files: object) -> str:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_json", ".json").replace("_weights", ".safetensors")
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    return str(folder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"tokenizer_json": {}}, "lacks tokenizer.json or safetensors weights"),
        ({"model_weights": 1}, "lacks tokenizer.json or safetensors weights"),
        (
            {"tokenizer_json": {}, "model_weights": 1, "1_Pooling__config_json": {"pooling_mode_mean_tokens": False}},
            "only the mean over tokens is known",
        ),
        (
            {"tokenizer_json": {}, "model_weights": 1, "1_Pooling__config_json": {"pooling_mode": "cls"}},
            "only the mean over tokens is known",
        ),
        (
            {
                "tokenizer_json": {},
                "model_weights": 1,
                "modules_json": [{"type": "sentence_transformers.models.Dense"}],
            },
            r"has layers \['Dense'\]",
        ),
    ],
    ids=["no weights", "no tokenizer", "cls pooling", "cls pooling, new form", "dense layer"],
)
def test_models_of_another_kind_are_refused(files: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        embedding.embed(pl.Series(["text"]), model=made(tmp_path, **files))


@pytest.mark.parametrize(
    ("config", "tokenizer", "sentence", "tokens"),
    [
        ({"model_type": "bert"}, {}, {}, 514),
        ({"model_type": "roberta", "pad_token_id": 1}, {}, {}, 512),
        ({"model_type": "mpnet", "pad_token_id": 1}, {"model_max_length": int(1e30)}, {"max_seq_length": 384}, 384),
        ({"model_type": "xlm-roberta", "pad_token_id": 1}, {}, {"max_seq_length": 514}, 512),
        ({"model_type": "bert"}, {"model_max_length": 128}, {}, 128),
        ({"model_type": "bert"}, {"model_max_length": 1e30}, {}, 514),
    ],
)
def test_no_text_is_longer_than_the_model_has_positions(
    config: dict[str, object], tokenizer: object, sentence: object, tokens: int, tmp_path: Path
) -> None:
    files = {"tokenizer_config_json": tokenizer, "sentence_bert_config_json": sentence}
    made(tmp_path, config_json={"max_position_embeddings": 514, **config}, **files)
    assert weights.max_tokens(tmp_path) == tokens


def test_a_long_text_is_read_by_a_model_whose_positions_begin_behind_padding(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {
        "vocab_size": 8,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 8,
    }
    config = transformers.RobertaConfig(max_position_embeddings=34, pad_token_id=1, **sizes)
    transformers.RobertaModel(config).save_pretrained(tmp_path)
    words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert embedding.embed(pl.Series(["a " * 60]), model=str(tmp_path), device="cpu").shape == (1, 8)


def test_importing_is_light() -> None:
    program = (
        "import sys; from parlance import embedding, search, tokenization; "
        "print([m for m in ('torch', 'transformers', 'lancedb', 'blingfire', 'dagster') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
