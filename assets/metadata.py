"""Metadata that people read in the UI: row counts, table versions, schemas, previews, pictures."""

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa

from parlance.columns import description, name_of
from parlance.storage import Table, Written

CELL = 80
MOST_EXPLAINED = 31
# What markdown would take for its own; an underscore within a word it leaves alone.
MARKS = re.compile(r"[\\`*~|\[\]]|(?<![^\W_])_|_(?![^\W_])|&(?=\w+;|#)")
# Markdown below 1,000 characters stands open on an asset's page; longer markdown, and every picture, behind a link.
OPEN_CHARACTERS = 999


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """The columns of a table as the UI shows them, each with what it holds."""
    table = name_of(schema)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                field.name,
                str(field.type),
                description=description(field.name, table=table),
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
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
        metadata["preview"] = preview_of(table, preview, keys, where=where)
    return metadata


def preview_of(
    table: Table, columns: Sequence[str], partitions: Sequence[str] | None, *, where: pl.Expr | None = None
) -> dg.MetadataValue:
    """Three rows of `columns`."""
    rows = table.scan(partitions)
    rows = rows if where is None else rows.filter(where)
    return table_of(rows.select(columns).head(3).collect())


def table_of(frame: pl.DataFrame) -> dg.MetadataValue:
    """A small frame as a markdown table; long cells are cut."""
    return dg.MetadataValue.md(markdown(frame))


def markdown(frame: pl.DataFrame, *, cell: int = CELL) -> str:
    """The text of `table_of`; cells have `cell` characters at most."""
    if frame.is_empty():
        return "*no rows*"
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + " --- |" * frame.width]
    lines += ["| " + " | ".join(_cell(value, cell) for value in row) + " |" for row in frame.iter_rows()]
    return "\n".join(lines)


def shortened(frame: pl.DataFrame, *, more: str, caption: str = "") -> dg.MetadataValue:
    """As many rows of `frame` as stand open on the page, and how many more there are in the metadata `more`."""
    for height in range(frame.height, -1, -1):
        left = frame.height - height
        said = [caption, f"and {left:,} more: see `{more}`" if left else ""]
        text = "\n\n".join([markdown(frame.head(height)), *filter(None, said)])
        if len(text) <= OPEN_CHARACTERS:
            break
    return dg.MetadataValue.md(text)


def _cell(value: object, most: int) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    text = " ".join(str("" if value is None else value).split())
    return MARKS.sub(r"\\\g<0>", text if len(text) <= most else text[: most - 1] + "…").replace("<", "&lt;")


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


def explained(
    context: dg.AssetExecutionContext, key: dg.AssetKey, explain: Callable[[Sequence[str]], Mapping[str, Any]]
) -> None:
    """Gives each partition of the run what `explain` says of it, in tables and pictures.

    Of a long range the last partition has it, for all of them: each takes time, and Dagster stores it for each.
    """
    keys = list(context.partition_keys)
    for named in [[one] for one in keys] if len(keys) <= MOST_EXPLAINED else [keys]:
        context.add_asset_metadata(explain(named), asset_key=key, partition_key=named[-1])


def numbers_by_partition(
    context: dg.AssetExecutionContext, key: dg.AssetKey, numbers: Mapping[str, Mapping[str, Any]]
) -> None:
    """Gives each partition of the run its own numbers, which the UI plots over partitions."""
    for partition, values in numbers.items():
        context.add_asset_metadata(values, asset_key=key, partition_key=partition)
