"""What the main job made, as a table for the terminal."""

import polars as pl
from rich.console import Console
from rich.table import Table as Grid

from orchestration.lanes import lanes
from parlance.lake import LANE_TABLES, TABLES, Lake


def show(lake: Lake, console: Console) -> None:
    """Prints rows by table, where the report is, and the command that opens the UI."""
    grid = Grid(title="What was made", title_justify="left", header_style="bold")
    for column in ("table", "rows", "version"):
        grid.add_column(column, justify="left" if column == "table" else "right")
    for name in [*(f"{lane}/{table}" for lane in lanes() for table in LANE_TABLES), *TABLES]:
        table = lake.table(name)
        if table.exists():
            rows = table.scan().select(pl.len()).collect().item()
            grid.add_row(name, f"{rows:,}", str(table.version()))
    console.print(grid)
    if report := lake.files.latest("report"):
        console.print(f"Report:  {lake.files.uri('report', report)}/report.html", soft_wrap=True, highlight=False)
    console.print(f"Lake:    {lake.root}", soft_wrap=True, highlight=False)
    console.print("Next:    [bold]make ui[/] opens the web UI on http://127.0.0.1:3000")
