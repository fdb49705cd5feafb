"""What is near to a text, or has its words, or both."""

from typing import TYPE_CHECKING, Literal, cast, get_args

import polars as pl

from parlance import embedding
from parlance.errors import ConfigError
from parlance.search.conditions import Where
from parlance.search.store import PROBES, REFINED, Store

if TYPE_CHECKING:
    from lancedb.query import LanceHybridQueryBuilder, LanceQueryBuilder
    from lancedb.table import Table

MAX_K = 1000

Mode = Literal["vector", "text", "hybrid"]
HITS: dict[str, pl.DataType | type[pl.DataType]] = {
    "rank": pl.Int64,
    "score": pl.Float64,
    "source": pl.String,
    "document_id": pl.String,
    "text": pl.String,
    "start": pl.Int32,
    "end": pl.Int32,
    "channel": pl.String,
    "created_at": pl.Datetime("us", "UTC"),
    "speech_acts": pl.List(pl.String),
    "url": pl.String,
}
_SCORES = {"vector": "_distance", "text": "_score", "hybrid": "_relevance_score"}


def search(uri: str, query: str, *, k: int = 10, where: Where = Where(), mode: Mode = "vector") -> pl.DataFrame:  # noqa: B008 - frozen
    """The `k` best chunks of the store at `uri` that `where` allows, best first; columns as `HITS`.

    `mode` vector ranks by meaning and its score is the cosine, text ranks by words (BM25, with English stems), hybrid
    by both ranks (reciprocal rank fusion). The query is embedded by the model that the store was made with.
    Raises ConfigError for k outside 1 to 1000, a blank query, an unknown mode, and where there is no store.
    """
    if not 1 <= k <= MAX_K:
        raise ConfigError(f"k {k} is out of range; 1 to {MAX_K}")
    if not query.strip():
        raise ConfigError("the query is blank; words to search for are needed")
    if mode not in get_args(Mode):
        raise ConfigError(f"unknown mode {mode!r}; known: {', '.join(get_args(Mode))}")
    store = Store(uri)
    table = store.table()
    models = table.search().select(["model"]).limit(1).to_arrow()["model"].to_pylist()
    if not models:
        return pl.DataFrame(schema=HITS)
    found = _asked(store, table, query, models[0], mode).limit(k)
    if where.sql is not None:
        found = found.where(where.sql, prefilter=True)
    hits = pl.DataFrame(found.to_arrow())
    score = pl.col(_SCORES[mode]).cast(pl.Float64)
    return (
        hits.with_columns(score=1 - score if mode == "vector" else score)
        .sort("score", descending=True, maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1))
        .select(pl.col(name).cast(dtype) for name, dtype in HITS.items())
    )


def nearest(uri: str, text: str, *, k: int = 10, where: Where = Where()) -> pl.DataFrame:  # noqa: B008 - frozen
    """The `k` chunks whose meaning is nearest to `text`, with their cosine; see `search`."""
    return search(uri, text, k=k, where=where)


def _asked(store: Store, table: "Table", query: str, model: str, mode: Mode) -> "LanceQueryBuilder":
    columns = [name for name in HITS if name not in ("rank", "score")]
    if mode == "text":
        return table.search(query, query_type="fts").select([*columns, "_score"])
    vector = embedding.embed(pl.Series([query]), model=model)[0]
    if mode == "hybrid":
        asked = cast("LanceHybridQueryBuilder", table.search(query_type="hybrid")).vector(vector).text(query)
        return asked.distance_type("cosine").nprobes(PROBES).refine_factor(REFINED)
    return store.near(vector, table=table).select([*columns, "_distance"])
