"""Automation: examples that changed enough are fine-tuned, and a new model drafts, when the gates have passed."""

from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg

from assets.instruct import EXAMPLES
from assets.models import FINE_TUNED, ON_CHANGE
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.stages import changes

POINTER, INPUT, DATA = "dagster/input_event_pointer/", "dagster/input_data_version/", "dagster/data_version"
TUNED = dg.AssetKey(FINE_TUNED.split("/"))

# Evaluated by the code location, since one condition is its own and reads the lake.
sensor = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.groups("models"),
    default_status=dg.DefaultSensorStatus.STOPPED,
    minimum_interval_seconds=30,
    use_user_code_server=True,
    description="Fine-tunes when the instruct examples changed enough and drafts when the model changed.",
)


@dataclass(frozen=True)
class TrainingIsDue(dg.AutomationCondition[dg.AssetKey]):
    """Whether the examples are far from those that the model was trained on, or its base is another by now.

    `share` of the examples must be new, changed or gone: more than that is far. An example that is gone because its
    source was withdrawn, by a deletion or an opt-out, is always far: the model still knows it.
    """

    lake: str
    share: float

    @property
    def name(self) -> str:
        return "training_is_due"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        reason = due(context.asset_graph_view.instance, Lake(root=self.lake), share=self.share)
        context.log.info(f"fine-tuning is {'due: ' + reason if reason else 'not due'}")
        chosen = context.candidate_subset if reason else context.get_empty_subset()
        return dg.AutomationResult(context, true_subset=chosen)


def due(instance: dg.DagsterInstance, lake: Lake, *, share: float) -> str:
    """Why the model is to be trained again; empty where it is not."""
    event = instance.get_latest_materialization_event(TUNED)
    trained = event.asset_materialization if event else None
    tags = (trained.tags if trained else None) or {}
    used = _table_version(instance, tags.get(f"{POINTER}{EXAMPLES.to_user_string()}"))
    now = lake.table(changes.EXAMPLES).version()
    if used is None or now is None:
        return "what it was trained on is not known"
    others = {name.removeprefix(INPUT): version for name, version in tags.items() if name.startswith(INPUT)}
    for parent in sorted(others.keys() - {EXAMPLES.to_user_string()}):
        if _data_version(instance, parent) != others[parent]:
            return f"{parent} is another"
    try:
        change = changes.change(lake, since=used, until=now)
    except ConfigError as error:
        return str(error)
    if change.withdrawn:
        return f"{change.withdrawn:,} examples were withdrawn"
    said = f"{change.new:,} examples are new, {change.changed:,} changed, {change.gone:,} gone, of {change.before:,}"
    return said if change.share > share else ""


def _table_version(instance: dg.DagsterInstance, pointer: str | None) -> int | None:
    """The version of the examples' table that a materialisation of theirs made."""
    if pointer is None or not pointer.isdecimal():
        return None
    chosen = dg.AssetRecordsFilter(asset_key=EXAMPLES, storage_ids=[int(pointer)])
    for record in instance.fetch_materializations(chosen, limit=1).records:
        value = record.asset_materialization.metadata.get("table_version") if record.asset_materialization else None
        return value.value if isinstance(value, dg.IntMetadataValue) else None
    return None  # removed with its run


def _data_version(instance: dg.DagsterInstance, path: str) -> str | None:
    event = instance.get_latest_materialization_event(dg.AssetKey(path.split("/")))
    found = event.asset_materialization if event else None
    return (found.tags or {}).get(DATA) if found else None


def conditioned(assets: Iterable[dg.AssetsDefinition], *, lake: str, share: float) -> list[dg.AssetsDefinition]:
    """The assets of models; fine-tuning, where it follows by itself, waits for over `share` of changed examples."""
    condition = ON_CHANGE & TrainingIsDue(lake, share)
    return [
        asset.map_asset_specs(
            lambda spec: (
                spec.replace_attributes(automation_condition=condition)
                if spec.key == TUNED and spec.automation_condition is not None
                else spec
            )
        )
        for asset in assets
    ]
