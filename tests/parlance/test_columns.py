import re
from collections import defaultdict
from importlib.resources import files

import pyarrow as pa
import pytest

from parlance import filters, schemas
from parlance.columns import FILE, description, entries, name_of

ALL = {name.lower(): value for name, value in vars(schemas).items() if isinstance(value, pa.Schema)}
LONGEST = 110
NAMES = ("Jaccard", "Jensen-Shannon", "Slack")  # with which a line may begin; the others begin with a small letter
# A column that means the same in all tables, one of one table, and one that a table has in place of all.
SAID = {
    ("answers", "cost"): "price of its tokens, in the currency of the prices that were set",
    ("kept", "masked"): "stretches of personal data and secrets that were masked",
    ("pretokens", "language"): "code of the documents' language; `und` where it is unknown",
}


def test_the_file_is_part_of_the_package() -> None:
    assert files("parlance").joinpath(FILE.name).is_file()
    project = (FILE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(rf'^parlance = \[.*"{re.escape(FILE.name)}"', project, re.MULTILINE)


@pytest.mark.parametrize("table", ALL)
def test_every_column_is_described(table: str) -> None:
    assert name_of(ALL[table]) == table
    assert [column for column in ALL[table].names if not description(column, table=table)] == []


def test_columns_of_rules_hold_what_the_rule_says() -> None:
    schema = schemas.signals_schema(filters.rules())
    assert name_of(schema) == "signals"
    said = {column: description(column, table="signals") for column in schema.names}
    assert [column for column, line in said.items() if not line] == []
    assert said["gopher_words"] == "Number of words"
    assert description("gopher_words", table="kept") is None


@pytest.mark.parametrize(("table", "column"), SAID)
def test_what_is_said_of_a_table_goes_before_what_is_said_of_all(table: str, column: str) -> None:
    assert description(column, table=table) == SAID[table, column]


def test_what_nobody_describes_is_null() -> None:
    assert description("no_such_column", table="kept") is None
    assert description("masked") is None
    assert name_of(pa.schema([pa.field("no_such_column", pa.string())])) is None


def test_every_entry_is_of_a_column_that_there_is() -> None:
    said = entries()
    assert set(said) == {"common", "tables"}
    assert [table for table in said["tables"] if table not in ALL] == []
    unknown = {(table, column) for table, own in said["tables"].items() for column in set(own) - {*ALL[table].names}}
    assert unknown == set()
    taken = {
        column
        for table, schema in ALL.items()
        for column in schema.names
        if column not in said["tables"].get(table, {})
    }
    assert set(said["common"]) - taken == set()


def test_nothing_is_said_of_tables_that_could_be_said_of_all() -> None:
    said = entries()
    lines: dict[str, list[str]] = defaultdict(list)
    for own in said["tables"].values():
        for column, line in own.items():
            lines[column].append(line)
    repeated = [
        (table, column) for table, own in said["tables"].items() for column in own.items() & said["common"].items()
    ]
    assert repeated == []
    tables = {column: sum(column in schema.names for schema in ALL.values()) for column in lines}
    same = [column for column, each in lines.items() if len(each) == tables[column] > 1 and len(set(each)) == 1]
    assert same == []


def test_no_entry_stands_twice() -> None:
    """Of two with one name YAML takes the last."""
    headings: list[str] = []
    names: list[tuple[str, ...]] = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"( *)(\w+):", line):
            headings = [*headings[: len(found[1]) // 2], found[2]]
            names.append(tuple(headings))
    assert sorted(names) == sorted(set(names))


def test_lines_read_alike() -> None:
    said = entries()
    lines = [line for own in (said["common"], *said["tables"].values()) for line in own.values()]
    assert [line for line in lines if not isinstance(line, str) or not 0 < len(line) <= LONGEST] == []
    assert [line for line in lines if line.endswith(".") or line != " ".join(line.split())] == []
    assert [line for line in lines if line[0].isupper() and line.split()[0].strip(",") not in NAMES] == []
