"""How far two sets of embeddings are from each other: by which drift is told."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parlance.errors import ConfigError, SchemaError

LEAST = 10  # of either set
FOLDS = 5

Vectors = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Distance:
    """Three views of one question; of two samples of one corpus `mmd2` is about 0, `p_value` is not small, `auc` .5.

    `mmd2`: squared maximum mean discrepancy, unbiased, so that it may be a little below 0; `p_value`: the share of
    random divisions of both sets that are as far apart or more; `auc`: how well a linear classifier tells the sets
    apart (area under the curve, cross-validated); `cosine`: of their means.
    """

    mmd2: float
    p_value: float
    auc: float
    cosine: float
    sizes: tuple[int, int]


def distance(
    reference: Vectors, current: Vectors, *, most: int = 1000, permutations: int = 200, seed: int = 1
) -> Distance:
    """How far `current` (rows, dimension) is from `reference` (rows, dimension); of each at most `most` rows, drawn.

    The discrepancy is that of Gretton et al. 2012 (Lemma 6) with a Gaussian kernel as wide as the median distance.
    The classifier is a logistic regression. Memory and time grow with the square of `most`.
    Raises SchemaError for vectors of several lengths or that are not finite, ConfigError for sets of fewer than 10.
    """
    random = np.random.default_rng(seed)
    first, second = (_drawn(vectors, most, random) for vectors in (reference, current))
    if first.shape[1] != second.shape[1]:
        raise SchemaError(f"vectors have {first.shape[1]} and {second.shape[1]} dimensions; one length is needed")
    together = np.concatenate([first, second])
    kernel = _kernel(together)
    found = _mmd2(kernel, np.arange(len(together)) < len(first))
    others = [_mmd2(kernel, random.permutation(len(together)) < len(first)) for _ in range(permutations)]
    means = [part.mean(axis=0) for part in (first, second)]
    return Distance(
        mmd2=found,
        p_value=(1 + sum(other >= found for other in others)) / (1 + permutations),
        auc=_auc(together, len(first), seed),
        cosine=float(means[0] @ means[1] / max(np.linalg.norm(means[0]) * np.linalg.norm(means[1]), 1e-12)),
        sizes=(len(first), len(second)),
    )


def _drawn(vectors: Vectors, most: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise SchemaError(f"vectors must be finite, in rows; their shape is {vectors.shape}")
    if len(vectors) < LEAST:
        raise ConfigError(f"a set of {len(vectors)} vectors is too small to compare; at least {LEAST}")
    rows = np.sort(random.choice(len(vectors), size=min(most, len(vectors)), replace=False))
    return vectors[rows].astype(np.float64)


def _kernel(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The Gaussian kernel of every pair, with zeros where a row meets itself."""
    squares = (vectors**2).sum(axis=1)
    apart = np.maximum(squares[:, np.newaxis] + squares - 2 * vectors @ vectors.T, 0)
    width = np.median(apart[np.triu_indices(len(apart), k=1)])
    kernel = np.exp(-apart / max(float(width), 1e-12))
    np.fill_diagonal(kernel, 0)
    return np.asarray(kernel)


def _mmd2(kernel: npt.NDArray[np.float64], is_first: npt.NDArray[np.bool_]) -> float:
    weights = is_first.astype(np.float64)
    rest, n = 1 - weights, int(is_first.sum())
    m = len(weights) - n
    to_first, to_rest = kernel @ weights, kernel @ rest
    within = weights @ to_first / (n * (n - 1)) + rest @ to_rest / (m * (m - 1))
    return float(within - 2 * (weights @ to_rest) / (n * m))


def _auc(vectors: npt.NDArray[np.float64], first: int, seed: int) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    labels = (np.arange(len(vectors)) >= first).astype(int)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    model = LogisticRegression(max_iter=1000, class_weight="balanced")
    scores = cross_val_predict(model, vectors, labels, cv=folds, method="decision_function")
    return float(roc_auc_score(labels, scores))
