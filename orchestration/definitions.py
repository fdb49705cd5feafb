"""The code location: what the web UI, the daemon and the commands load."""

from collections.abc import Iterable

import dagster as dg

from assets.annotation import annotation_assets, annotation_checks
from assets.contracts import contract_checks
from assets.corpus import corpus_assets
from assets.drift import drift_assets
from assets.evaluation import evaluation_assets
from assets.exports import export_assets
from assets.features import feature_assets
from assets.freshness import freshness_checks
from assets.insight import insight_assets
from assets.instruct import instruct_assets, instruct_checks
from assets.labelling import labelling_assets
from assets.lane_checks import lane_checks
from assets.lanes import Lane, lane_assets
from assets.models import model_assets, model_checks
from assets.monitoring import vitals_assets
from assets.posting import posting_assets, posting_checks
from assets.predictions import prediction_assets, prediction_checks
from assets.profiles import profile_assets, profile_checks
from assets.promotion import promotion_assets, promotion_checks
from assets.repeated import repeated_assets
from assets.report import report_assets
from assets.search import search_assets, search_checks
from assets.semantic import semantic_assets
from assets.slack import slack_assets, slack_checks
from assets.synthesis import synthesis_assets, synthesis_checks
from assets.tokenizers import tokenizer_assets, tokenizer_checks
from orchestration import automation, jobs, schedules, sensors
from orchestration.event_files import keep_open
from orchestration.lanes import lanes
from orchestration.settings import (
    annotations_folder,
    expected_hours,
    holidays,
    lake_root,
    live_sources,
    path_setting,
    prompts_file,
    registry_url,
    setting,
    share,
    slack_rights,
)
from orchestration.training import training
from orchestration.waiting import rest_while_waiting
from parlance import profiles
from resources.alerts import Alerts
from resources.annotations import Annotations
from resources.embedder import Embedder
from resources.hub import Hub
from resources.inference import Inference
from resources.labels import LabelledUtterances
from resources.lake import LakeResource
from resources.language_model import LanguageModel
from resources.profiles import TaskProfiles
from resources.references import NamedReferences
from resources.registry import ModelRegistry
from resources.slack_posting import SlackPosting

# Forked steps start in a second, not five, because the server has loaded what they need; Polars is loaded but has
# not started its threads when the fork happens.
EXECUTOR = dg.multiprocess_executor.configured(
    {
        "max_concurrent": 2,
        "start_method": {"forkserver": {"preload_modules": ["dagster", "orchestration.preloaded"]}},
    }
)


# Here, because every process that executes steps or writes events loads the definitions.
keep_open()
rest_while_waiting()


def resources(lanes: Iterable[Lane]) -> dict[str, object]:
    """Every resource by its key, from the settings; a lane's source by the lane's name."""
    return {
        **{lane.name: lane.source for lane in lanes},
        "lake": LakeResource(root=lake_root()),
        "alerts": Alerts(
            channel=setting("PARLANCE_ALERTS_CHANNEL"),
            token=setting("PARLANCE_ALERTS_TOKEN"),
            api_url=setting("PARLANCE_ALERTS_API"),
        ),
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
        "inference": Inference(
            writer=setting("PARLANCE_DRAFT_WRITER"),
            url=setting("PARLANCE_LLM_URL"),
            model=setting("PARLANCE_LLM_MODEL"),
            cache=f"{path_setting('PARLANCE_HOME')}/answers",
            prompt=path_setting("PARLANCE_DRAFT_PROMPT"),
            answer_schema=path_setting("PARLANCE_DRAFT_SCHEMA") if setting("PARLANCE_DRAFT_SCHEMA") else "",
        ),
        "slack_posting": SlackPosting(
            mode=setting("PARLANCE_SLACK_POST"),
            channel=setting("PARLANCE_SLACK_REVIEW_CHANNEL"),
            reviewers=setting("PARLANCE_SLACK_REVIEWERS"),
            rights=slack_rights(),
            api_url=setting("PARLANCE_SLACK_API"),
        ),
        "hub_repository": Hub(repository=setting("PARLANCE_HUB_REPOSITORY"), url=setting("PARLANCE_HUB_URL")),
        "embedder": Embedder(model=setting("PARLANCE_EMBEDDING_MODEL")),
        "registry": ModelRegistry(url=registry_url(), model=setting("PARLANCE_MLFLOW_MODEL")),
        "training": training(),
    }


@dg.definitions
def defs() -> dg.Definitions:
    """Assets, checks, jobs, schedules, sensors and resources."""
    by_name = lanes()
    every = list(by_name.values())
    slack = by_name["slack"]
    by_job = jobs.jobs(by_name)
    live = live_sources()
    return dg.Definitions(
        assets=[
            *(asset for lane in every for asset in lane_assets(lane)),
            *(asset for lane in every for asset in vitals_assets(lane, live=lane.name in live)),
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
            *drift_assets(every),
            *feature_assets(slack),
            *search_assets(every),
            *semantic_assets(every),
            *automation.conditioned(
                model_assets(every, base=setting("PARLANCE_BASE_MODEL"), training=setting("PARLANCE_TRAINING")),
                lake=lake_root(),
                share=share("PARLANCE_TRAIN_AFTER_SHARE"),
            ),
            *promotion_assets,
            *evaluation_assets(prompts=prompts_file()),
            *prediction_assets(slack),
            *posting_assets(on=setting("PARLANCE_SLACK_POST") == "review"),
            *report_assets(every, url=setting("PARLANCE_REPORT_URL")),
        ],
        asset_checks=[
            *(check for lane in every for check in lane_checks(lane)),
            *contract_checks(every),
            *freshness_checks(every, live=live, hours=expected_hours(), holidays=holidays()),
            *slack_checks(slack),
            *instruct_checks(every),
            *synthesis_checks,
            *profile_checks(profiles.names(path_setting("PARLANCE_PROFILES")), gate=setting("PARLANCE_PROFILE")),
            *annotation_checks,
            *tokenizer_checks(every),
            *search_checks(every),
            *model_checks(),
            *promotion_checks,
            *prediction_checks(slack),
            *posting_checks,
        ],
        jobs=list(by_job.values()),
        schedules=schedules.schedules(by_name, by_job),
        sensors=[*sensors.sensors(by_name, by_job), automation.sensor],
        resources=resources(every),
        executor=EXECUTOR,
    )
