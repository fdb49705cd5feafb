"""The code location: what the web UI, the daemon and the commands load."""

from collections.abc import Iterable

import dagster as dg

from assets.annotation import annotation_assets, annotation_checks
from assets.corpus import corpus_assets
from assets.exports import export_assets
from assets.insight import insight_assets
from assets.instruct import instruct_assets, instruct_checks
from assets.labelling import labelling_assets
from assets.lane_checks import lane_checks
from assets.lanes import Lane, lane_assets
from assets.models import model_assets, model_checks
from assets.profiles import profile_assets, profile_checks
from assets.repeated import repeated_assets
from assets.report import report_assets
from assets.search import search_assets, search_checks
from assets.semantic import semantic_assets
from assets.slack import slack_assets, slack_checks
from assets.synthesis import synthesis_assets, synthesis_checks
from assets.tokenizers import tokenizer_assets, tokenizer_checks
from orchestration import automation, jobs, schedules, sensors
from orchestration.lanes import lanes
from orchestration.settings import annotations_folder, lake_root, path_setting, setting
from parlance import profiles
from resources.annotations import Annotations
from resources.embedder import Embedder
from resources.hub import Hub
from resources.labels import LabelledUtterances
from resources.lake import LakeResource
from resources.language_model import LanguageModel
from resources.profiles import TaskProfiles
from resources.references import NamedReferences
from resources.training import TrainingProcess

# Forked steps start in a second, not five, because the server has loaded what they need; Polars is loaded but has
# not started its threads when the fork happens.
EXECUTOR = dg.multiprocess_executor.configured(
    {
        "max_concurrent": 2,
        "start_method": {"forkserver": {"preload_modules": ["dagster", "orchestration.definitions"]}},
    }
)


def resources(lanes: Iterable[Lane]) -> dict[str, object]:
    """Every resource by its key, from the settings; a lane's source by the lane's name."""
    return {
        **{lane.name: lane.source for lane in lanes},
        "lake": LakeResource(root=lake_root()),
        "labelled_utterances": LabelledUtterances(
            path=path_setting("PARLANCE_LABELLED_UTTERANCES"), level=setting("PARLANCE_SPEECH_ACTS")
        ),
        "annotations": Annotations(
            folder=annotations_folder(),
            guide=path_setting("PARLANCE_ANNOTATION_GUIDE"),
            adjudicator=setting("PARLANCE_ADJUDICATOR"),
        ),
        "references": NamedReferences(path=path_setting("PARLANCE_REFERENCES")),
        "task_profiles": TaskProfiles(path=path_setting("PARLANCE_PROFILES")),
        "language_model": LanguageModel(
            url=setting("PARLANCE_LLM_URL"),
            model=setting("PARLANCE_LLM_MODEL"),
            cache=f"{path_setting('PARLANCE_HOME')}/answers",
        ),
        "hub_repository": Hub(repository=setting("PARLANCE_HUB_REPOSITORY"), url=setting("PARLANCE_HUB_URL")),
        "embedder": Embedder(model=setting("PARLANCE_EMBEDDING_MODEL")),
        "training": TrainingProcess(checkpoints=f"{path_setting('PARLANCE_HOME')}/checkpoints"),
    }


@dg.definitions
def defs() -> dg.Definitions:
    """Assets, checks, jobs, schedules, sensors and resources."""
    by_name = lanes()
    every = list(by_name.values())
    slack = by_name["slack"]
    by_job = jobs.jobs(by_name)
    return dg.Definitions(
        assets=[
            *(asset for lane in every for asset in lane_assets(lane)),
            *slack_assets(slack),
            *corpus_assets(every),
            *annotation_assets(every),
            *repeated_assets(every),
            *labelling_assets(every),
            *instruct_assets(every, gate=setting("PARLANCE_PROFILE")),
            *synthesis_assets,
            *export_assets(every),
            *insight_assets(every),
            *profile_assets(every),
            *tokenizer_assets(every),
            *search_assets(every),
            *semantic_assets(every),
            *model_assets(every, slack, base=setting("PARLANCE_BASE_MODEL")),
            *report_assets(every, url=setting("PARLANCE_REPORT_URL")),
        ],
        asset_checks=[
            *(check for lane in every for check in lane_checks(lane)),
            *slack_checks(slack),
            *instruct_checks(every),
            *synthesis_checks,
            *profile_checks(profiles.names(path_setting("PARLANCE_PROFILES")), gate=setting("PARLANCE_PROFILE")),
            *annotation_checks,
            *tokenizer_checks(every),
            *search_checks(every),
            *model_checks(slack),
        ],
        jobs=list(by_job.values()),
        schedules=schedules.schedules(by_name, by_job),
        sensors=[*sensors.sensors(by_name, by_job), automation.sensor],
        resources=resources(every),
        executor=EXECUTOR,
    )
