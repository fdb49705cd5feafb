"""Metadata that people read in the UI: row counts, table versions, schemas, previews, pictures."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa

from parlance.storage import Table, Written

CELL = 120


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """The columns of a table as the UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(field.name, str(field.type), constraints=dg.TableColumnConstraints(nullable=field.nullable))
            for field in schema
        ]
    )


def of_table(
    table: Table, written: Written, *, preview: Sequence[str] = (), where: pl.Expr | None = None
) -> dict[str, Any]:
    """Where the table is, its version, what was written, and three rows of the `preview` columns."""
    metadata: dict[str, Any] = {
        "dagster/uri": table.uri,
        "dagster/table_name": table.name,
        "table_version": written.version,
        "rows_written": written.rows,
        "size_bytes": written.size_bytes,
    }
    if preview and written.rows:
        keys = list(written.rows_by_partition) or None
        rows = table.scan(keys)
        rows = rows if where is None else rows.filter(where)
        metadata["preview"] = table_of(rows.select(preview).head(3).collect())
    return metadata


def table_of(frame: pl.DataFrame) -> dg.MetadataValue:
    """A small frame as a markdown table; long cells are cut."""
    return dg.MetadataValue.md(markdown(frame))


def markdown(frame: pl.DataFrame) -> str:
    """The text of `table_of`."""
    if frame.is_empty():
        return "*no rows*"
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + " --- |" * frame.width]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in frame.iter_rows()]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    text = " ".join(str("" if value is None else value).split()).replace("|", "\\|").replace("<", "&lt;")
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def picture(svg: str) -> dg.MetadataValue:
    """An SVG as a picture in the UI."""
    return dg.MetadataValue.md(image(svg))


def image(svg: str) -> str:
    """The markdown of an SVG as a picture."""
    return f"![plot](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def pictures(svgs: Iterable[str]) -> dg.MetadataValue:
    """Several SVGs, one below the other."""
    return dg.MetadataValue.md("\n\n".join(map(image, svgs)) or "*nothing yet*")


def with_pictures(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with every SVG among them as a picture."""
    is_svg = {
        name: isinstance(value, str) and value.lstrip().startswith(("<?xml", "<svg")) for name, value in values.items()
    }
    return {name: picture(value) if is_svg[name] else value for name, value in values.items()}


def by_partition(context: dg.AssetExecutionContext, key: dg.AssetKey, rows: Mapping[str, int]) -> None:
    """Gives each partition of the run its own row count."""
    numbers_by_partition(context, key, {name: {"dagster/partition_row_count": count} for name, count in rows.items()})


def numbers_by_partition(
    context: dg.AssetExecutionContext, key: dg.AssetKey, numbers: Mapping[str, Mapping[str, Any]]
) -> None:
    """Gives each partition of the run its own numbers, which the UI plots over partitions."""
    for partition, values in numbers.items():
        context.add_asset_metadata(values, asset_key=key, partition_key=partition)
