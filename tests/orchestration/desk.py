"""A small graph with the shape of a lane, whose steps say what they ran for; its code versions are set from outside."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository

from assets.boundary import FAILED, IS_TRANSIENT
from orchestration.chunks import Launcher

DAYS = dg.DailyPartitionsDefinition(start_date="2026-10-01", end_date="2026-12-01")


def state() -> dict[str, dict[str, str]]:
    """`versions` of code by asset, `content` of references, and the days that are `bad`."""
    found: dict[str, dict[str, str]] = json.loads(Path(os.environ["DESK"], "state.json").read_text(encoding="utf-8"))
    return found


def note(context: dg.AssetExecutionContext, name: str) -> None:
    with Path(os.environ["DESK"], "ran").open("a", encoding="utf-8") as file:
        days = context.partition_keys if context.has_partition_key_range or context.has_partition_key else [""]
        file.write(f"{name} {' '.join(days)}\n")


def asset(path: str, *deps: str, days: bool = True, **more: object) -> dg.AssetsDefinition:
    """An asset of the graph by its path; those it is made of by theirs."""
    whole = [dg.AssetDep(dep.split("/"), partition_mapping=None if days else mapping(dep)) for dep in deps]
    group, name = path.split("/")

    @dg.asset(
        key=path.split("/"),
        deps=whole,
        group_name=group,
        partitions_def=DAYS if days else None,
        backfill_policy=dg.BackfillPolicy.single_run() if days else None,
        code_version=state()["versions"].get(name, "1"),
    )
    def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        note(context, name)
        bad = sorted(set(state()["bad"]) & set(context.partition_keys)) if days else []
        if bad and name == "raw":
            for day in set(context.partition_keys) - set(bad):
                context.log_event(dg.AssetMaterialization(context.asset_key, partition=day))
            raise dg.Failure("no such desk", metadata={FAILED: dg.MetadataValue.json(bad), IS_TRANSIENT: False})
        version = state()["content"].get(name)
        return dg.MaterializeResult(data_version=dg.DataVersion(version) if version else None)

    return made


def mapping(dep: str) -> dg.PartitionMapping | None:
    return dg.AllPartitionMapping() if dep.startswith("tickets/") else None


def desk() -> dg.Definitions:
    return dg.Definitions(
        assets=[
            asset("corpus/references", days=False),
            asset("tickets/raw"),
            asset("tickets/documents", "tickets/raw"),
            asset("tickets/signals", "tickets/documents", "corpus/references"),
            asset("corpus/duplicates", "tickets/signals", days=False),
            asset("corpus/model", days=False),
            asset("tickets/kept", "tickets/signals", "corpus/duplicates"),
            asset("tickets/utterances", "tickets/kept", "corpus/model"),
            asset("other/notes", days=False),
        ],
        executor=dg.in_process_executor,
    )


def launcher(instance: dg.DagsterInstance, *, most: int = 100) -> Launcher:
    """Runs of the graph as its code stands now."""
    ReconstructableJob.get_definition.cache_clear()
    ReconstructableJob.get_repository_definition.cache_clear()
    root = str(Path(__file__).parents[2])
    repository = ReconstructableRepository.for_module("tests.orchestration.desk", "desk", working_directory=root)
    job: ReconstructableJob = repository.get_reconstructable_job(IMPLICIT_ASSET_JOB_NAME)
    return Launcher(job=job, instance=instance, log=lambda line: None, most=most)


def ran(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The steps that ran since the last time, with their days."""
    path = folder / "ran"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    for line in lines:
        name, *days = line.split()
        yield name, days
