"""`python -m orchestration` is what `make run` calls: the main job. With a command it does one thing of every day."""

import argparse
import os
import sys
from pathlib import Path

import dagster as dg
from rich.console import Console
from rich.markup import escape

from orchestration import backfilling, remains, staleness, summary
from orchestration.main import materialize_everything, read_config
from orchestration.settings import lake_root
from parlance.errors import ParlanceError
from parlance.lake import Lake

# Libraries in the steps' processes write to the same terminal.
QUIET = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error", "LANCE_LOG": "error"}


COMMANDS = {
    "backfill": (backfilling, "every step of a lane for many partitions; goes on where it stopped"),
    "stale": (staleness, "what other code or other input made, and that alone made again"),
    "remains": (remains, "where words still stand: in tables of now and of before, files, the index, runs"),
}


def main() -> int:
    """A command, or without one the main job; in the instance that DAGSTER_HOME names."""
    parser = argparse.ArgumentParser(
        prog="python -m orchestration", description="Materialises every asset for all input there is."
    )
    parser.add_argument("--config", type=Path, help="run configuration, as in recipes/")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (module, meaning) in COMMANDS.items():
        module.arguments(commands.add_parser(name, help=meaning, description=meaning))
    options = parser.parse_args()
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    console = Console(highlight=False)
    try:
        if options.command:
            return COMMANDS[options.command][0].main(options, console)
        return everything(options.config, console)
    except (dg.Failure, ParlanceError) as error:
        console.print(f"\n[bold red]{escape(str(error))}[/]")
        return 1


def everything(config: Path | None, console: Console) -> int:
    """Runs the main job, and says what was made and where to look."""
    with dg.DagsterInstance.get() as instance:
        try:
            materialize_everything(
                instance,
                log=lambda line: console.print(line, markup=False, soft_wrap=True),
                config=read_config(config) if config else {},
            )
        finally:
            summary.show(Lake(root=lake_root()), console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
