"""`python -m orchestration` is what `make run` calls: the main job, then what was made and where to look."""

import argparse
import os
import sys
from pathlib import Path

import dagster as dg
from rich.console import Console

from orchestration import summary
from orchestration.main import materialize_everything, read_config
from orchestration.settings import lake_root
from parlance.errors import ConfigError
from parlance.lake import Lake

# Libraries in the steps' processes write to the same terminal.
QUIET = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error", "LANCE_LOG": "error"}


def main() -> int:
    """Runs the main job in the instance that DAGSTER_HOME names, and says what was made and where to look."""
    parser = argparse.ArgumentParser(description="Materialises every asset for all input there is.")
    parser.add_argument("--config", type=Path, help="run configuration, as in recipes/")
    options = parser.parse_args()
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    console = Console()
    with dg.DagsterInstance.get() as instance:
        try:
            config = read_config(options.config) if options.config else {}
            materialize_everything(
                instance,
                log=lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True),
                config=config,
            )
        except (dg.Failure, ConfigError) as error:
            console.print(f"\n[bold red]{error}[/]", highlight=False)
            return 1
        finally:
            summary.show(Lake(root=lake_root()), console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
