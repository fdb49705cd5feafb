"""Code versions follow the code and nothing else."""

import os
import time
from functools import cache
from pathlib import Path

import pytest

from assets import code_versions
from assets.code_versions import code_version


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "filters").mkdir()
    (tmp_path / "filters" / "recipes.py").write_text("BOUND = 3\n")
    (tmp_path / "pii.py").write_text("KINDS = 6\n")
    monkeypatch.setattr(code_versions, "ENGINE", tmp_path)
    monkeypatch.setattr(code_versions, "REMEMBERED", tmp_path / "cache" / "code_versions.json")
    monkeypatch.setattr(code_versions, "_code", code_versions._code.__wrapped__)
    monkeypatch.setattr(code_versions, "_remembered", cache(code_versions._remembered.__wrapped__))
    return tmp_path


def test_an_edited_bound_changes_the_version(engine: Path) -> None:
    before = code_version("filters.recipes")
    (engine / "filters" / "recipes.py").write_text("BOUND = 4\n")
    assert code_version("filters.recipes") != before


def test_comments_layout_and_other_modules_do_not(engine: Path) -> None:
    before = code_version("filters")
    (engine / "filters" / "recipes.py").write_text("# why three\nBOUND  =  3\n")
    (engine / "pii.py").write_text("KINDS = 7\n")
    assert code_version("filters") == before


def test_a_new_module_of_a_package_changes_it(engine: Path) -> None:
    before = code_version("filters")
    (engine / "filters" / "more.py").write_text("pass\n")
    assert code_version("filters") != before


def test_an_unknown_module_is_an_error(engine: Path) -> None:
    with pytest.raises(FileNotFoundError):
        code_version("gone")


def settle(engine: Path, *, age_s: float = 60.0) -> None:
    """Makes the files as old as they are when somebody works with them."""
    for file in engine.rglob("*.py"):
        os.utime(file, (time.time() - age_s, time.time() - age_s))


def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_versions, "_remembered", cache(code_versions._remembered.__wrapped__))


@pytest.mark.parametrize("age_s", [60.0, -60.0], ids=["old", "of a clock ahead"])
def test_another_process_reads_no_code_again(engine: Path, monkeypatch: pytest.MonkeyPatch, age_s: float) -> None:
    settle(engine, age_s=age_s)
    before = code_version("filters", "pii")
    another_process(monkeypatch)
    monkeypatch.setattr(code_versions, "_version", lambda files: pytest.fail("was read again"))
    assert code_version("pii", "filters") == before


def test_what_was_remembered_does_not_outlive_an_edit(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(engine)
    before = code_version("filters")
    (engine / "filters" / "recipes.py").write_text("BOUND = 4\n")  # of the same size
    another_process(monkeypatch)
    assert code_version("filters") != before


def test_a_file_that_was_just_written_is_not_remembered(engine: Path) -> None:
    code_version("filters")
    assert not code_versions.REMEMBERED.exists()


def test_a_cache_that_was_cut_short_is_made_again(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(engine)
    before = code_version("filters")
    code_versions.REMEMBERED.write_text('{"12', encoding="utf-8")
    another_process(monkeypatch)
    assert code_version("filters") == before
