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
    "PARLANCE_LLM_URL": (
        "",
        "OpenAI-compatible endpoint that writes examples, such as http://127.0.0.1:8000/v1; empty: none are written",
    ),
    "PARLANCE_LLM_MODEL": ("", "name of the model at that endpoint"),
    "PARLANCE_LLM_KEY": ("", "key of that endpoint, where it wants one"),
    "PARLANCE_HUB_REPOSITORY": ("", "data set on a hub that exports are pushed to, owner/name; empty: none"),
    "PARLANCE_HUB_URL": ("https://huggingface.co", "where the hub is"),
    "PARLANCE_HUB_TOKEN": ("", "token of the hub; empty: HF_TOKEN, or that of `hf auth login`"),
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


def retrain_after() -> int:
    """New gold labels that ask for training. Raises ConfigError where the setting is no number above 0."""
    value = setting("PARLANCE_RETRAIN_AFTER")
    if not value.isdecimal() or int(value) < 1:
        raise ConfigError(f"PARLANCE_RETRAIN_AFTER is {value!r}; it must be a whole number above 0")
    return int(value)


def _input(name: str, sample: str) -> str:
    if setting(name):
        return path_setting(name)
    return str(ROOT / "sample" / sample) if is_sample() else ""


def lake_root() -> str:
    return path_setting("PARLANCE_LAKE") if setting("PARLANCE_LAKE") else f"{path_setting('PARLANCE_HOME')}/lake"
