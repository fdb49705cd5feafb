"""Everything that later decisions need, measured in one pass over the text."""

import numpy as np
import polars as pl

from parlance import dedup, languages, pii
from parlance.errors import SchemaError
from parlance.filters import registry
from parlance.references import SIGNALS, References

NEEDED = ["id", "source", "text", "turns", "created_at", "partition"]


def measure(
    documents: pl.DataFrame | pl.LazyFrame, *, language_model: str | None = None, references: References | None = None
) -> pl.DataFrame:
    """`parlance.schemas.signals_schema(rules())` rows for a batch of documents, in their order.

    `signature` holds the little-endian bytes of 128 uint32; it and `bands` are null where the document has no
    word. A rule's score is null where it is undefined. A row's values do not depend on the other rows.
    `language_model` as in `parlance.languages.identify`; `references` are what documents are compared with, as in
    `parlance.references.References.compare`: where they block hosts, documents need a `url`.
    """
    present = documents.collect_schema().names()
    missing = [name for name in NEEDED if name not in present]
    if missing:
        raise SchemaError(f"documents lack columns {missing}; needed: {NEEDED}")
    batch = documents.lazy().select(*NEEDED, *({"url"} & {*present})).collect()
    names = registry.rules()
    text = pl.col("text")
    sizes = batch.select(
        text.str.len_chars().cast(pl.Int64).alias("characters"),
        text.str.count_matches(r"\S+").cast(pl.Int64).alias("words"),
    )
    scores = registry.scores(batch["text"], names, turns=batch["turns"])
    language = languages.identify(batch["text"], language_model).rename({"score": "language_score"})
    found = pii.find(batch["text"]).alias("pii")
    compared = (references or References()).compare(batch)
    measured = [*sizes, *language, *scores, *compared, *_duplicate_signals(batch["text"]), found]
    columns = [*batch.select("id", "source", "created_at", "partition"), *measured]
    order = ["id", "source", "created_at", "characters", "words", "language", "language_score"]
    order += SIGNALS
    return pl.DataFrame(columns).select(*order, "content_hash", "signature", "bands", "pii", *names, "partition")


def _duplicate_signals(texts: pl.Series) -> list[pl.Series]:
    from parlance.dedup.sketching import EMPTY  # loads the compiler

    sketches = dedup.signatures(texts)
    has_words = pl.Series((sketches != EMPTY).any(axis=1), dtype=pl.Boolean)
    blobs = [row.tobytes() for row in np.ascontiguousarray(sketches, dtype="<u4")]
    frame = pl.DataFrame(
        {
            "content_hash": dedup.content_hashes(texts),
            "signature": pl.Series(blobs, dtype=pl.Binary),
            "bands": pl.Series(dedup.bands(sketches), dtype=pl.Array(pl.Int64, 25)).cast(pl.List(pl.Int64)),
        }
    )
    return frame.with_columns(pl.when(has_words).then(pl.col("signature", "bands"))).get_columns()
