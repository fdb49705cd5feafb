import os
import tempfile
import threading
import time
from pathlib import Path

import fsspec
import pytest

from parlance.errors import ConfigError, TransientError
from parlance.storage import Files
from parlance.storage.files import KEEP_REPLACED_S, LATEST, PUBLISHED


@pytest.fixture(params=["local", "remote"])
def files(request, tmp_path, monkeypatch):
    """Files in a local folder and in a store that is none; downloads go to a temporary folder of the test."""
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(downloads))
    if request.param == "local":
        yield Files(root=str(tmp_path / "my läke" / "files"))
    else:
        root = f"memory://{tmp_path.name}"
        yield Files(root=root)
        fs, path = fsspec.url_to_fs(root)
        if fs.exists(path):
            fs.rm(path, recursive=True)


def publish(files: Files, version: str, texts: dict[str, str], name: str = "model") -> None:
    with files.publish(name, version) as folder:
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")


def publish_half(files: Files) -> None:
    with files.publish("model", "1") as folder:
        (folder / "half").write_text("half")
        raise ZeroDivisionError


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


TEXTS = {"config.json": "{}", "a b/ü [1] %20.txt": "täxt", "a b/c/.hidden": "", "empty": ""}


def test_a_version_is_what_was_written(files):
    publish(files, "1", TEXTS)
    assert files.latest("model") == "1"
    assert files.has("model", "1")
    assert contents(files.folder("model")) == contents(files.folder("model", "1")) == TEXTS
    assert files.folder("model").name == "1"


def test_an_exception_inside_publishes_nothing(files):
    with pytest.raises(ZeroDivisionError):
        publish_half(files)
    assert files.latest("model") is None
    assert not files.has("model", "1")
    publish(files, "1", TEXTS)
    with pytest.raises(ZeroDivisionError):
        publish_half(files)
    assert contents(files.folder("model")) == TEXTS


def test_an_exception_inside_leaves_nothing_behind(files, tmp_path):
    with pytest.raises(ZeroDivisionError):
        publish_half(files)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("again", [TEXTS, {"config.json": "[]"}, {}], ids=["same", "other", "nothing"])
def test_the_same_version_again_replaces_it(files, again):
    publish(files, "1", TEXTS)
    before = files.folder("model")
    publish(files, "1", again)
    assert files.latest("model") == "1"
    assert contents(files.folder("model")) == again
    assert contents(before) == TEXTS  # for those who read it still
    publish(files, "1", TEXTS)
    assert contents(files.folder("model")) == TEXTS


def test_the_latest_is_the_version_published_last(files):
    publish(files, "b", {"x": "b"})
    publish(files, "a", {"x": "a"})
    assert files.latest("model") == "a"
    assert contents(files.folder("model", "b")) == {"x": "b"}
    publish(files, "b", {"x": "b"})
    assert files.latest("model") == "b"
    assert contents(files.folder("model", "a")) == {"x": "a"}


def test_versions_of_equal_content_stay_apart(files):
    publish(files, "1", TEXTS)
    publish(files, "2", TEXTS)
    publish(files, "1", {"x": "y"})
    assert contents(files.folder("model", "2")) == TEXTS
    assert files.folder("model", "2").name == "2"


def test_a_version_without_files_is_one(files):
    publish(files, "1", {})
    assert files.latest("model") == "1"
    assert contents(files.folder("model")) == {}


def test_names_may_be_nested(files):
    publish(files, "1", {"x": "outer"}, name="corpus/model")
    publish(files, "1", {"x": "other"}, name="corpus/other")
    assert contents(files.folder("corpus/model")) == {"x": "outer"}
    assert files.latest("corpus") is None


def test_what_was_not_published_is_named(files):
    with pytest.raises(ConfigError, match=r"nothing was published as 'model' under .*: materialise 'model' first"):
        files.folder("model")
    publish(files, "1", TEXTS)
    with pytest.raises(ConfigError, match="'model' has no version '2' under"):
        files.folder("model", "2")
    assert not files.has("model", "2")


@pytest.mark.parametrize("version", ["", ".", "..", "../x", "a/b", ".hidden", LATEST, PUBLISHED])
def test_a_version_that_cannot_be_a_folder_is_refused(files, version):
    with pytest.raises(ConfigError, match="cannot be part of"), files.publish("model", version):
        pass
    with pytest.raises(ConfigError, match="cannot be part of"):
        files.folder("model", version)


@pytest.mark.parametrize("name", ["", "/", "/model", "model/", "a//b", "../up", "a/../b", LATEST])
def test_a_name_that_cannot_be_a_folder_is_refused(files, name):
    with pytest.raises(ConfigError, match="cannot be part of"), files.publish(name, "1"):
        pass
    with pytest.raises(ConfigError, match="cannot be part of"):
        files.latest(name)


def test_a_reader_sees_one_publication_whole(files):
    """While one version is published again and again with other content."""
    publish(files, "1", {"a": "0", "b/c": "0", "d": "0"})
    found, stop = [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            found.append(contents(files.folder("model")))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(1, 40):
        publish(files, "1", {"a": f"{i}", "b/c": f"{i}", "d": f"{i}"})
    stop.set()
    reader.join()
    assert all(texts.keys() == {"a", "b/c", "d"} and len(set(texts.values())) == 1 for texts in found)
    assert len({texts["a"] for texts in found}) > 1


def test_two_publishers_of_one_version_leave_one_of_both(files):
    def many(letter: str) -> None:
        for i in range(15):
            publish(files, "1", {"a": f"{letter}{i}", "b": f"{letter}{i}"})

    threads = [threading.Thread(target=many, args=(letter,)) for letter in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = contents(files.folder("model"))
    assert set(texts) == {"a", "b"}
    assert texts["a"] == texts["b"] in ("x14", "y14")


def test_what_was_replaced_a_day_ago_is_removed(tmp_path):
    files = Files(root=str(tmp_path))
    folders = []
    for i in range(3):
        publish(files, "1", {"x": f"{i}"})
        folders.append(files.folder("model"))
    assert [folder.exists() for folder in folders] == [True, True, True]
    aged = time.time() - KEEP_REPLACED_S - 1
    os.utime(folders[0].parent, (aged, aged))
    os.utime(folders[2].parent, (aged, aged))
    publish(files, "1", {"x": "3"})  # 2 is replaced only now
    assert [folder.exists() for folder in folders] == [False, True, True]
    assert contents(files.folder("model")) == {"x": "3"}


def test_a_download_is_made_once_and_again_where_files_are_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files = Files(root=f"memory://{tmp_path.name}")
    publish(files, "1", TEXTS)
    folder = files.folder("model")
    written = (folder / "config.json").stat().st_mtime_ns
    assert files.folder("model") == folder
    assert (folder / "config.json").stat().st_mtime_ns == written
    (folder / "empty").unlink()  # as systems do that tidy their temporary folders
    assert contents(files.folder("model")) == TEXTS
    assert list(tmp_path.rglob(".download-*")) == []


def test_an_upload_that_was_cut_short_is_no_version(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files = Files(root=f"memory://{tmp_path.name}")
    fs, path = fsspec.url_to_fs(files.uri("model", "1"))
    fs.pipe_file(f"{path}/0123456789abcdef/half", b"half")
    assert not files.has("model", "1")
    with pytest.raises(ConfigError, match="has no version '1'"):
        files.folder("model", "1")
    publish(files, "1", TEXTS)
    assert contents(files.folder("model")) == TEXTS


def test_a_root_that_cannot_be_written_is_a_transient_error(tmp_path):
    (tmp_path / "file").write_text("")
    files = Files(root=str(tmp_path / "file"))
    with pytest.raises(TransientError, match="model/1 could not be published"), files.publish("model", "1"):
        pass


def test_an_unknown_kind_of_root_is_named():
    with pytest.raises(ConfigError, match="files cannot lie at 'foo://bucket/model'"):
        Files(root="foo://bucket").latest("model")


@pytest.mark.parametrize(
    ("root", "version", "uri"),
    [("/lake/", None, "/lake/model"), ("s3://lake", "1", "s3://lake/model/1"), ("lake", "1", "lake/model/1")],
)
def test_uri_names_where_a_version_lies(root, version, uri):
    assert Files(root=root).uri("model", version) == uri


def test_a_version_can_be_published_without_being_the_latest(files: Files) -> None:
    publish(files, "1", {"weights": "1"})
    with files.publish("model", "2", latest=False) as folder:
        (folder / "weights").write_text("2")
    assert files.latest("model") == "1"
    assert (files.folder("model", "2") / "weights").read_text() == "2"
    files.make_latest("model", "2")
    assert files.latest("model") == "2"
    assert (files.folder("model") / "weights").read_text() == "2"
    with pytest.raises(ConfigError, match="no version '3'"):
        files.make_latest("model", "3")
    assert files.latest("model") == "2"
