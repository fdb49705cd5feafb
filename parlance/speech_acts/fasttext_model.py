"""fastText, kept to what is the same on every run."""

import ctypes
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parlance.errors import ConfigError

_LABEL: Final = "__label__"
_M_PERTURB: Final = -6  # mallopt(3)
_training = threading.Lock()


def fit(
    examples: Iterable[tuple[str, str]],
    path: Path,
    *,
    seed: int,
    epochs: int,
    dim: int,
    buckets: int,
    least_subword: int = 2,
    most_subword: int = 4,
    learning_rate: float = 1.0,
) -> None:
    """Train a classifier of (label, line) `examples` and save it as `path`; equal input gives equal bytes.

    The order of the examples matters: fastText does not shuffle. Beside words and pairs of them it learns
    the parts of words with `least_subword` to `most_subword` characters; 0 and 0: none.
    """
    import fasttext

    with tempfile.TemporaryDirectory() as folder, _zeroed_memory():
        lines = Path(folder, "lines.txt")
        lines.write_text("".join(f"{_LABEL}{label} {line}\n" for label, line in examples), encoding="utf-8")
        try:
            model = fasttext.train_supervised(
                input=str(lines), seed=seed, epoch=epochs, dim=dim, bucket=buckets,
                lr=learning_rate, wordNgrams=2, minn=least_subword, maxn=most_subword,
                loss="softmax", thread=1, verbose=0,
            )  # fmt: skip
        except RuntimeError as error:
            raise ConfigError(
                f"fastText cannot train with epochs={epochs}, dim={dim}, buckets={buckets}: {error}"
            ) from error
    model.save_model(str(path))


def load(path: Path) -> Any:
    """The fastText model in the file `path`."""
    import fasttext

    try:
        return fasttext.load_model(str(path))
    except ValueError as error:
        raise ConfigError(f"{str(path)!r} is no fastText model: {error}") from error


def probabilities(model: Any, lines: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
    """What the model gives each of `labels` for each line, (lines, labels); zero for a label that it does not know."""
    column = {f"{_LABEL}{label}": index for index, label in enumerate(labels)}
    found = np.zeros((len(lines), len(labels)))
    for row, (names, scores) in enumerate(zip(*model.predict(list(lines), k=len(labels)), strict=True)):
        found[row, [column[name] for name in names]] = scores
    return found


@contextmanager
def _zeroed_memory() -> Iterator[None]:
    """Make malloc hand out zeroed memory.

    With one thread fastText 0.9 fills only the first tenth of its input matrix (DenseMatrix::uniform) and
    trains on whatever the heap held in the rest: another model on each run, or "Encountered NaN".
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        raise ConfigError("training needs glibc: without mallopt fastText reads memory that it never wrote")
    with _training:
        # Allocated bytes are set to the complement of the value, so 255 gives zeros.
        libc.mallopt(_M_PERTURB, 0xFF)
        try:
            yield
        finally:
            libc.mallopt(_M_PERTURB, 0)
