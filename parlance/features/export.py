"""Features as a repository of Feast: Parquet files, `feature_store.yaml` and the definitions in Python."""

from pathlib import Path
from typing import Final

import polars as pl

from parlance.lake import Lake

ENTITIES: Final = {"threads": "thread", "authors": "author"}
TYPES: Final = {pl.Int64: "Int64", pl.Float64: "Float64", pl.String: "String"}
CONFIGURATION: Final = """project: parlance
provider: local
registry: registry.db
online_store:
  type: sqlite
  path: online.db
entity_key_serialization_version: 3
"""


def export_feast(lake: Lake, folder: Path) -> list[Path]:
    """The files that it writes into `folder`, which is made: a feature view for each kind of entity.

    Each Parquet file has the features with `event_timestamp` and `created`, which breaks ties: later rows have a later
    one. The definitions name the files by their full path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    views, written = [], []
    for kind, entity in ENTITIES.items():
        path = (folder / f"{kind}.parquet").resolve()
        rows = lake.table(f"features/{kind}").scan().drop("partition").rename({"id": entity})
        rows = rows.with_columns(created=pl.col("event_timestamp")).sort("event_timestamp", entity)
        rows.sink_parquet(path)
        views.append(_view(kind, entity, path, rows.collect_schema()))
        written.append(path)
    for name, text in (("feature_store.yaml", CONFIGURATION), ("definitions.py", "\n".join([IMPORTS, *views]))):
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


IMPORTS: Final = '''"""Features of threads and authors."""

from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String
'''


def _view(kind: str, entity: str, path: Path, schema: pl.Schema) -> str:
    known = {name: TYPES.get(dtype.base_type()) for name, dtype in schema.items() if name != entity}
    fields = [f'        Field(name="{name}", dtype={dtype}),' for name, dtype in known.items() if dtype is not None]
    return "\n".join(
        [
            f'{entity} = Entity(name="{entity}", join_keys=["{entity}"], value_type=ValueType.STRING)',
            f"{kind}_source = FileSource(",
            f'    path={str(path)!r}, timestamp_field="event_timestamp", created_timestamp_column="created"',
            ")",
            f"{kind} = FeatureView(",
            f'    name="{kind}",',
            f"    entities=[{entity}],",
            "    ttl=timedelta(days=30),",
            f"    source={kind}_source,",
            "    schema=[",
            *fields,
            "    ],",
            ")",
            "",
        ]
    )
