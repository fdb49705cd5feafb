"""A run that waits for a place in a pool looks now and then, not all the time."""

import threading
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext

from orchestration.waiting import REST_S, rest_while_waiting

WAIT_S = 1.0


@dg.op(pool="narrow")
def begin() -> None:
    return


@dg.job(executor_def=dg.in_process_executor)
def waiting() -> None:
    begin()


def test_a_run_that_waits_for_a_pool_rests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rest_while_waiting()
    rest_while_waiting()  # once is enough: it does not rest twice
    looks = []
    claim = InstanceConcurrencyContext.claim

    def counted(context: InstanceConcurrencyContext, key: str, step: str, priority: int = 0) -> bool:
        looks.append(time.monotonic())
        return claim(context, key, step, priority)

    monkeypatch.setattr(InstanceConcurrencyContext, "claim", counted)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.event_log_storage.set_concurrency_slots("narrow", 1)
        instance.event_log_storage.claim_concurrency_slot("narrow", "another run", "its step")
        free = threading.Timer(WAIT_S, instance.event_log_storage.free_concurrency_slots_for_run, ["another run"])
        free.start()
        result = waiting.execute_in_process(instance=instance)
        free.join()
    assert result.success
    waited = looks[-1] - looks[0]
    assert waited > REST_S
    # Without a rest there are tens of thousands.
    assert len(looks) <= waited / REST_S + 2
