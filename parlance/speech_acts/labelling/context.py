"""Utterances of conversations with the context that labelling functions look at."""

import polars as pl

from parlance.errors import SchemaError
from parlance.schemas import LABELLED


def in_conversations(labelled: pl.DataFrame) -> pl.DataFrame:
    """Rows of the LABELLED table in order, with the columns `evidence.CONTEXT` beside their own.

    A position counts from zero in each conversation. Raises SchemaError where a column is missing.

    >>> row = {"id": "a", "conversation": "c", "position": 4, "author": "x", "text": "Hi", "lang": "en"}
    >>> rows = [row | {"medium": "chat"}, row | {"id": "b", "position": 7, "text": "Sure", "medium": "chat"}]
    >>> frame = pl.DataFrame(rows).with_columns(form=pl.lit(None), function=pl.lit(None))
    >>> in_conversations(frame).select("text", "previous", "speaker_changed", "position").rows()
    [('Hi', None, None, 0), ('Sure', 'Hi', False, 1)]
    """
    missing = [name for name in LABELLED.names if name not in labelled.columns]
    if missing:
        raise SchemaError(f"labelled utterances lack the columns {missing}; needed: {LABELLED.names}")
    ordered = labelled.sort("conversation", "position", "id")
    # The author of some is unknown; then the next one is taken for somebody else.
    same = pl.col("author").eq(pl.col("author").shift(1)).fill_null(False)
    return ordered.with_columns(
        previous=pl.col("text").shift(1).over("conversation"),
        speaker_changed=pl.when(pl.int_range(pl.len()) > 0).then(~same).over("conversation"),
        position=pl.int_range(pl.len(), dtype=pl.Int32).over("conversation"),
        is_bot=pl.lit(False),
    )
