"""Texts into unit vectors by a transformer: batches of like length, mean over tokens. Importing this imports torch."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import torch
from tokenizers import Tokenizer

from parlance.embedding import weights
from parlance.errors import ConfigError, SchemaError

WINDOW = 8192  # texts whose tokens are held at once

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A loaded model with the tokenizer that cuts texts at what it reads."""

    network: torch.nn.Module
    tokenizer: Tokenizer
    device: torch.device
    padding: int

    def vectors(self, tokens: list[list[int]]) -> Vectors:
        """The normalised mean over the tokens of each text, padding left out."""
        longest = max(len(ids) for ids in tokens)
        ids = np.full((len(tokens), longest), self.padding, dtype=np.int64)
        mask = np.zeros((len(tokens), longest), dtype=np.int64)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        with torch.inference_mode():
            kept = torch.from_numpy(mask).to(self.device)
            hidden = self.network(
                input_ids=torch.from_numpy(ids).to(self.device), attention_mask=kept
            ).last_hidden_state
            weighted = (hidden * kept.unsqueeze(-1)).sum(1) / kept.sum(1, keepdim=True)
            pooled: Vectors = torch.nn.functional.normalize(weighted).float().cpu().numpy()
        return pooled


def embed(texts: "pl.Series | pa.StringArray", *, model: str, device: str | None, batch_tokens: int) -> Vectors:
    """See `parlance.embedding.embed`."""
    if batch_tokens < 1:
        raise ConfigError(f"batch_tokens {batch_tokens} is too small; at least 1")
    series = _strings(texts)
    vectors = np.empty((len(series), weights.dimension(weights.locate(model))), dtype=np.float32)
    if not len(series):
        return vectors
    encoder = load(model, device or ("cuda" if torch.cuda.is_available() else "cpu"))
    for first in range(0, len(series), WINDOW):
        encodings = encoder.tokenizer.encode_batch_fast(series.slice(first, WINDOW).to_list())
        tokens = [encoding.ids for encoding in encodings]
        for rows in _batches([len(ids) for ids in tokens], batch_tokens):
            vectors[[first + row for row in rows]] = encoder.vectors([tokens[row] for row in rows])
    return vectors


@functools.cache
def load(model: str, device: str) -> Encoder:
    """`model` on `device` in float32, once in a process."""
    from transformers import AutoModel

    folder = weights.locate(model)
    tokenizer = weights.tokenizer(folder)
    tokenizer.enable_truncation(max_length=weights.max_tokens(folder))
    if not tokenizer.encode("").ids:
        raise ConfigError(f"model {model!r} adds no special tokens, so an empty text has no vector; choose an encoder")
    network = AutoModel.from_pretrained(folder, use_safetensors=True, local_files_only=True, dtype=torch.float32)
    place = _device(device)
    return Encoder(
        network=network.eval().to(place), tokenizer=tokenizer, device=place, padding=network.config.pad_token_id or 0
    )


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"unknown device {name!r}; torch knows cpu, cuda, cuda:1, mps, xpu") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {name!r} is not present; leave device out to take what there is")
    return device


def _strings(texts: "pl.Series | pa.StringArray") -> pl.Series:
    series = texts if isinstance(texts, pl.Series) else pl.Series(texts)
    if series.dtype != pl.String and not (series.dtype == pl.Null and not len(series)):
        raise SchemaError(f"texts must be strings; they are {series.dtype}")
    if series.null_count():
        raise SchemaError(f"texts have {series.null_count()} nulls; none allowed")
    return series


def _batches(lengths: list[int], batch_tokens: int) -> Iterator[list[int]]:
    """Row numbers, longest first, so that a batch padded to its first text stays within `batch_tokens`."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    first = 0
    while first < len(order):
        size = max(batch_tokens // lengths[order[first]], 1)
        yield order[first : first + size]
        first += size
