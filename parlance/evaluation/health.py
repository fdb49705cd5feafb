"""Whether the weights of a model are sound: numbers, spectra, and how far they are from those of its base.

The spectrum of a trained matrix has a heavy tail; the exponent of its power law says how strongly it was trained
(Martin and Mahoney 2021, "Implicit self-regularization in deep neural networks"; some 2 to 6 in models that generalise
well, above that nearly random). One matrix is in memory at a time.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from safetensors import safe_open

from parlance.errors import ConfigError
from parlance.modelling.loading import device

LEAST_EIGENVALUES: Final = 20  # of which an exponent is still told from chance
SCHEMA: Final = {
    "layer": pl.String,
    "rows": pl.Int64,
    "columns": pl.Int64,
    "not_numbers": pl.Int64,
    "dead_rows": pl.Int64,
    "spectral_norm": pl.Float64,
    "stable_rank": pl.Float64,
    "alpha": pl.Float64,
    "tail": pl.Int64,
    "distance": pl.Float64,
}


def health(model: str, *, base: str | None = None) -> pl.DataFrame:
    """A row for each tensor of weights of `model` (a folder or a name on the hub), in the order of their names.

    `layer`, `rows`, `columns` (1 for a vector); `not_numbers`: values that are NaN or infinite; `dead_rows`: rows of
    zeros alone; of matrices `spectral_norm`, `stable_rank` (the squared Frobenius norm over the squared spectral
    norm) and `alpha`, the exponent of the power law of the eigenvalues of W'W, of which `tail` follow it; null where
    they are fewer than 20 or not numbers. `distance`: the norm of the difference to the same tensor of `base` over
    that of the base's; null where the base has none of that shape.
    """
    before = tensors_of(base) if base is not None else {}
    rows = []
    for name, file in sorted(tensors_of(model).items()):
        weights = _read(file, name)
        start = _read(before[name], name) if name in before else None
        rows.append({"layer": name, **_measured(weights), "distance": _distance(weights, start)})
    return pl.DataFrame(rows, schema=SCHEMA)


def tensors_of(model: str) -> dict[str, Path]:
    """The tensors of a model, each with the safetensors file that holds it."""
    folder = Path(model)
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(model, allow_patterns=["*.safetensors"]))
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(str(path), framework="pt") as file:
            found.update(dict.fromkeys(file.keys(), path))
    if not found:
        raise ConfigError(f"{model!r} holds no weights as safetensors")
    return found


def summary(layers: pl.DataFrame) -> dict[str, float]:
    """The figures of `health` for a whole model; a mean is NaN where no layer has the figure."""
    means = layers.select(pl.col("alpha", "stable_rank", "distance").mean()).to_dicts()[0]
    return {
        "not_numbers": float(layers["not_numbers"].sum()),
        "dead_layers": float((layers["dead_rows"] == layers["rows"]).sum()),
        **{name: math.nan if value is None else float(value) for name, value in means.items()},
    }


def exponent(eigenvalues: npt.NDArray[np.float64]) -> tuple[float, int] | None:
    """The exponent of the power law that the largest eigenvalues follow, and how many do; null for fewer than 20.

    The tail begins where its law fits best by Kolmogorov and Smirnov's distance, its exponent is the likeliest one
    (Clauset, Shalizi and Newman 2009, equations 3.1 and 3.9).
    """
    values = np.sort(eigenvalues[eigenvalues > eigenvalues.max(initial=0) * 1e-10])
    if len(values) < LEAST_EIGENVALUES:
        return None
    logs = np.log(values)
    sums = np.cumsum(logs[::-1])[::-1]
    best: tuple[float, float, int] | None = None
    for start in range(len(values) - LEAST_EIGENVALUES // 2):
        tail = len(values) - start
        excess = sums[start] - tail * logs[start]
        if excess <= 0:
            continue
        alpha = 1 + tail / excess
        expected = 1 - np.exp((1 - alpha) * (logs[start:] - logs[start]))
        reached = np.arange(tail) / tail
        distance = float(np.maximum(np.abs(expected - reached), np.abs(expected - reached - 1 / tail)).max())
        if best is None or distance < best[0]:
            best = distance, alpha, tail
    return None if best is None else (best[1], best[2])


def _measured(weights: torch.Tensor) -> Mapping[str, Any]:
    matrix = weights if weights.ndim == 2 else weights.reshape(weights.shape[0] if weights.ndim else 1, -1)
    not_numbers = int((~torch.isfinite(matrix)).sum())
    figures: dict[str, Any] = {
        "rows": matrix.shape[0],
        "columns": matrix.shape[1],
        "not_numbers": not_numbers,
        "dead_rows": int((matrix == 0).all(dim=1).sum()),
    }
    if not_numbers or weights.ndim < 2:
        return figures
    # Of the smaller Gram matrix: the same eigenvalues but for zeros.
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    eigenvalues = torch.linalg.eigvalsh((wide @ wide.T).double()).clamp_min(0).cpu().numpy()
    largest = float(eigenvalues.max())
    fitted = exponent(eigenvalues)
    return figures | {
        "spectral_norm": math.sqrt(largest),
        "stable_rank": float(eigenvalues.sum()) / largest if largest else 0.0,
        "alpha": fitted[0] if fitted else None,
        "tail": fitted[1] if fitted else None,
    }


def _distance(weights: torch.Tensor, before: torch.Tensor | None) -> float | None:
    if before is None or before.shape != weights.shape:
        return None
    norm = float(torch.linalg.vector_norm(before))
    difference = float(torch.linalg.vector_norm(weights - before))
    return difference / norm if norm else None


def _read(file: Path, name: str) -> torch.Tensor:
    with safe_open(str(file), framework="pt") as opened:
        return opened.get_tensor(name).to(device(), torch.float32)  # type: ignore[no-any-return]
