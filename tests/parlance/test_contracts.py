import polars as pl
import pytest

from parlance import filters, schemas
from parlance.contracts import contract_of
from parlance.lake import LANE_TABLES, TABLES
from parlance.storage.tables import empty_frame

EVERY = {name: schema for name, schema in TABLES.items() if contract_of(name)} | {
    f"dump/{name}": schemas.signals_schema(filters.rules()) if name == "signals" else schema
    for name, schema in LANE_TABLES.items()
    if contract_of(f"dump/{name}")
}


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_contract_speaks_of_columns_that_its_table_has(name: str) -> None:
    contract, empty = contract_of(name), empty_frame(EVERY[name])
    assert contract is not None
    wanted = [*contract.key, *(reference.column for reference in contract.references)]
    assert [column for column in wanted if column not in empty.columns] == []
    conditions = [reference.where for reference in contract.references if reference.where is not None]
    for rule in (*contract.rules.values(), *conditions):
        assert empty.select(kept=rule)["kept"].dtype in (pl.Boolean, pl.Null)
