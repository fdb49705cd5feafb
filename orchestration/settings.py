"""Every setting of a deployment, read from the environment (or a `.env` file beside `workspace.yaml`)."""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent

# name -> (default, meaning). Paths may be relative to the project's root; the lake and the dumps may be `s3://`.
SETTINGS: dict[str, tuple[str, str]] = {
    "PARLANCE_HOME": (".parlance", "folder for everything that Parlance keeps on this machine"),
    "PARLANCE_LAKE": ("", "root of tables and files, a folder or s3://bucket/prefix; empty: <PARLANCE_HOME>/lake"),
    "PARLANCE_SLACK_EXPORT": ("sample/slack_export.zip", "an official Slack export, zip or folder"),
    "PARLANCE_SLACK_START": ("", "first day of the slack lane, YYYY-MM-DD; empty: the first day of the export"),
    "PARLANCE_DUMPS": ("sample/dumps", "inbox of dump files, a folder or s3://bucket/prefix"),
    "PARLANCE_LABELLED_UTTERANCES": ("sample/speech_acts/utterances.jsonl", "labelled utterances, JSON lines"),
    "PARLANCE_EMBEDDING_MODEL": ("minilm", "embedding model: minilm, a path or a hub name"),
    "PARLANCE_BASE_MODEL": ("", "base model to fine-tune, a path or a hub name; empty: train a small one"),
    "PARLANCE_REPORT_URL": ("http://127.0.0.1:3001", "where `make ui` serves the reports"),
}


def setting(name: str) -> str:
    """The value of a setting; an empty one counts as not set."""
    return os.environ.get(name) or SETTINGS[name][0]


def path_setting(name: str) -> str:
    """A setting that is a path or a URL; a relative path is taken from the project's root."""
    value = setting(name)
    return value if "://" in value else str(ROOT / value)


def lake_root() -> str:
    return path_setting("PARLANCE_LAKE") if setting("PARLANCE_LAKE") else f"{path_setting('PARLANCE_HOME')}/lake"
