"""What the columns of every table hold, in words, from `columns.yaml`; see `parlance/schemas.py` for their types."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from parlance import schemas
from parlance.filters import registry

FILE = Path(__file__).with_suffix(".yaml")
# libyaml where PyYAML was built with it: nine times as fast, and every process that loads the definitions reads this.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def description(column: str, *, table: str | None = None) -> str | None:
    """What `column` holds in `table`, as `name_of` names it; null where nobody says so.

    What is said of the table's own column goes before what is said of that column in all tables. The columns of rules
    in `signals` hold what the first line of the rule says.

    >>> description("count", table="vitals")
    'how many there are in the partition'
    >>> description("gopher_words", table="signals")
    'Number of words'
    """
    said = entries()
    own = said["tables"].get(table, {}) | (_rules() if table == "signals" else {})
    found: str | None = own.get(column, said["common"].get(column))
    return found


def name_of(schema: pa.Schema) -> str | None:
    """The name of `schema` in `parlance.schemas`, in lower case; null where it has none. Columns of rules do not count.

    >>> name_of(schemas.signals_schema(["gopher_words"]))
    'signals'
    """
    plain = pa.schema([field for field in schema if field.name not in _rules()])
    known = {name: value for name, value in vars(schemas).items() if isinstance(value, pa.Schema)}
    return next((name.lower() for name, value in known.items() if value == plain), None)


@cache
def entries() -> Mapping[str, Any]:
    """The file as it is: `common` by column, `tables` by table and column."""
    found: Mapping[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), Loader=_Loader)
    return found


@cache
def _rules() -> Mapping[str, str]:
    return {name: registry.get(name).summary.removesuffix(".") for name in registry.rules()}
