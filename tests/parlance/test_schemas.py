import datetime as dt

import pyarrow as pa
import pytest
from deltalake import Schema
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance import schemas
from parlance.errors import SchemaError
from parlance.schemas import conform, signals_schema

ALL = {name: value for name, value in vars(schemas).items() if isinstance(value, pa.Schema)}
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("n", pa.int32()),
        pa.field("created_at", schemas.TIME),
        pa.field("turns", pa.list_(schemas.TURN)),
    ]
)
LOOSE_TURN = pa.struct([(child.name, child.type) for child in schemas.TURN])
TURN = {"message_id": "m", "author": None, "is_bot": False, "created_at": None, "start": 0, "end": 1}


def batch(**columns: pa.Array) -> pa.RecordBatch:
    row = {
        "id": pa.array(["a"]),
        "n": pa.nulls(1, pa.int32()),
        "created_at": pa.nulls(1, schemas.TIME),
        "turns": pa.nulls(1, pa.list_(schemas.TURN)),
    }
    return pa.RecordBatch.from_pydict(row | columns)


@pytest.mark.parametrize("name", ALL)
def test_every_schema_can_be_stored(name):
    schema = ALL[name]
    assert len(set(schema.names)) == len(schema.names)
    stored = pa.schema(Schema.from_arrow(schema).to_arrow())
    assert stored.names == schema.names
    assert "uint" not in str(schema)  # Delta Lake has no unsigned integers


@pytest.mark.parametrize("name", [name for name, schema in ALL.items() if "partition" in schema.names])
def test_partition_is_the_last_column_and_required(name):
    assert ALL[name][-1] == pa.field("partition", pa.string(), nullable=False)


@pytest.mark.parametrize("name", ALL)
def test_a_batch_of_the_schema_conforms_as_it_is(name):
    empty = pa.RecordBatch.from_pylist([], schema=ALL[name])
    assert conform(empty, ALL[name], table=name) == empty


def test_signals_have_a_column_for_each_rule_before_the_partition():
    schema = signals_schema(["b_rule", "a_rule"])
    assert schema.names == [*schemas.SIGNALS.names[:-1], "a_rule", "b_rule", "partition"]
    assert schema.field("a_rule") == pa.field("a_rule", pa.float64())
    assert signals_schema([]) == schemas.SIGNALS


def test_columns_are_put_in_order_and_cast():
    given = pa.RecordBatch.from_pydict(
        {
            "turns": pa.array([[TURN]], pa.large_list(LOOSE_TURN)),
            "created_at": pa.array([dt.datetime(2024, 1, 1)], pa.timestamp("ms", "Europe/Berlin")),
            "n": pa.array([7], pa.int64()),
            "id": pa.array(["a"], pa.large_string()),
        }
    )
    found = conform(given, SCHEMA, table="t")
    assert found.schema == SCHEMA
    assert found.to_pylist() == [
        {"id": "a", "n": 7, "created_at": dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "turns": [TURN]}
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (batch().remove_column(1), r"table 't': missing columns \['n'\], unknown columns \[\]; known: \['id', 'n'"),
        (batch(extra=pa.array([1])), r"missing columns \[\], unknown columns \['extra'\]"),
        (batch(n=pa.array([2**31])), "column 'n' has type int64, needs int32"),
        (batch(n=pa.array([-(2**31) - 1])), "column 'n' has type int64, needs int32"),
        (batch(n=pa.array([0.5])), "column 'n' has type double, needs int32"),
        (batch(n=pa.array(["seven"])), "column 'n' has type string, needs int32"),
        (batch(id=pa.array([b"\xff"])), "column 'id' has type binary, needs string"),
        (batch(id=pa.array([["a"]])), "column 'id' has type list"),
        (batch(created_at=pa.array([1], pa.timestamp("ns", "UTC"))), r"needs timestamp\[us, tz=UTC\]"),
        (batch(turns=pa.array(["m"])), "column 'turns' has type string, needs list"),
        (batch(id=pa.array([None], pa.string())), "column 'id' has 1 nulls; none allowed"),
        (batch(id=pa.nulls(1)), "column 'id' has 1 nulls; none allowed"),
        (batch(turns=pa.array([[TURN | {"start": None}]], pa.list_(LOOSE_TURN))), "column 'turns' has type list"),
    ],
    ids=[
        "missing", "unknown", "too large", "too small", "fraction", "word", "not unicode", "list", "nanoseconds",
        "not nested", "null", "null type", "nested null",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(SchemaError, match=message):
        conform(given, SCHEMA, table="t")


@pytest.mark.parametrize("n", [2**31 - 1, -(2**31), 0, None])
def test_numbers_at_the_bounds_are_cast(n):
    assert conform(batch(n=pa.array([n], pa.int64())), SCHEMA, table="t").column("n").to_pylist() == [n]


@settings(deadline=None)
@given(rows=st.lists(st.tuples(st.text(), st.none() | st.integers(-(2**31), 2**31 - 1))))
def test_conforming_keeps_every_value_and_twice_is_once(rows):
    schema = pa.schema([SCHEMA.field("id"), SCHEMA.field("n")])
    given = pa.RecordBatch.from_pydict(
        {"n": pa.array([n for _, n in rows], pa.int64()), "id": pa.array([i for i, _ in rows], pa.large_string())}
    )
    found = conform(given, schema, table="t")
    assert [(row["id"], row["n"]) for row in found.to_pylist()] == rows
    assert conform(found, schema, table="t") == found
