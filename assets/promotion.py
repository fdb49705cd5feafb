"""Promotion: the fine-tuned model as candidate, the model in use, and the way back."""

import datetime as dt
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.evaluation import CANDIDATE, KEY, candidate_may_be_promoted
from assets.models import FINE_TUNED, ON_CHANGE, model_asset
from parlance import schemas
from parlance.lake import Lake
from parlance.registry import Registry
from parlance.stages import registry as stages
from resources.lake import LakeResource
from resources.registry import ModelRegistry

CHAMPION = dg.AssetKey(stages.CHAMPIONS.split("/"))
AUTOMATION = "dagster/from_automation_condition"


class PromotionConfig(dg.Config):
    """Who takes which model into use, and why."""

    promoted_by: str = Field(default="", description="Who promotes; empty: the job that ran. Needed with `version`.")
    reason: str = Field(default="", description="Why; empty: what the evaluation says. Needed with `version`.")
    version: str = Field(
        default="",
        description=(
            "Empty: the candidate, if its evaluation allows it. `previous`, or the version of a registered model: that "
            "one, whatever was evaluated."
        ),
    )


@model_asset(
    stages.CANDIDATES, "stages.registry", "registry", deps=[FINE_TUNED.split("/")], automation_condition=ON_CHANGE
)
@no_useless_retries
def candidate(lake: LakeResource, registry: ModelRegistry) -> dg.MaterializeResult:
    """The fine-tuned model, registered: a run with its settings and losses, a version with its tags, a card beside it.

    The same model is registered once, however often this is materialised.
    """
    opened, store = lake.open(), registry.open()
    version = str(opened.files.latest(FINE_TUNED))
    registered, record = stages.register(opened, store, name=FINE_TUNED, version=version)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "version": version,
            "registered_model": store.model,
            "registry_version": registered.number,
            "run": registered.run,
            "dagster/uri": opened.files.uri(FINE_TUNED, version),
            "tags": dg.MetadataValue.json(registered.tags),
            "settings": dg.MetadataValue.json(record.settings),
            "card": dg.MetadataValue.path(str(opened.files.folder(FINE_TUNED, version) / stages.README)),
        },
    )


@model_asset(
    stages.CHAMPIONS,
    "stages.registry",
    "registry",
    deps=[CANDIDATE, KEY],
    automation_condition=ON_CHANGE.allow(dg.AssetSelection.assets(KEY)),
    metadata={"dagster/column_schema": metadata.column_schema(schemas.PROMOTIONS)},
)
@no_useless_retries
def champion(
    context: dg.AssetExecutionContext, config: PromotionConfig, lake: LakeResource, registry: ModelRegistry
) -> dg.MaterializeResult:
    """The model in use: the candidate, where its evaluation allows it, or what somebody chose; with who and why.

    `models/promotions` keeps every change. A candidate that somebody took out of use does not come back by itself.
    """
    opened, store, at = lake.open(), registry.open(), dt.datetime.now(dt.UTC)
    stayed = ""
    if config.version:
        action = stages.ROLLED_BACK if config.version == stages.PREVIOUS else stages.CHOSEN
        change = stages.Change(
            action=action, by=config.promoted_by, reason=config.reason, at=at, run=_request(context.run)
        )
        stages.choose(opened, store, config.version, change)
    else:
        by = config.promoted_by or _job(context)
        done = stages.promote(opened, store, by=by, reason=config.reason, at=at, run=_request(context.run))
        stayed = done.stayed
    if stayed:
        context.log.warning(f"the model in use stays: {stayed}; name it in `version` to take it into use again")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(stages.champion(opened)[1]), metadata=_shown(opened, stayed)
    )


@dg.asset_check(asset=CHAMPION, name="registry_and_lake_agree", blocking=True)
def registry_and_lake_agree(lake: LakeResource, registry: ModelRegistry) -> dg.AssetCheckResult:
    """The registry's alias `champion`, the reference in the lake and the last promotion name one model."""
    store: Registry = registry.open()
    found = stages.disagreement(lake.open(), store)
    return dg.AssetCheckResult(passed=not found, description=found or None, metadata={"registry": store.url})


promotion_assets = [candidate, champion]
promotion_checks = [candidate_may_be_promoted, registry_and_lake_agree]


def _request(run: dg.DagsterRun) -> str:
    """The first run of a request: a run that is started again, by `run_retries` or by hand, asks for the same."""
    return run.root_run_id or run.run_id


def _job(context: dg.AssetExecutionContext) -> str:
    """Who asked for the run where nobody is named: automation, a job, or a person without a name."""
    if AUTOMATION in context.run.tags:
        return "automation"
    name = context.run.job_name
    return "materialised by hand" if name.startswith("__") else f"job {name}"


def _shown(lake: Lake, stayed: str) -> dict[str, Any]:
    rows = stages.history(lake)
    last = rows.tail(1).to_dicts()[0]
    folder, version = stages.champion(lake)
    shown = rows.sort("number", descending=True).select(
        pl.col("at").dt.strftime("%Y-%m-%d %H:%M"), "action", "model", "previous", "promoted_by", "reason"
    )
    return {
        "version": version,
        "model": dg.MetadataValue.path(str(folder)),
        "promoted_by": last["promoted_by"],
        "reason": last["reason"],
        "action": last["action"],
        "registry_version": last["registry_version"],
        "history": metadata.shortened(shown, more=stages.HISTORY),
        **({"stayed": stayed} if stayed else {}),
    }
