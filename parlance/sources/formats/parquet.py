"""Parquet with a column `text`, `content` or `raw_content`, as the Hugging Face hub converts data sets to.

One row a document; the other columns, nested ones too, stay in its payload. https://parquet.apache.org
"""

from parlance.sources.formats import Format, Head
from parlance.sources.json_rows import parquet_rows


def recognise(head: Head) -> int:
    """Little: the published sets, which come as Parquet too, go first."""
    return 20 if head.start.startswith(b"PAR1") else 15 if head.name.lower().endswith(".parquet") else 0


FORMAT = Format(name="parquet", suffixes=(".parquet",), recognise=recognise, rows=parquet_rows)
