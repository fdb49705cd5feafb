"""The corpus on a plane: chunks that say alike stand side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from parlance import schemas
from parlance.lake import Lake
from parlance.stages.vectors import chunks
from parlance.storage import Written, record_batches

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

COMPONENTS = 50
LEAST_POINTS = 4  # t-SNE needs neighbours


def write_map(
    lake: Lake, lanes: Sequence[str], *, most: int = 2000, perplexity: float = 30.0, seed: int = 1
) -> Written:
    """Puts `most` chunks of `lanes` (all, where there are fewer) with their places into `search/map`.

    The sample is that of the lowest ids, which are hashes: it depends on what the chunks say and on nothing else.
    """
    drawn = chunks(lake, lanes).bottom_k(most, by="id").collect().sort("id")
    vectors = drawn["vector"].list.to_array(drawn["vector"].list.len()[0] if drawn.height else 1).to_numpy()
    places = on_a_plane(vectors, perplexity=perplexity, seed=seed)
    telling = pl.col("speech_acts").list.set_difference(["none"]).list.first().fill_null("none")
    points = drawn.with_columns(speech_act=telling, x=pl.Series(places[:, 0]), y=pl.Series(places[:, 1]))
    return lake.table("search/map").replace(record_batches(points, schemas.MAP))


def on_a_plane(
    vectors: "npt.NDArray[np.float32]", *, perplexity: float = 30.0, seed: int = 1
) -> "npt.NDArray[np.float32]":
    """A place for each of `vectors` (points, dimension): (points, 2) float32, the same each time.

    50 principal components, then t-SNE (van der Maaten and Hinton 2008) from the first two of them; of a few points
    the two components alone.
    """
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if len(vectors) < LEAST_POINTS:
        return np.stack([np.arange(len(vectors)), np.zeros(len(vectors))], axis=1).astype(np.float32)
    components = min(COMPONENTS, *vectors.shape)
    reduced = PCA(components, svd_solver="full").fit_transform(vectors.astype(np.float64))
    tsne = TSNE(perplexity=min(perplexity, (len(vectors) - 1) / 3), init="pca", random_state=seed, n_jobs=1)
    return np.asarray(tsne.fit_transform(reduced), np.float32)
