import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance.errors import SchemaError
from parlance.storage import Spool

SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.string())])


def batch(numbers: list[int | None], schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"n": n, "text": f"ü{n}"} for n in numbers], schema=schema)


@settings(deadline=None)
@given(batches=st.lists(st.lists(st.integers(0, 9) | st.none())))
def test_gives_back_what_was_added_in_order(batches):
    with Spool(SCHEMA) as spool:
        for numbers in batches:
            spool.add(batch(numbers))
        found = [found.column("n").to_pylist() for found in spool.batches()]
    assert found == batches


def test_batches_can_be_read_twice_but_none_added_afterwards():
    with Spool(SCHEMA) as spool:
        spool.add(batch([1]))
        assert list(spool.batches()) == list(spool.batches()) == [batch([1])]
        with pytest.raises(pa.ArrowInvalid, match="closed"):
            spool.add(batch([2]))


def test_another_schema_is_refused_and_leaves_the_rest():
    with Spool(SCHEMA) as spool:
        spool.add(batch([1]))
        with pytest.raises(SchemaError, match=r"columns \['n'\], needs"):
            spool.add(batch([2], pa.schema([("n", pa.int64())])))
        with pytest.raises(SchemaError, match="needs"):
            spool.add(batch([2], pa.schema([("n", pa.int32()), ("text", pa.string())])))
        assert list(spool.batches()) == [batch([1])]


def test_is_closed_by_an_exception():
    spool = Spool(SCHEMA)

    def fail() -> None:
        with spool:
            spool.add(batch([1]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with pytest.raises(ValueError, match="closed file"):
        list(spool.batches())


def test_batches_lie_in_a_file_and_not_in_memory():
    with Spool(SCHEMA) as spool:
        before = pa.total_allocated_bytes()
        for _ in range(200):
            spool.add(batch(list(range(2000))))
        assert pa.total_allocated_bytes() - before < 2_000_000
        assert sum(found.num_rows for found in spool.batches()) == 400_000
