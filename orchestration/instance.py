"""The `dagster.yaml` of a deployment: the project's own and, where PARLANCE_DATABASE_URL is set, PostgreSQL for runs.

`python -m orchestration.instance` writes it into DAGSTER_HOME, as `make` does before each command. The address stays in
the environment: the file names the variable, so that no password is written down.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import yaml

from orchestration.settings import ROOT
from parlance.errors import ConfigError

DATABASE = "PARLANCE_DATABASE_URL"
# Without a driver SQLAlchemy 2.1 means psycopg 3 by `postgresql`, and dagster-postgres is written for psycopg2.
SCHEME = "postgresql+psycopg2"
STORAGE = f"""
# Runs, events and schedules in PostgreSQL, since {DATABASE} is set.
storage:
  postgres:
    postgres_url:
      env: {DATABASE}
"""


def instance_yaml(own: str, environment: Mapping[str, str]) -> str:
    """The text of `dagster.yaml`, of the project's `own` and the variables of `environment`.

    Raises ConfigError where the address is not one that Dagster can use, or `own` names a storage too.

    >>> instance_yaml("telemetry: {enabled: false}", {})
    'telemetry: {enabled: false}'
    >>> "storage" in yaml.safe_load(instance_yaml("", {DATABASE: "postgresql+psycopg2://me@db/parlance"}))
    True
    """
    address = environment.get(DATABASE)
    if not address:
        return own
    _check(address)
    if "storage" in (yaml.safe_load(own) or {}):
        raise ConfigError(f"dagster.yaml has a storage of its own and {DATABASE} is set: remove one of them")
    return own + STORAGE


def _check(address: str) -> None:
    scheme, separator, _ = address.partition("://")
    if not separator or scheme != SCHEME:  # the rest of it may be a password
        shown = f"{scheme}://..." if separator else "something else"
        raise ConfigError(f"{DATABASE} is {shown}; it must be {SCHEME}://user:password@host:5432/database")
    if find_spec("dagster_postgres") is None:
        raise ConfigError(f"{DATABASE} is set and dagster-postgres is not installed: pip install 'parlance[postgres]'")


def write(home: Path) -> Path:
    """Writes `dagster.yaml` into `home`, at once for every process that reads it."""
    text = instance_yaml((ROOT / "dagster.yaml").read_text(encoding="utf-8"), os.environ)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=home) as scratch:
        Path(scratch, "dagster.yaml").write_text(text, encoding="utf-8")
        os.replace(Path(scratch, "dagster.yaml"), home / "dagster.yaml")
    return home / "dagster.yaml"


def main() -> int:
    """Writes the file where DAGSTER_HOME says."""
    try:
        if not os.environ.get("DAGSTER_HOME"):
            raise ConfigError("DAGSTER_HOME is not set; it must name a folder, such as $PWD/.parlance/dagster")
        write(Path(os.environ["DAGSTER_HOME"]))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
