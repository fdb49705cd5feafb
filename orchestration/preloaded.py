"""What every step of a run needs, loaded once by the server that steps are forked from.

`orchestration.definitions` alone left each step to import SQLAlchemy and Alembic, since a step writes its events
itself, what Dagster describes jobs with, and pandas, where it is installed, which pyarrow looks for: four in ten of
all imports of a run. `python -m benchmarks.overhead` measures it.
"""

from importlib import import_module
from importlib.util import find_spec

from orchestration.lanes import lanes

STORAGE = ("event_log.sqlite", "legacy_storage", "local_compute_log_manager", "root", "runs.sqlite", "schedules.sqlite")
MODULES = (
    "orchestration.definitions",
    "dagster._core.remote_representation.external",
    *(f"dagster._core.storage.{name}" for name in STORAGE),
    "dotenv",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
)

for module in (*MODULES, *(("pandas",) if find_spec("pandas") else ())):
    import_module(module)
lanes()  # imports each lane with its source
