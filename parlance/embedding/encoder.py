"""Texts into unit vectors by a transformer: batches of like length, mean over tokens. Importing this imports torch."""

import functools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import torch
from tokenizers import Tokenizer

from parlance.embedding import weights
from parlance.embedding.ahead import ahead
from parlance.errors import ConfigError, SchemaError

WINDOW = 8192  # texts whose tokens are held at once
# Small batches stay in a processor's cache: on one core 1024 tokens are some tenths faster than 4096.
BATCH_TOKENS = {"cpu": 1024, "cuda": 65_536}

Precision = Literal["float32", "bfloat16"]
Tokens = list[list[int]]
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A loaded model with the tokenizer that cuts texts at what it reads."""

    network: torch.nn.Module
    tokenizer: Tokenizer
    device: torch.device
    padding: int
    precision: Precision

    def launch(self, tokens: Tokens) -> torch.Tensor:
        """The normalised mean over the tokens of each text, padding left out, on the device: it may still compute."""
        lengths = [len(ids) for ids in tokens]
        ids = np.full((len(tokens), max(lengths)), self.padding, dtype=np.int64)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = own
        kept = np.arange(ids.shape[1]) < np.array(lengths)[:, np.newaxis]
        low = self.precision == "bfloat16"
        with torch.inference_mode():
            mask = self._moved(kept)
            # Autocast multiplies in 16 bits and adds, normalises and averages in 32: with weights of 16 bits the
            # worst cosine to float32 was .9965 on MiniLM, with it .99996, as fast.
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=low):
                # Without padding there is nothing to mask, and attention has less to do.
                hidden = self.network(
                    input_ids=self._moved(ids), attention_mask=None if kept.all() else mask.long()
                ).last_hidden_state
            sums = (hidden.float() * mask.unsqueeze(-1)).sum(1)
            return torch.nn.functional.normalize(sums)

    def _moved(self, array: npt.NDArray[np.generic]) -> torch.Tensor:
        """`array` on the device; through pinned memory to CUDA, so that the copy runs beside what is computed."""
        tensor = torch.from_numpy(array)
        return tensor if self.device.type != "cuda" else tensor.pin_memory().to(self.device, non_blocking=True)


def embed(
    texts: "pl.Series | pa.StringArray",
    *,
    model: str,
    device: str | None,
    batch_tokens: int | None,
    precision: Precision | None,
) -> Vectors:
    """See `parlance.embedding.embed`."""
    if batch_tokens is not None and batch_tokens < 1:
        raise ConfigError(f"batch_tokens {batch_tokens} is too small; at least 1")
    series = _strings(texts)
    vectors = np.empty((len(series), weights.dimension(weights.locate(model))), dtype=np.float32)
    if not len(series):
        return vectors
    encoders = [load(model, name, precision) for name in devices(device)]
    room = batch_tokens or BATCH_TOKENS.get(encoders[0].device.type, BATCH_TOKENS["cuda"])
    for first, tokens in ahead(_tokenised(series, encoders[0].tokenizer)):
        encode(encoders, tokens, batch_tokens=room, into=vectors[first : first + len(tokens)])
    return vectors


def encode(encoders: Sequence[Encoder], tokens: Tokens, *, batch_tokens: int, into: Vectors) -> None:
    """Writes the vectors of `tokens` into the rows of `into`; each encoder takes the next batch when it is free."""
    waiting = deque(batches([len(ids) for ids in tokens], batch_tokens))

    def work(encoder: Encoder) -> None:
        launched: tuple[list[int], torch.Tensor] | None = None
        while True:
            rows = _next(waiting)
            following = None if rows is None else (rows, encoder.launch([tokens[row] for row in rows]))
            if launched:  # is read while the device is at the batch after it
                into[launched[0]] = launched[1].cpu().numpy()
            if following is None:
                return
            launched = following

    if len(encoders) == 1:
        work(encoders[0])
        return
    with ThreadPoolExecutor(len(encoders)) as pool:
        for done in [pool.submit(work, encoder) for encoder in encoders]:
            done.result()


def _next(waiting: deque[list[int]]) -> list[int] | None:
    try:
        return waiting.popleft()  # of several threads each gets another
    except IndexError:
        return None


def _tokenised(series: pl.Series, tokenizer: Tokenizer) -> Iterator[tuple[int, Tokens]]:
    for first in range(0, len(series), WINDOW):
        encodings = tokenizer.encode_batch_fast(series.slice(first, WINDOW).to_list())
        yield first, [encoding.ids for encoding in encodings]


@functools.cache
def load(model: str, device: str, precision: Precision | None = None) -> Encoder:
    """`model` on `device`, once in a process; a precision of null is the fastest one whose vectors are as good."""
    from transformers import AutoModel

    if precision not in (None, *get_args(Precision)):
        raise ConfigError(f"unknown precision {precision!r}; known: {', '.join(get_args(Precision))}")
    folder = weights.locate(model)
    tokenizer = weights.tokenizer(folder)
    tokenizer.enable_truncation(max_length=weights.max_tokens(folder))
    if not tokenizer.encode("").ids:
        raise ConfigError(f"model {model!r} adds no special tokens, so an empty text has no vector; choose an encoder")
    place = _device(device)
    network = AutoModel.from_pretrained(folder, use_safetensors=True, local_files_only=True, dtype=torch.float32)
    return Encoder(
        network=network.eval().to(place),
        tokenizer=tokenizer,
        device=place,
        padding=network.config.pad_token_id or 0,
        precision=precision or best_precision(place),
    )


def best_precision(device: torch.device) -> Precision:
    """bfloat16 where the device multiplies it in hardware: newer CUDA, and CPUs with AMX or AVX512-BF16."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device.type == "cpu":
        low = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        return "bfloat16" if low else "float32"
    return "float32"


def devices(name: str | None) -> list[str]:
    """The devices that `name` means: null is CUDA where present, else the CPU; plain "cuda" is every one there is."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [name]


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


def batches(lengths: list[int], batch_tokens: int) -> Iterator[list[int]]:
    """Row numbers, longest first, so that a batch padded to its first text stays within `batch_tokens`."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    first = 0
    while first < len(order):
        size = max(batch_tokens // lengths[order[first]], 1)
        yield order[first : first + size]
        first += size
