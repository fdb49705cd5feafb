"""Input that is wrong gives an error that says what is wrong, or a counted row in the ledger; nothing else is lost."""

import gzip
import json
import zipfile
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.lane_checks import lane_checks
from assets.lanes import Lane, lane_assets
from orchestration.lanes import dump, slack
from parlance.lake import Lake
from resources.lake import LakeResource
from resources.slack import Slack
from resources.sources import Dumps

DAY = "2026-10-05"
SAMPLE = Path(__file__).parents[2] / "sample"


def ingest(lane: Lane, source: object, lake: Path, *, partition: str) -> dg.ExecuteInProcessResult:
    """Runs raw, documents and their checks of one partition."""
    assets = [asset for asset in lane_assets(lane) if {lane.key("raw"), lane.key("documents")} & asset.keys]
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("dumps", [partition])
        return dg.materialize(
            [*assets, *lane_checks(lane)],
            selection=dg.AssetSelection.assets(*(key for asset in assets for key in asset.keys)),
            partition_key=partition,
            resources={"lake": LakeResource(root=str(lake)), lane.name: source},
            instance=instance,
            raise_on_error=False,
        )


def slack_lane() -> Lane:
    return slack.lane_from(DAY)


def workspace(path: Path) -> Slack:
    """The export at `path` under the rights of the sample."""
    rights, key_file = str(SAMPLE / "slack" / "rights.yaml"), str(path.with_suffix(".key"))
    return Slack(export=str(path), rights=rights, key_file=key_file)


def export(path: Path, files: dict[str, object]) -> Slack:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return workspace(path)


def failure(result: dg.ExecuteInProcessResult) -> str:
    """Description of the failure of the step that failed; asserts that it was not retried."""
    assert not result.success
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data.description)


CHANNELS = [{"id": "C1", "name": "general"}]


def test_an_export_without_messages_is_an_error_that_says_so(tmp_path: Path) -> None:
    source = export(tmp_path / "empty.zip", {"channels.json": CHANNELS, "users.json": []})
    message = failure(ingest(slack_lane(), source, tmp_path / "lake", partition=DAY))
    assert "holds no messages" in message
    assert str(tmp_path / "empty.zip") in message


@pytest.mark.parametrize(
    ("name", "content"),
    [("not-a-zip.zip", b"hello"), ("other.zip", None), ("missing.zip", ...)],
    ids=["no zip", "a zip of something else", "no file"],
)
def test_what_is_no_export_is_an_error_that_names_it(tmp_path: Path, name: str, content: object) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is None:
        export(path, {"readme.txt": "hello"})
    message = failure(ingest(slack_lane(), workspace(path), tmp_path / "lake", partition=DAY))
    assert name in message


def test_messages_without_ts_user_or_text_are_counted(tmp_path: Path) -> None:
    messages = [
        {"type": "message", "user": "U1", "text": "no ts"},
        {"type": "message", "ts": "1791187200.000100", "text": "no user"},
        {"type": "message", "ts": "1791187201.000100", "user": "U1"},
        {"type": "message", "ts": "1791187202.000100", "user": "U1", "text": "all there"},
        "no object",
    ]
    source = export(
        tmp_path / "odd.zip", {"channels.json": CHANNELS, "users.json": [], f"general/{DAY}.json": messages}
    )
    result = ingest(slack_lane(), source, tmp_path / "lake", partition=DAY)
    assert result.success
    lake = Lake(root=str(tmp_path / "lake"))
    assert sorted(lake.table("slack/documents").scan().collect()["text"]) == ["all there", "no user"]
    rejected = lake.table("slack/rejected").scan().collect()
    assert sorted(rejected["rule"]) == ["empty_text", "unreadable", "unreadable"]


def test_a_day_that_is_not_json_is_one_counted_row(tmp_path: Path) -> None:
    files = {"channels.json": CHANNELS, "users.json": [], f"general/{DAY}.json": '[{"ts": '}
    result = ingest(slack_lane(), export(tmp_path / "cut.zip", files), tmp_path / "lake", partition=DAY)
    assert result.success
    rejected = Lake(root=str(tmp_path / "lake")).table("slack/rejected").scan().collect()
    assert rejected["rule"].to_list() == ["unreadable"]
    assert "not JSON" in rejected["detail"].item()


def test_a_truncated_warc_gives_every_whole_record_and_counts_the_loss(tmp_path: Path) -> None:
    whole = (SAMPLE / "dumps" / "site.warc.gz").read_bytes()
    folder = tmp_path / "dumps"
    folder.mkdir()
    (folder / "whole.warc.gz").write_bytes(whole)
    (folder / "cut.warc.gz").write_bytes(whole[: len(whole) * 2 // 3])
    lane = dump.lane()
    for name in ("whole.warc.gz", "cut.warc.gz"):
        assert ingest(lane, Dumps(folder=str(folder)), tmp_path / "lake", partition=name).success
    lake = Lake(root=str(tmp_path / "lake"))
    urls = {
        name: set(lake.table("dump/documents").scan([name]).collect()["url"])
        for name in ("whole.warc.gz", "cut.warc.gz")
    }
    assert urls["cut.warc.gz"] < urls["whole.warc.gz"]
    members = gzip_members(whole[: len(whole) * 2 // 3])
    raw = lake.table("dump/raw").scan(["cut.warc.gz"]).collect()
    assert raw.filter(pl.col("error").str.contains("damaged|truncated")).height == 1
    assert raw.height == members  # the cut record stands for the warcinfo, which is no content


def gzip_members(data: bytes) -> int:
    """Whole gzip members at the start of `data`."""
    import zlib

    count = 0
    while data:
        member = zlib.decompressobj(wbits=31)
        member.decompress(data)
        if not member.eof:
            break
        count, data = count + 1, member.unused_data
    return count


def test_a_dump_that_is_gone_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "dumps").mkdir()
    lane = dump.lane()
    message = failure(ingest(lane, Dumps(folder=str(tmp_path / "dumps")), tmp_path / "lake", partition="gone.warc.gz"))
    assert "gone.warc.gz" in message


def test_an_empty_gzip_warc_is_an_empty_partition(tmp_path: Path) -> None:
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "empty.jsonl.gz").write_bytes(gzip.compress(b""))
    lane = dump.lane()
    result = ingest(lane, Dumps(folder=str(tmp_path / "dumps")), tmp_path / "lake", partition="empty.jsonl.gz")
    assert result.success
    assert Lake(root=str(tmp_path / "lake")).table("dump/raw").scan().collect().is_empty()
