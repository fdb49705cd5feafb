"""The Slack workspace: the owner's export, the Web API of an internal app, or both, under a statement of rights."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from parlance import rights as statements
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.pseudonyms import Pseudonyms, read_key
from parlance.rights import Rights
from parlance.schemas import RAW
from parlance.sources import slack
from parlance.sources.rows import Row, batches
from parlance.sources.slack_archive import Archive
from parlance.sources.slack_sync import SyncSettings, sync
from resources.sources import Parsed, Source


class Slack(Source):
    """Messages by day. What the API said of a message goes before what an export says of it."""

    export: str = Field(description="An official export, a zip or the folder it unpacks to; empty: none.")
    rights: str = Field(description="The YAML file with the statement of rights and consent.")
    key_file: str = Field(description="Where the key of the pseudonyms lies; made where it is absent.")
    key: str = Field(default="", description="The key of the pseudonyms; empty: that of `key_file`.")
    token: str = Field(default="", description="Token of an internal Slack app; empty: no calls to the API.")
    tier: str = Field(default="internal", description="`internal`, or `limited` to one request a minute.")
    api_url: str = Field(default="https://slack.com/api/", description="Where the Web API is.")

    def fetch(self, context: dg.AssetExecutionContext, lake: Lake, partitions: Sequence[str]) -> dict[str, Any]:
        """Stores the statement of rights; with a token, brings the archive up to date for the days."""
        if not self.export and not self.token:
            raise ConfigError("no Slack input: name an export by PARLANCE_SLACK_EXPORT, or set PARLANCE_SLACK_TOKEN")
        rights = self._rights()
        statements.publish(lake.files, "slack", rights)
        shown = {"rights": rights.id, "granted_by": rights.granted_by, "uses": ", ".join(rights.uses)}
        return shown | (self._sync(context, lake, partitions, rights) if self.token else {})

    def changed_at(self) -> dt.datetime | None:
        """When the export or the statement of rights was last written, by the later of their times."""
        inputs = [Path(one) for one in (self.export, self.rights) if one]
        times = [one.stat().st_mtime for one in inputs if one.exists()]
        return dt.datetime.fromtimestamp(max(times), dt.UTC) if times else None

    def raw(self, lake: Lake, partitions: Sequence[str], *, first: str) -> Iterator[pa.RecordBatch]:
        """Messages of the days. A thread whose root is older than the first day stands in the first day."""
        rights = self._rights()
        exported: Iterable[Row] = ()
        if self.export:
            if not slack.days(self.export):
                raise ConfigError(f"{self.export} holds no messages: an export has files <channel>/<YYYY-MM-DD>.json")
            exported = slack.rows(self.export, first=partitions[0], last=partitions[-1], rights=rights)
        observed: Iterable[Row] = self.archive(lake).rows(partitions, rights=rights) if self.token else ()
        for batch in batches(slack.newest(exported, observed), RAW):
            day = pc.max_element_wise(batch["document_partition"], pa.scalar(first))
            yield _with(_with(batch, "document_partition", day), "rights", pa.array([rights.id] * batch.num_rows))

    def documents(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Parsed]:
        yield from slack.documents(batches, pseudonyms=self.pseudonyms())

    def pseudonyms(self) -> Pseudonyms | None:
        """What stands for people; null where the statement of rights lets them keep their names."""
        if self._rights().people == "named":
            return None
        return Pseudonyms(read_key(self.key, Path(self.key_file)))

    def archive(self, lake: Lake) -> Archive:
        """Every version of every message that the API was seen to give."""
        return Archive(lake.root)

    def _sync(
        self, context: dg.AssetExecutionContext, lake: Lake, partitions: Sequence[str], rights: Rights
    ) -> dict[str, Any]:
        from parlance.sources.slack_api import SlackApi

        api = SlackApi(self.token, base_url=self.api_url, tier=self.tier, log=context.log.info)
        report = sync(
            api,
            self.archive(lake),
            first=partitions[0],
            last=partitions[-1],
            rights=rights,
            settings=SyncSettings(),
            log=context.log.info,
        )
        return report.figures()

    def _rights(self) -> Rights:
        if not self.rights:
            raise ConfigError(
                "PARLANCE_SLACK_RIGHTS (make: RIGHTS=...) is not set; it must name a statement of rights: a file like "
                "sample/slack/rights.yaml that says who allowed which use of these messages"
            )
        return statements.read(self.rights)


def _with(batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), column)
