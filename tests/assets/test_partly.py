"""One bad partition of a range does not keep the others from being made."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from orchestration.catching_up import FIRST, LAST, requests_of
from orchestration.causes import causes_of
from parlance.errors import ConfigError, ParlanceError, TransientError
from parlance.lake import Lake
from tests.orchestration.failing_lane import Failing, run, tickets

TODAY = dt.datetime.now(dt.UTC).date()
DAYS = [(TODAY - dt.timedelta(days=back)).isoformat() for back in (4, 3, 2, 1)]
RANGE = {FIRST: DAYS[0], LAST: DAYS[-1]}


@pytest.mark.parametrize("error", [ConfigError("no such desk"), TransientError("503")])
def test_the_good_partitions_are_made_and_the_bad_ones_named(error: ParlanceError, tmp_path: Path) -> None:
    source = Failing(folder=str(tmp_path))
    lane = tickets(source, first=DAYS[0], days=DAYS)
    source.fail(DAYS[1], error)
    with dg.DagsterInstance.ephemeral() as instance:
        failed = run(lane, tmp_path / "lake", instance, tags=RANGE)
        assert failed.status == dg.DagsterRunStatus.FAILURE
        good = [day for day in DAYS if day != DAYS[1]]
        assert sorted(instance.get_materialized_partitions(lane.key("raw"))) == good
        (cause,) = causes_of(instance, failed.run_id)
        assert cause.partitions == (DAYS[1],)
        assert cause.is_transient == isinstance(error, TransientError)
        assert f"{DAYS[1]}: {error}" in cause.reason
        # What failed on its own account is not repeated; the others need their later steps.
        tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        asked = [one.tags.get(FIRST) or one.partition_key for one in requests_of(lane, instance, now=tomorrow)[0]]
        assert (DAYS[1] in asked) == isinstance(error, TransientError)
        assert {DAYS[0], DAYS[2]} <= set(asked)
        source.fail(DAYS[1], None)
        assert run(lane, tmp_path / "lake", instance, tags=RANGE).status == dg.DagsterRunStatus.SUCCESS
    table = Lake(root=str(tmp_path / "lake")).table("tickets/raw")
    assert sorted(table.scan().collect()["partition"]) == DAYS


def test_an_error_that_goes_away_costs_no_partition_of_its_own(tmp_path: Path) -> None:
    source = Failing(folder=str(tmp_path))
    lane = tickets(source, first=DAYS[0], days=DAYS)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(lane, tmp_path / "lake", instance, tags=RANGE).status == dg.DagsterRunStatus.SUCCESS
    assert source.asked() == [DAYS]
