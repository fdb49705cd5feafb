"""The Slack workspace as a resource: exports under a statement of rights."""

import datetime as dt
import os
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.sources.rows import raw_row
from parlance.sources.slack import newest
from resources.slack import Slack

SAMPLE = Path(__file__).parents[2] / "sample"


def workspace(tmp_path: Path, **settings: str) -> Slack:
    given = {
        "export": str(SAMPLE / "slack_export.zip"),
        "rights": str(SAMPLE / "slack" / "rights.yaml"),
        "key_file": str(tmp_path / "pseudonym.key"),
    }
    return Slack(**(given | settings))


def raw(slack: Slack, tmp_path: Path, first: str) -> pa.Table:
    return pa.Table.from_batches(slack.raw(Lake(root=str(tmp_path)), ["2026-10-08", "2026-10-09"], first=first))


def test_a_thread_older_than_the_first_day_stands_in_the_first_day(tmp_path: Path) -> None:
    roots = raw(workspace(tmp_path), tmp_path, "2026-10-08")["document_partition"].to_pylist()
    assert min(roots) == "2026-10-08"
    plain = raw(workspace(tmp_path), tmp_path, "")["document_partition"].to_pylist()
    older = [root for root in plain if root < "2026-10-08"]
    assert older
    assert roots.count("2026-10-08") == plain.count("2026-10-08") + len(older)


def test_no_input_and_no_rights_name_their_settings(tmp_path: Path) -> None:
    context = dg.build_asset_context()
    with pytest.raises(ConfigError, match="PARLANCE_SLACK_EXPORT"):
        workspace(tmp_path, export="").fetch(context, Lake(root=str(tmp_path)), ["2026-10-08"])
    with pytest.raises(ConfigError, match="PARLANCE_SLACK_RIGHTS"):
        workspace(tmp_path, rights="").fetch(context, Lake(root=str(tmp_path)), ["2026-10-08"])


def test_the_statement_is_stored_and_every_row_names_it(tmp_path: Path) -> None:
    lake, slack = Lake(root=str(tmp_path / "lake")), workspace(tmp_path)
    shown = slack.fetch(dg.build_asset_context(), lake, ["2026-10-08"])
    text = (lake.files.folder("rights/slack", shown["rights"]) / "rights.json").read_text(encoding="utf-8")
    assert "every person of this workspace is invented" in text
    assert set(raw(slack, tmp_path, "")["rights"].to_pylist()) == {shown["rights"]}


def test_people_are_named_only_where_the_statement_says_so(tmp_path: Path) -> None:
    assert workspace(tmp_path).pseudonyms() is None
    said = (SAMPLE / "slack" / "rights.yaml").read_text(encoding="utf-8")
    hidden = tmp_path / "rights.yaml"
    hidden.write_text(said.replace("people: named", "people: pseudonyms"), encoding="utf-8")
    slack = workspace(tmp_path, rights=str(hidden))
    first, again = slack.pseudonyms(), slack.pseudonyms()
    assert first is not None
    assert first == again
    documents = pa.Table.from_batches(pair[0] for pair in slack.documents(raw(slack, tmp_path, "").to_batches()))
    authors = {author for author in documents["author"].to_pylist() if author is not None}
    assert authors
    assert all(author.startswith("person-") for author in authors)


def row(day: str, id: str, shard: str) -> dict[str, object]:
    return raw_row(id, source="slack", shard=shard, position=0, media_type="application/json", partition=day)


def test_what_the_api_says_goes_before_the_export_day_by_day() -> None:
    exported = [row("1", "a", "export"), row("1", "b", "export"), row("3", "d", "export")]
    observed = [row("1", "b", "api"), row("2", "c", "api")]
    found = [(one["partition"], one["id"], one["shard"]) for one in newest(exported, observed)]
    assert found == [("1", "b", "api"), ("1", "a", "export"), ("2", "c", "api"), ("3", "d", "export")]
    assert list(newest([], [])) == []


def test_its_input_changed_when_the_export_or_the_statement_did(tmp_path: Path) -> None:
    export, rights = tmp_path / "export.zip", tmp_path / "rights.yaml"
    slack = Slack(export=str(export), rights=str(rights), key_file=str(tmp_path / "key"))
    assert slack.changed_at() is None
    for file, time in ((rights, 2000), (export, 1000)):
        file.touch()
        os.utime(file, (time, time))
    assert slack.changed_at() == dt.datetime.fromtimestamp(2000, dt.UTC)
    os.utime(export, (3000, 3000))
    assert slack.changed_at() == dt.datetime.fromtimestamp(3000, dt.UTC)
