"""Semantic duplicates: documents whose embeddings point the same way, by SemDeDup. Importing this imports torch."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from parlance.dedup.linking import components
from parlance.dedup.tokens import Indices
from parlance.errors import ConfigError, SchemaError

Vectors = npt.NDArray[np.float32]

COLUMNS = ["id", "source", "created_at", "partition"]
EXACT_ROWS = 16_384  # as many are compared each with each, which takes some seconds on two cores
NEAREST = 2  # clusters in which a row is looked for
ITERATIONS = 10
SAMPLED = 64  # rows for each centre that is learnt
BLOCK = 2048  # rows of a matrix of cosines
PAIRS = 4_000_000  # links held before they are replaced by the components that they make
ROUNDING = 1e-6  # of a cosine in float32
SEED = 1


def semantic_duplicates(
    rows: pl.DataFrame,
    vectors: Vectors,
    *,
    threshold: float = 0.95,
    clusters: int | None = None,
    seed: int = SEED,
    device: str | None = None,
) -> pl.DataFrame:
    """`SEMANTIC_DUPLICATES` rows: the members of every cluster of two or more, by cluster, survivor first.

    `rows` has `id`, `source`, `created_at` and `partition`, `vectors` is `(rows, dimension) float32` of unit length, in
    the same order; a memory map will do. Rows whose cosine is at least `threshold` are linked, and a cluster is what
    links connect, so a member's `cosine` against its survivor can lie below. The survivor is the earliest, unknown
    times last, then by id; it has no `matched_id` or `cosine`.

    SemDeDup (Abbas et al. 2023, section 3): k-means over the vectors, then all pairs within each cluster. Here up to
    `EXACT_ROWS` rows are one cluster, so that nothing is missed; beyond, `clusters` (null: the square root of the rows)
    are made, and a row is looked for in the two nearest, since a border that runs between two near rows seldom cuts
    off both. SemDeDup keeps of each cluster what is farthest from the centre; here it is the earliest, so that a later
    document never takes the place of one that stands.

    The result does not depend on the order of rows; equal seeds give equal results on one machine (sums of
    floats differ in the last bits elsewhere). A matrix block and links take some 200 MB beside the vectors.

    >>> rows = pl.DataFrame({"id": ["b", "a"], "source": "dump", "created_at": [2, 1], "partition": "p"})
    >>> semantic_duplicates(rows, np.array([[0.6, 0.8], [0.6, 0.8]], np.float32)).select("id", "keep", "cosine").rows()
    [('a', True, None), ('b', False, 1.0)]
    """
    _check(rows, vectors, threshold, clusters)
    order = rows.with_row_index("at").sort("created_at", "id", "source", "partition", nulls_last=True)["at"].to_numpy()
    search = _Search(vectors, order, torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")))
    if clusters is None:
        clusters = 1 if len(order) <= EXACT_ROWS else round(len(order) ** 0.5)
    links = _Links(len(order))
    for members in search.neighbourhoods(min(clusters, len(order)), seed):
        for left, right in search.near(members, threshold - ROUNDING):
            links.add(left, right)
    survivors = links.components()
    in_cluster = np.flatnonzero(np.bincount(survivors, minlength=len(order))[survivors] > 1)
    members = in_cluster[np.lexsort((in_cluster, survivors[in_cluster]))]
    return _table(rows, order[members], order[survivors[members]], search.cosines(members, survivors[members]))


def _check(rows: pl.DataFrame, vectors: Vectors, threshold: float, clusters: int | None) -> None:
    if missing := [name for name in COLUMNS if name not in rows.columns]:
        raise SchemaError(f"rows lack columns {missing}; needed: {COLUMNS}")
    if vectors.ndim != 2 or len(vectors) != rows.height or vectors.dtype != np.float32:
        raise SchemaError(f"{rows.height} rows need as many float32 vectors; got {vectors.shape} {vectors.dtype}")
    if not 0 < threshold <= 1:
        raise ConfigError(f"threshold must be above 0 and at most 1, got {threshold}")
    if clusters is not None and clusters < 1:
        raise ConfigError(f"clusters must be at least 1, got {clusters}")


class _Search:
    """Vectors by rank, which is their place in `order`, block by block on a device."""

    def __init__(self, vectors: Vectors, order: Indices, device: torch.device) -> None:
        self.vectors, self.order, self.device = vectors, order, device

    def block(self, ranks: Indices) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.vectors[self.order[ranks]])).to(self.device)

    def neighbourhoods(self, clusters: int, seed: int) -> Iterator[Indices]:
        """The ranks of the rows that are compared with each other, in ascending order."""
        ranks = np.arange(len(self.order))
        if clusters <= 1:
            yield ranks
            return
        centres = self._centres(clusters, seed)
        nearest = np.concatenate([self._nearest(part, centres, min(NEAREST, clusters)) for part in _blocks(ranks)])
        rows = np.repeat(ranks, nearest.shape[1])
        by_cluster = np.argsort(nearest.ravel(), kind="stable")
        sizes = np.bincount(nearest.ravel(), minlength=clusters)
        yield from np.split(rows[by_cluster], np.cumsum(sizes)[:-1])

    def _centres(self, clusters: int, seed: int) -> torch.Tensor:
        """Spherical k-means over a sample. Sums are made on the CPU, where their order is fixed."""
        chance = np.random.default_rng(seed)
        sample = np.sort(chance.choice(len(self.order), min(len(self.order), SAMPLED * clusters), replace=False))
        points = self.vectors[self.order[sample]]
        centres = points[chance.choice(len(sample), clusters, replace=False)]
        for _ in range(ITERATIONS):
            on_device = torch.from_numpy(centres).to(self.device)
            own = np.concatenate([self._nearest(part, on_device, 1)[:, 0] for part in _blocks(sample)])
            by_cluster = np.argsort(own, kind="stable")
            found, begins = np.unique(own[by_cluster], return_index=True)
            sums = np.add.reduceat(points[by_cluster].astype(np.float64), begins)
            lengths = np.linalg.norm(sums, axis=1, keepdims=True)
            centres = centres.copy()  # one that nothing is near to stays where it is
            centres[found] = np.where(lengths > 0, sums / np.maximum(lengths, 1e-30), centres[found])
        return torch.from_numpy(centres).to(self.device)

    def _nearest(self, ranks: Indices, centres: torch.Tensor, count: int) -> Indices:
        found: Indices = (self.block(ranks) @ centres.T).topk(count, dim=1).indices.cpu().numpy()
        return found

    def near(self, members: Indices, threshold: float) -> Iterator[tuple[Indices, Indices]]:
        """Pairs of `members` (ranks, ascending) whose cosine reaches `threshold`."""
        blocks = list(_blocks(members))
        for number, ours in enumerate(blocks):
            own = self.block(ours)
            for theirs in blocks[number:]:
                is_near = own @ (own if theirs is ours else self.block(theirs)).T >= threshold
                left, right = (is_near.triu(1) if theirs is ours else is_near).nonzero().cpu().numpy().T
                yield ours[left], theirs[right]

    def cosines(self, left: Indices, right: Indices) -> npt.NDArray[np.float64]:
        """The cosine of each pair of ranks, at most 1."""
        found = [np.empty(0)]
        for ours, theirs in zip(_blocks(left), _blocks(right), strict=True):
            one, other = self.vectors[self.order[ours]], self.vectors[self.order[theirs]]
            found.append((one.astype(np.float64) * other).sum(axis=1))
        return np.minimum(np.concatenate(found), 1.0)


class _Links:
    """Links between rows; beyond `PAIRS` of them they are replaced by those that make the same components."""

    def __init__(self, rows: int) -> None:
        self.labels = np.arange(rows)
        self.waiting: list[tuple[Indices, Indices]] = []

    def add(self, left: Indices, right: Indices) -> None:
        is_new = self.labels[left] != self.labels[right]
        self.waiting.append((left[is_new], right[is_new]))
        if sum(len(links) for links, _ in self.waiting) > PAIRS:
            self.components()

    def components(self) -> Indices:
        """For each row the first one that links connect it to."""
        linked = np.flatnonzero(self.labels != np.arange(len(self.labels)))
        ours = [linked, *(left for left, _ in self.waiting)]
        theirs = [self.labels[linked], *(right for _, right in self.waiting)]
        self.labels = components(len(self.labels), np.concatenate(ours), np.concatenate(theirs))
        self.waiting.clear()
        return self.labels


def _blocks(ranks: Indices) -> Iterator[Indices]:
    for start in range(0, len(ranks), BLOCK):
        yield ranks[start : start + BLOCK]


def _table(rows: pl.DataFrame, members: Indices, survivors: Indices, cosines: npt.NDArray[np.float64]) -> pl.DataFrame:
    identity = rows["id"].gather(survivors)
    return pl.DataFrame(
        {
            "id": rows["id"].gather(members),
            "source": rows["source"].gather(members),
            "cluster": identity,
            "keep": members == survivors,
            "kind": pl.repeat("semantic", len(members), eager=True, dtype=pl.String),
            "matched_id": identity,
            "cosine": cosines,
            "document_partition": rows["partition"].gather(members),
        }
    ).with_columns(pl.when(~pl.col("keep")).then(pl.col("matched_id", "cosine")))
