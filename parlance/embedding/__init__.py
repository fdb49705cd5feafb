"""Documents cut into chunks, and chunks turned into vectors. Models load at the first call, once in a process."""

from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["chunks", "embed", "version"]


def chunks(documents: pl.DataFrame, *, model: str = "minilm") -> pl.DataFrame:
    """`documents` (columns id and text) in chunks that `model` reads whole; see `chunking.split` for the columns."""
    from parlance.embedding import chunking, weights

    folder = weights.locate(model)
    room = weights.content_tokens(folder)
    return chunking.split(
        documents,
        model=model,
        tokenizer=weights.tokenizer(folder),
        max_tokens=min(chunking.MAX_TOKENS, room),
        overlap=min(chunking.OVERLAP, room // 10),
    )


def embed(
    texts: "pl.Series | pa.StringArray",
    model: str = "minilm",
    device: str | None = None,
    batch_tokens: int | None = None,
    precision: Literal["float32", "bfloat16"] | None = None,
) -> "npt.NDArray[np.float32]":
    """One unit vector for each text, in their order: (texts, dimension) float32; minilm has 384 dimensions.

    `model` is "minilm" (weights inside an installed package, so no download), a folder, or a Hugging Face name
    "owner/name"; only safetensors are read. `device` is what torch calls it (null: CUDA where present, else the CPU);
    "cuda" is all GPUs together. A batch holds at most `batch_tokens` tokens, padding included, or one text (null: what
    suits the device). `precision` null is bfloat16 where the device multiplies it in hardware, else float32; in
    bfloat16 the vectors of equal texts may differ in the fourth digit, in float32 in the last bits.
    A text is cut at what the model reads; an empty one has the vector of its special tokens alone.
    Raises ConfigError for an unknown model, device or precision, SchemaError where texts are null or not strings.
    """
    from parlance.embedding import encoder

    return encoder.embed(texts, model=model, device=device, batch_tokens=batch_tokens, precision=precision)


def version(model: str = "minilm") -> str:
    """12 hex digits of the files of `model` and of how its vectors are made: other digits, other vectors."""
    from parlance.embedding import weights

    return weights.version(weights.locate(model))
