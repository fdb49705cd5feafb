"""Every setting of a deployment, read from the environment (or a `.env` file beside `workspace.yaml`)."""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent

# name -> (default, meaning). Paths may be relative to the project's root; the lake and the dumps may be `s3://`.
SETTINGS: dict[str, tuple[str, str]] = {
    "PARLANCE_HOME": (".parlance", "folder for everything that Parlance keeps on this machine"),
    "PARLANCE_LAKE": ("", "root of tables and files, a folder or s3://bucket/prefix; empty: <PARLANCE_HOME>/lake"),
    "PARLANCE_SLACK_EXPORT": ("", "an official Slack export, a zip or its folder"),
    "PARLANCE_SLACK_START": ("", "first day of the slack lane, YYYY-MM-DD; empty: the first day of the export"),
    "PARLANCE_DUMPS": ("", "inbox of dump files, a folder or s3://bucket/prefix"),
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


def slack_export() -> str:
    """The export of the slack lane; the sample's where no input is set at all, empty where only dumps are set."""
    if setting("PARLANCE_SLACK_EXPORT"):
        return path_setting("PARLANCE_SLACK_EXPORT")
    return "" if setting("PARLANCE_DUMPS") else str(ROOT / "sample" / "slack_export.zip")


def dumps_folder() -> str:
    """The inbox of the dump lane; the sample's where no input is set at all, `<PARLANCE_HOME>/inbox` with an export."""
    if setting("PARLANCE_DUMPS"):
        return path_setting("PARLANCE_DUMPS")
    if not setting("PARLANCE_SLACK_EXPORT"):
        return str(ROOT / "sample" / "dumps")
    inbox = Path(path_setting("PARLANCE_HOME"), "inbox")
    inbox.mkdir(parents=True, exist_ok=True)
    return str(inbox)


def lake_root() -> str:
    return path_setting("PARLANCE_LAKE") if setting("PARLANCE_LAKE") else f"{path_setting('PARLANCE_HOME')}/lake"
