"""Code versions follow the code and nothing else."""

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
    monkeypatch.setattr(code_versions, "_code", code_versions._code.__wrapped__)
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
