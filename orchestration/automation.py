"""Automation: a changed instruct set is fine-tuned, and a new model drafts, when the blocking checks have passed."""

import dagster as dg

sensor = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.groups("models"),
    default_status=dg.DefaultSensorStatus.STOPPED,
    minimum_interval_seconds=30,
    description="Fine-tunes when the instruct examples changed and drafts when the model changed.",
)
