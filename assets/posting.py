"""Drafts posted back to Slack: off unless a setting says otherwise, and then only what a reviewer approved."""

import dagster as dg
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS
from assets.optional import needs
from parlance import schemas
from parlance.stages import posting as stages
from parlance.stages.posting import Pass, PostingSettings
from resources.lake import LakeResource
from resources.slack_posting import SlackPosting

POSTED = dg.AssetKey(["models", "posted_drafts"])
PREDICTIONS = dg.AssetKey(["models", "predictions"])


class PostingConfig(dg.Config):
    """What is shown to reviewers, and how they say yes or no."""

    most: int = Field(default=PostingSettings.most, ge=0, description="New drafts that one run shows them.")
    most_days: int = Field(default=PostingSettings.most_days, ge=1, description="Older questions are not shown.")
    approve: str = Field(default=PostingSettings.approve, description="The reaction that posts a draft.")
    reject: str = Field(default=PostingSettings.reject, description="The reaction that drops it.")


# Reviewers answer whenever they do, and nothing in the graph changes with it.
LOOKING = dg.AutomationCondition.cron_tick_passed("*/15 * * * *") & ~dg.AutomationCondition.in_progress()


@dg.asset(
    key=POSTED,
    deps=[dg.AssetDep(PREDICTIONS, partition_mapping=dg.AllPartitionMapping())],
    group_name="models",
    kinds={"slack", "deltalake"},
    owners=OWNERS,
    tags=needs("PARLANCE_SLACK_POST"),
    code_version=code_version("posting", "stages.posting"),
    retry_policy=dg.RetryPolicy(max_retries=1, delay=5),
    pool="slack_posting",  # two runs at once would look for each other's messages
    metadata={"dagster/column_schema": metadata.column_schema(schemas.POSTED_DRAFTS)},
)
@no_useless_retries
def posted_drafts(
    context: dg.AssetExecutionContext, config: PostingConfig, lake: LakeResource, slack_posting: SlackPosting
) -> dg.MaterializeResult:
    """Shows new drafts in the review channel and posts those that a reviewer approved into their threads, each once.

    Nothing is posted where somebody answered meanwhile, where the question is gone or was edited, or where its author
    or channel opted out. Each run takes one more step, so it is materialised again and again.
    """
    if not slack_posting.is_on():
        return dg.MaterializeResult(metadata={"posting": "off"})
    opened = lake.open()
    one = Pass(
        lake=opened,
        poster=slack_posting.poster(),
        rights=slack_posting.statement(),
        settings=PostingSettings(
            channel=slack_posting.channel, reviewers=slack_posting.reviewing(), **config.model_dump()
        ),
        run=context.run_id,
    )
    written = one()
    table = opened.table(stages.TABLE)
    return dg.MaterializeResult(
        metadata={
            "dagster/uri": table.uri,
            "dagster/row_count": table.scan().collect().height,
            "posting": "review",
            "shown_now": stages.rows_of(written, ["in_review"]),
            "posted_now": stages.rows_of(written, ["posted"]),
            "withheld_now": stages.rows_of(written, ["withheld", "rejected"]),
            "drafts": metadata.table_of(stages.counts(table.scan().collect())),
        }
    )


@dg.asset_check(asset=POSTED, blocking=True)
def nothing_is_posted_twice(lake: LakeResource) -> dg.AssetCheckResult:
    """No question was shown to reviewers twice, and none has two drafts in its thread."""
    found = stages.twice(lake.open())
    return dg.AssetCheckResult(passed=not found, metadata={"messages": found[:10]})


def posting_assets(*, on: bool) -> list[dg.AssetsDefinition]:
    """The asset that posts; where it is `on`, automation looks for decisions every quarter of an hour."""
    if not on:
        return [posted_drafts]
    return [posted_drafts.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=LOOKING))]


posting_checks = [nothing_is_posted_twice]
