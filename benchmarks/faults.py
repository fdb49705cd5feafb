"""Every fault that is injected, and what it cost: nothing that was readable.

python -m benchmarks.faults [slack|crawl|dumps|s3 ...]
"""

import importlib
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.fault import Fault

AREAS = ("slack", "crawl", "dumps", "s3")


def measured(areas: Sequence[str]) -> list[Fault]:
    """The faults of `areas`, each injected now."""
    return [fault for area in areas for fault in importlib.import_module(f"benchmarks.faults_{area}").rows()]


def main() -> int:
    areas = sys.argv[1:] or AREAS
    started = time.perf_counter()
    grid = Table("area", "fault", "unit", "readable", "got", "lost", "note", title="Faults injected")
    faults = measured(areas)
    for fault in faults:
        numbers = (f"{fault.readable:,}", f"{fault.got:,}", f"{fault.lost:,}")
        grid.add_row(fault.area, fault.what, fault.unit, *numbers, fault.note)
    console = Console(width=160)
    console.print(grid)
    lost = sum(fault.lost for fault in faults)
    console.print(f"{len(faults)} faults, {lost:,} readable things lost, {time.perf_counter() - started:.0f} s")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
