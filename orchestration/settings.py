"""Every setting of a deployment, read from the environment (or a `.env` file beside `workspace.yaml`)."""

import datetime as dt
import os
from pathlib import Path

from parlance.errors import ConfigError

ROOT = Path(__file__).parent.parent

# name -> (default, meaning). Paths may be relative to the project's root; the lake and the dumps may be `s3://`.
SETTINGS: dict[str, tuple[str, str]] = {
    "PARLANCE_HOME": (".parlance", "folder for everything that Parlance keeps on this machine"),
    "PARLANCE_LAKE": ("", "root of tables and files, a folder or s3://bucket/prefix; empty: <PARLANCE_HOME>/lake"),
    "PARLANCE_DATABASE_URL": (
        "",
        "PostgreSQL for runs and events, postgresql+psycopg2://user:password@host:5432/database; empty: SQLite",
    ),
    "PARLANCE_SLACK_EXPORT": ("", "an official Slack export, a zip or its folder"),
    "PARLANCE_SLACK_RIGHTS": ("", "who allowed which use of the messages, a file like sample/slack/rights.yaml"),
    "PARLANCE_SLACK_TOKEN": ("", "token of an internal Slack app; with it new messages come from the Web API"),
    "PARLANCE_SLACK_TIER": ("internal", "request budget of the app: internal, or limited (1 request a minute)"),
    "PARLANCE_SLACK_API": ("https://slack.com/api/", "where the Slack Web API is"),
    "PARLANCE_SLACK_START": ("", "first day of the slack lane, YYYY-MM-DD; empty: the first day of the export"),
    "PARLANCE_PSEUDONYM_KEY": ("", "key of the pseudonyms; empty: made once, in <PARLANCE_HOME>/pseudonym.key"),
    "PARLANCE_CRAWL": ("", "a crawl list, a file like sample/crawl.yaml"),
    "PARLANCE_CRAWL_START": ("", "first day of the crawl lane, YYYY-MM-DD; empty: the day of the first crawl"),
    "PARLANCE_DUMPS": ("", "inbox of dumps, a folder or s3://bucket/prefix"),
    "PARLANCE_REFERENCES": (
        "sample/references.yaml",
        "blocked hosts and words, evaluation sets and examples of quality, a file like the default",
    ),
    "PARLANCE_LABELLED_UTTERANCES": (
        "sample/speech_acts/labelled",
        "labelled utterances, a JSON-lines file or a folder of them",
    ),
    "PARLANCE_SPEECH_ACTS": (
        "full",
        "how acts are told: full (a network reads the conversation), or light (far faster)",
    ),
    "PARLANCE_PROFILES": ("profiles", "task profiles, a YAML file or a folder of such files"),
    "PARLANCE_PROFILE": ("", "profile that the corpus must match before instruct examples are made; empty: none"),
    "PARLANCE_ANNOTATIONS": ("", "folder of finished annotation files; empty: <PARLANCE_HOME>/annotations"),
    "PARLANCE_ANNOTATION_GUIDE": ("docs/annotation_guide.md", "what annotators work by; its version is in every label"),
    "PARLANCE_ADJUDICATOR": ("adjudicator", "the annotator who decides what the others disagree on"),
    "PARLANCE_RETRAIN_AFTER": ("50", "new gold labels after which the classifier is trained again"),
    "PARLANCE_TOKEN_CUT": (
        "llama3",
        "how text is cut for tokenizers: llama3 or gpt2, with +nfc or +nfkc where it is normalised first",
    ),
    "PARLANCE_EMBEDDING_MODEL": ("minilm", "embedding model: minilm, a path or a hub name"),
    "PARLANCE_BASE_MODEL": ("", "base model to fine-tune, a path or a hub name; empty: train a small one"),
    "PARLANCE_TRAINING": ("local", "where models are trained: local, ray, kubernetes or endpoint"),
    "PARLANCE_RAY_ADDRESS": ("http://127.0.0.1:8265", "dashboard of the Ray cluster that trains"),
    "PARLANCE_RAY_GPUS": ("0", "GPUs that a training job on that cluster asks for"),
    "PARLANCE_KUBERNETES_IMAGE": ("", "image of the pod that trains, with this project as its working directory"),
    "PARLANCE_KUBERNETES_NAMESPACE": ("default", "namespace of that pod"),
    "PARLANCE_KUBERNETES_POD": ("", "YAML file with that pod's spec: what it asks for, secrets, nodes; empty: none"),
    "PARLANCE_TRAINING_URL": ("", "OpenAI-compatible endpoint that fine-tunes, such as https://host/v1"),
    "PARLANCE_TRAINING_KEY": ("", "key of that endpoint, where it wants one"),
    "PARLANCE_PROMPTS": (
        "",
        "a team's own prompts with expected answers, a file like sample/prompts.yaml; empty: none but the sample's",
    ),
    "PARLANCE_MLFLOW_URL": (
        "",
        "registry of models, an MLflow server or a database; empty: an SQLite file in <PARLANCE_HOME>",
    ),
    "PARLANCE_MLFLOW_MODEL": ("parlance", "name of the model in that registry"),
    "PARLANCE_LLM_URL": (
        "",
        "OpenAI-compatible endpoint that writes examples, such as http://127.0.0.1:8000/v1; empty: none are written",
    ),
    "PARLANCE_LLM_MODEL": ("", "name of the model at that endpoint"),
    "PARLANCE_LLM_KEY": ("", "key of that endpoint, where it wants one"),
    "PARLANCE_DRAFT_WRITER": (
        "auto",
        "who drafts: auto (the fine-tuned model, by vLLM or else transformers), transformers, vllm, or endpoint",
    ),
    "PARLANCE_DRAFT_PROMPT": ("sample/prompts/draft.jinja", "prompt of drafts, a Jinja file like the default"),
    "PARLANCE_DRAFT_SCHEMA": ("", "JSON schema that drafts must be of, a file; empty: they are text"),
    "PARLANCE_SLACK_POST": (
        "",
        "review: drafts are shown in a channel and, approved there, posted into their threads; off or empty: none is",
    ),
    "PARLANCE_SLACK_POST_TOKEN": ("", "token of the bot that posts, xoxb-..."),
    "PARLANCE_SLACK_REVIEW_CHANNEL": ("", "id of the channel in which drafts are reviewed"),
    "PARLANCE_SLACK_REVIEWERS": ("", "ids of the people who may approve a draft, parted by commas"),
    "PARLANCE_HUB_REPOSITORY": ("", "data set on a hub that exports are pushed to, owner/name; empty: none"),
    "PARLANCE_HUB_URL": ("https://huggingface.co", "where the hub is"),
    "PARLANCE_HUB_TOKEN": ("", "token of the hub; empty: HF_TOKEN, or that of `hf auth login`"),
    "PARLANCE_FRESHNESS": (
        "",
        "most hours without anything new, such as slack=24 crawl=48; else by each source's rhythm",
    ),
    "PARLANCE_HOLIDAYS": ("", "days off on which nothing is expected, such as 2026-12-25 2026-12-26"),
    "PARLANCE_CATCH_UP_DAYS": ("14", "days back that missing_days looks for days without data"),
    "PARLANCE_TRAIN_AFTER_SHARE": (
        "0.05",
        "share of examples that must be new, changed or gone before the model is fine-tuned again",
    ),
    "PARLANCE_ALERTS_CHANNEL": (
        "",
        "Slack channel of alerts and of the daily digest; empty: they are in the log alone",
    ),
    "PARLANCE_ALERTS_TOKEN": ("", "token of a Slack app that may write there (chat:write)"),
    "PARLANCE_ALERTS_API": ("https://slack.com/api/", "where that Slack's Web API is"),
    "PARLANCE_UI_URL": ("http://127.0.0.1:3000", "where the web UI is, for links in alerts"),
    "PARLANCE_KEEP_RUNS_DAYS": ("90", "days that old_runs keeps runs whose every partition was made again since"),
    "PARLANCE_REPORT_URL": ("http://127.0.0.1:3001", "where `make ui` serves the reports"),
}


def setting(name: str) -> str:
    """The value of a setting; an empty one counts as not set."""
    return os.environ.get(name) or SETTINGS[name][0]


def path_setting(name: str) -> str:
    """A setting that is a path or a URL; a relative path is taken from the project's root."""
    value = setting(name)
    return value if "://" in value else str(ROOT / value)


def day_setting(name: str) -> str:
    """A setting that is a day; empty where it is not set. Raises ConfigError where it is something else."""
    value = setting(name)
    try:
        return dt.date.fromisoformat(value).isoformat() if value else ""
    except ValueError as error:
        raise ConfigError(f"{name} is {value!r}; it must be a day such as 2026-10-05") from error


INPUTS = ("PARLANCE_SLACK_EXPORT", "PARLANCE_SLACK_TOKEN", "PARLANCE_CRAWL", "PARLANCE_DUMPS")


def is_sample() -> bool:
    """Whether no input is set at all: then it is the sample's."""
    return not any(setting(name) for name in INPUTS)


def slack_export() -> str:
    """The export of the slack lane; empty where there is none."""
    return _input("PARLANCE_SLACK_EXPORT", "slack_export.zip")


def slack_rights() -> str:
    """The statement of rights of the slack lane; the sample brings its own."""
    return _input("PARLANCE_SLACK_RIGHTS", "slack/rights.yaml")


def crawl_list() -> str:
    """The list of the crawl lane; empty where there is none."""
    return _input("PARLANCE_CRAWL", "crawl.yaml")


def crawls_folder() -> str:
    """Where crawls keep their frontiers and WARC files, a folder for each day."""
    return f"{path_setting('PARLANCE_HOME')}/crawls"


def crawl_site() -> str:
    """The folder that stands for the site of the sample's crawl list; empty for a list of one's own."""
    return str(ROOT / "sample" / "site" / "public") if is_sample() else ""


def dumps_folder() -> str:
    """The inbox of the dump lane; `<PARLANCE_HOME>/inbox` where other inputs alone are set."""
    folder = _input("PARLANCE_DUMPS", "dumps")
    if folder:
        return folder
    inbox = Path(path_setting("PARLANCE_HOME"), "inbox")
    inbox.mkdir(parents=True, exist_ok=True)
    return str(inbox)


def annotations_folder() -> str:
    """Where finished annotation files are put; the default is made, so that people find it."""
    if setting("PARLANCE_ANNOTATIONS"):
        return path_setting("PARLANCE_ANNOTATIONS")
    folder = Path(path_setting("PARLANCE_HOME"), "annotations")
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def prompts_file() -> str:
    """A team's own prompts; the sample brings its own, else empty where none are named."""
    return _input("PARLANCE_PROMPTS", "prompts.yaml")


def registry_url() -> str:
    """Where the registry of models is; the default is made when a model is registered."""
    return setting("PARLANCE_MLFLOW_URL") or f"sqlite:///{path_setting('PARLANCE_HOME')}/mlflow.db"


def retrain_after() -> int:
    """New gold labels that ask for training. Raises ConfigError where the setting is no number above 0."""
    return whole_number("PARLANCE_RETRAIN_AFTER")


def whole_number(name: str) -> int:
    """A setting that counts something. Raises ConfigError where it is no whole number above 0."""
    value = setting(name)
    if not value.isdecimal() or int(value) < 1:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number above 0")
    return int(value)


def expected_hours() -> dict[str, float]:
    """PARLANCE_FRESHNESS by source. Raises ConfigError where a part is not source=hours."""
    found = {}
    for part in setting("PARLANCE_FRESHNESS").replace(",", " ").split():
        source, _, hours = part.partition("=")
        if not source or not hours.replace(".", "", 1).isdecimal() or not float(hours):
            raise ConfigError(f"PARLANCE_FRESHNESS has {part!r}; it must be source=hours, such as slack=24")
        found[source] = float(hours)
    return found


def holidays() -> list[str]:
    """PARLANCE_HOLIDAYS. Raises ConfigError where one is no day."""
    days = setting("PARLANCE_HOLIDAYS").replace(",", " ").split()
    try:
        return [dt.date.fromisoformat(day).isoformat() for day in days]
    except ValueError as error:
        raise ConfigError(f"PARLANCE_HOLIDAYS is {days}; each must be a day such as 2026-12-25") from error


def live_sources() -> frozenset[str]:
    """The sources that go on: not an export alone, and not the sample."""
    named = {"slack": "PARLANCE_SLACK_TOKEN", "crawl": "PARLANCE_CRAWL", "dump": "PARLANCE_DUMPS"}
    return frozenset(source for source, name in named.items() if setting(name)) | frozenset(expected_hours())


def share(name: str) -> float:
    """A setting that is a share. Raises ConfigError where it is no number from 0 to 1."""
    value = setting(name)
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise ConfigError(f"{name} is {value!r}; it must be a number from 0 to 1")
    return found


def ray_gpus() -> int:
    """GPUs of a training job on Ray. Raises ConfigError where the setting is no whole number."""
    value = setting("PARLANCE_RAY_GPUS")
    if not value.isdecimal():
        raise ConfigError(f"PARLANCE_RAY_GPUS is {value!r}; it must be a whole number such as 0 or 1")
    return int(value)


def _input(name: str, sample: str) -> str:
    if setting(name):
        return path_setting(name)
    return str(ROOT / "sample" / sample) if is_sample() else ""


def lake_root() -> str:
    return path_setting("PARLANCE_LAKE") if setting("PARLANCE_LAKE") else f"{path_setting('PARLANCE_HOME')}/lake"
