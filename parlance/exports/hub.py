"""An export as a data set repository of a Hugging Face hub."""

from dataclasses import dataclass
from pathlib import Path

from parlance.errors import ConfigError, TransientError


@dataclass(frozen=True, kw_only=True)
class Target:
    """`repository` is `owner/name` on the hub at `endpoint`; a null `token` is the one that huggingface_hub finds."""

    repository: str
    endpoint: str
    token: str | None


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """Where the data set is, the commit that holds it, whether others may see it, and how many files it has."""

    url: str
    commit: str
    private: bool
    files: int


def push(folder: Path, target: Target, *, private: bool, message: str) -> Pushed:
    """Makes the repository where it is absent, and `folder` its whole content, in one commit.

    A repository that exists stays as visible as it is; with `private` one that everybody sees is refused. Raises
    ConfigError where the hub refuses (name, token, rights), TransientError where it does not answer.
    """
    from httpx2 import TransportError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi(endpoint=target.endpoint, token=target.token)
    repository = target.repository
    if repository.count("/") != 1:
        raise ConfigError(f"PARLANCE_HUB_REPOSITORY is {repository!r}; allowed: owner/name")
    try:
        url = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        is_private = bool(api.dataset_info(repository).private)
        if private and not is_private:
            raise ConfigError(f"{url} can be seen by everybody; make it private, or set private: false")
        commit = api.upload_folder(
            repo_id=repository, folder_path=folder, repo_type="dataset", commit_message=message, delete_patterns="*"
        )
    except HFValidationError as error:
        raise ConfigError(f"PARLANCE_HUB_REPOSITORY is {repository!r}; allowed: owner/name: {error}") from error
    except HfHubHTTPError as error:
        raise _refused(error.response.status_code, f"{target.endpoint} refuses {repository!r}: {error}") from error
    except TransportError as error:
        raise TransientError(f"{target.endpoint} does not answer: {error}") from error
    except RuntimeError as error:  # so the client reports that the storage of large files failed
        raise TransientError(f"{target.endpoint}: {error} {error.__cause__}") from error
    files = sum(path.is_file() for path in folder.rglob("*"))
    return Pushed(url=str(url), commit=str(commit.oid), private=is_private, files=files)


def _refused(status: int, message: str) -> ConfigError | TransientError:
    return TransientError(message) if status == 429 or status >= 500 else ConfigError(message)
