"""Runs of assets for many partitions, a range at a time; one that cannot be made does not keep the others from it."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.catching_up import in_chunks
from orchestration.causes import causes_of
from orchestration.main import range_tags, run_assets

if TYPE_CHECKING:
    from dagster._core.definitions.reconstruct import ReconstructableJob

Log = Callable[[str], None]


@dataclass
class Done:
    """What came of it: runs, what was made and what was there before, by asset and partition; reasons of failures."""

    runs: int = 0
    made: set[tuple[dg.AssetKey, str]] = field(default_factory=set)
    skipped: set[tuple[dg.AssetKey, str]] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """Runs assets of `job` in this process; `most` is the number of partitions of one run."""

    job: "ReconstructableJob"
    instance: dg.DagsterInstance
    log: Log
    most: int

    def once(self, keys: Sequence[dg.AssetKey], done: Done) -> None:
        """Runs assets that have no partitions."""
        _, failed = self._run(keys, {}, done)
        if failed:
            done.failed |= {key.to_user_string(): "; ".join(failed) for key in keys}
        else:
            done.made |= {(key, "") for key in keys}

    def ranges(self, keys: Sequence[dg.AssetKey], known: Sequence[str], chosen: Set[str], done: Done) -> None:
        """Runs the assets for the chosen ones of the partitions `known`, in ranges without a gap."""
        for first, last in in_chunks(known, set(chosen), most=self.most):
            some = known[known.index(first) : known.index(last) + 1]
            bad = self._range(keys, some, done)
            good = [name for name in some if name not in bad]
            if bad and good:  # a run that failed stopped for all
                for start, end in in_chunks(known, set(good), most=self.most):
                    self._range(keys, known[known.index(start) : known.index(end) + 1], done)

    def _range(self, keys: Sequence[dg.AssetKey], some: Sequence[str], done: Done) -> dict[str, str]:
        """One run; gives the partitions that failed, with the reason: all where the step does not say which."""
        self.log(f"{', '.join(key.to_user_string() for key in keys)}: {some[0]} to {some[-1]} ({len(some)})")
        run_id, failed = self._run(keys, range_tags(some[0], some[-1]), done)
        bad: dict[str, str] = {}
        if failed:
            for cause in causes_of(self.instance, run_id):
                bad |= dict.fromkeys(cause.partitions or some, f"{cause.step}: {cause.reason}")
            bad = bad or dict.fromkeys(some, failed[0])
        done.failed |= bad
        if not bad:
            done.made |= {(key, name) for key in keys for name in some}
        return bad

    def _run(self, keys: Sequence[dg.AssetKey], tags: dict[str, str], done: Done) -> tuple[str, list[str]]:
        done.runs += 1
        return run_assets(self.job, self.instance, keys, tags, {})
