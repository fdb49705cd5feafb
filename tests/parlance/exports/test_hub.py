"""Pushing a folder, by the real client to a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from parlance.errors import ConfigError, TransientError
from parlance.exports.hub import Pushed, Target, push
from tests.servers.dataset_hub import Hub, served

# Of the client's own call of its HTTP library.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    # Without xet, whose storage is another service: large files then go by LFS.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", True)
    with served(Hub()) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "export"
    (made / "chatml").mkdir(parents=True)
    (made / "README.md").write_text("---\npretty_name: X\n---\n\n# X\n", encoding="utf-8")
    (made / "chatml" / "train.jsonl").write_text('{"messages": []}\n')
    (made / "chatml" / "train.parquet").write_bytes(b"PAR1" * 9)
    return made


def pushed(hub: Hub, folder: Path, *, name: str = "ada/talk", token: str = "hf_right", private: bool = True) -> Pushed:
    return push(folder, Target(repository=name, endpoint=hub.url, token=token), private=private, message="More")


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_repository_is_private_and_holds_the_folder(hub: Hub, folder: Path) -> None:
    done = pushed(hub, folder)
    repository = hub.repositories["ada/talk"]
    assert repository.private
    assert repository.files == files_of(folder)
    assert repository.commits == ["More"]
    assert done == Pushed(url=f"{hub.url}/datasets/ada/talk", commit=repository.head, private=True, files=3)


def test_what_the_export_no_longer_has_is_deleted(hub: Hub, folder: Path) -> None:
    pushed(hub, folder)
    (folder / "chatml" / "train.parquet").unlink()
    (folder / "chatml" / "train.jsonl").write_text("{}\n")
    pushed(hub, folder)
    assert hub.repositories["ada/talk"].files == files_of(folder)
    assert len(hub.repositories["ada/talk"].commits) == 2


def test_what_everybody_sees_is_not_pushed_to_unless_that_is_wanted(hub: Hub, folder: Path) -> None:
    assert not pushed(hub, folder, private=False).private
    before = dict(hub.repositories["ada/talk"].files)
    (folder / "more.txt").write_text("x")
    with pytest.raises(ConfigError, match="can be seen by everybody; make it private, or set private: false"):
        pushed(hub, folder)
    assert hub.repositories["ada/talk"].files == before


@pytest.mark.parametrize(
    ("name", "token", "message"),
    [
        ("ada/talk", "hf_wrong", "refuses 'ada/talk': .*401"),
        ("talk", "hf_right", "allowed: owner/name"),
        ("ada/..", "hf_right", "allowed: owner/name"),
    ],
)
def test_a_wrong_token_or_name(hub: Hub, folder: Path, name: str, token: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pushed(hub, folder, name=name, token=token)
    assert hub.repositories == {}


def test_a_hub_that_does_not_answer(folder: Path, hub: Hub) -> None:
    with served(Hub()) as other:
        pass
    with pytest.raises(TransientError, match="does not answer"):
        pushed(other, folder)
    hub.storage_fails = True
    with pytest.raises(TransientError, match=r"train.parquet' to the Hub. .*507"):
        pushed(hub, folder)
    hub.failing = 507
    with pytest.raises(TransientError, match="507"):
        pushed(hub, folder)
