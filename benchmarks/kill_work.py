"""The works of `benchmarks.kills`: what each starts from, how it is started, and what must be there at its end."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import yaml
from polars.testing import assert_frame_equal

from orchestration.instance import instance_yaml
from parlance.lake import Lake

ROOT = Path(__file__).parent.parent
DAYS = ("2026-10-05", "2026-10-06", "2026-10-07", "2026-10-08")
RANGE = ("--partition-range", f"{DAYS[0]}...{DAYS[-1]}")
NOT_OURS = ("PARLANCE", "SLACK", "AWS", "DAGSTER")
LANE = ("raw", "documents", "rejected", "signals", "kept", "dropped", "utterances", "pretokens")
FINE_TUNED = "models/fine_tuned_model"
MEASURED = {"models/predictions": ("seconds", "answered_at")}  # never the same twice
MATERIALIZE = ("dagster", "asset", "materialize", "-m", "orchestration.definitions")


@dataclass(frozen=True, kw_only=True)
class Work:
    """`assets` are made for `DAYS`, or once, from a home without `without`; `weights` is a model that is compared.

    With `queued` a run waits in the queue, and the daemon is what is started.
    """

    name: str
    assets: Sequence[str]
    tables: Sequence[str]
    without: Sequence[str]
    is_partitioned: bool = True
    config: Mapping[str, object] = field(default_factory=dict)
    weights: str | None = None
    queued: bool = False

    def command(self) -> list[str]:
        if self.queued:
            return [sys.executable, "-m", "dagster._daemon", "run", "-m", "orchestration.definitions"]
        select = " or ".join(f"key:{key}" for key in self.assets)
        ranged = RANGE if self.is_partitioned else ()
        config = ("--config-json", json.dumps({"ops": self.config})) if self.config else ()
        return [sys.executable, "-m", *MATERIALIZE, "--select", select, *ranged, *config]


LANE_ASSETS = tuple(f"slack/{table}" for table in LANE)
OVER_ALL = ("corpus/duplicates", "corpus/duplicate_index")
NO_LANE = ("slack", "crawl", "dump", *OVER_ALL, "corpus/repeated_lines")
WORKS = (
    Work(name="lane", assets=LANE_ASSETS, tables=LANE_ASSETS, without=("slack",)),
    Work(
        name="daemon",
        assets=(*LANE_ASSETS, "slack/embeddings", "corpus/duplicates"),
        tables=(*LANE_ASSETS, "slack/embeddings", *OVER_ALL),
        without=NO_LANE,
        queued=True,
    ),
    Work(
        name="training",
        assets=(FINE_TUNED,),
        tables=(),
        without=(f"files/{FINE_TUNED}",),
        is_partitioned=False,
        config={"models__fine_tuned_model": {"config": {"max_steps": 24, "save_steps": 3}}},
        weights=FINE_TUNED,
    ),
    Work(
        name="inference",
        assets=("models/predictions",),
        tables=("models/predictions",),
        without=("models/predictions",),
        config={"models__predictions": {"config": {"max_new_tokens": 24}}},
    ),
    Work(name="embedding", assets=("slack/embeddings",), tables=("slack/embeddings",), without=("slack/embeddings",)),
)


def environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    own = {"PARLANCE_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "PARLANCE_SPEECH_ACTS": "light"}
    return inherited | own | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *_extra_paths()])}


def _extra_paths() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != "."]


def make_template(home: Path) -> None:
    """What the works start from: the whole graph of the sample with few steps of training."""
    new_instance(home)
    command = [sys.executable, "-m", "orchestration", "--config", "recipes/quick.yaml"]
    subprocess.run(command, cwd=ROOT, env=environment(home), check=True)


def new_home(template: Path, home: Path, work: Work) -> None:
    """A home with what `work` reads and nothing of what it makes; a run in the queue where it wants one."""
    left_out = {template / "lake" / name for name in (*work.without, "vectors", "search")}

    def ignored(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(folder, name) in left_out]

    shutil.copytree(template / "lake", home / "lake", symlinks=True, ignore=ignored)
    if (template / "pseudonym.key").exists():  # the sample's people keep their names
        shutil.copy(template / "pseudonym.key", home / "pseudonym.key")
    new_instance(home)


def new_instance(home: Path) -> None:
    """The project's own settings, but the daemon looks after its runs more often, so that a round is short."""
    settings = yaml.safe_load(instance_yaml((ROOT / "dagster.yaml").read_text(encoding="utf-8"), {}))
    settings["run_monitoring"] |= {"poll_interval_seconds": 2, "free_slots_after_run_end_seconds": 2}
    settings["run_launcher"]["config"] = {"grace_s": 5.0}
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def queue_a_run(home: Path) -> None:
    """Puts a run of the Slack lane into the queue of `home`, as the launchpad would."""
    tags = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[-1]}
    command = ["dagster", "job", "launch", "-m", "orchestration.definitions", "-j", "slack_lane"]
    command += ["--tags", json.dumps(tags)]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment(home), check=True, capture_output=True)


def difference(work: Work, home: Path, undisturbed: Path) -> list[str]:
    """What is not as in the undisturbed run: nothing, where all is well."""
    found = _missing(work, home)
    ours, theirs = Lake(root=f"{home}/lake"), Lake(root=f"{undisturbed}/lake")
    for name in work.tables:
        found += _unequal(name, ours, theirs)
    if work.weights:
        files = [Path(lake.files.folder(work.weights), "adapter_model.safetensors") for lake in (ours, theirs)]
        files = [path if path.exists() else path.with_name("model.safetensors") for path in files]
        if files[0].read_bytes() != files[1].read_bytes():
            found.append(f"{work.weights}: other weights")
    return found


def _unequal(name: str, ours: Lake, theirs: Lake) -> list[str]:
    rows, wanted = (_rows(lake, name) for lake in (ours, theirs))
    if rows.height != wanted.height:
        return [f"{name}: {rows.height} rows, not {wanted.height}"]
    if "id" in rows.columns and name.startswith("slack/") and rows["id"].n_unique() != wanted["id"].n_unique():
        return [f"{name}: an id twice"]
    try:
        if "vector" in rows.columns:
            np.testing.assert_allclose(*(np.array(each["vector"].to_list()) for each in (rows, wanted)), atol=1e-5)
            rows, wanted = rows.drop("vector"), wanted.drop("vector")
        assert_frame_equal(rows, wanted, check_exact=True)
    except AssertionError as error:
        return [f"{name}: {' '.join(str(error).split())[:200]}"]
    return []


def _rows(lake: Lake, name: str) -> pl.DataFrame:
    frame = lake.table(name).scan().drop(*MEASURED.get(name, ())).collect()
    return frame.sort([column for column, kind in frame.schema.items() if kind == pl.String], maintain_order=True)


def _missing(work: Work, home: Path) -> list[str]:
    """Partitions that were asked for and are not materialised, as the UI shows them."""
    found = []
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        for asset in work.assets:
            key = dg.AssetKey(asset.split("/"))
            if work.is_partitioned and not asset.startswith("corpus/"):
                lost = set(DAYS) - instance.get_materialized_partitions(key)
                found += [f"{asset}: lost {', '.join(sorted(lost))}"] if lost else []
            elif instance.get_latest_materialization_event(key) is None:
                found.append(f"{asset}: lost")
    return found
