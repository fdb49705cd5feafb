"""The folders import in one direction: parlance <- resources <- assets <- orchestration."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"parlance", "resources", "assets", "orchestration", "tests", "sample", "benchmarks"}
ALLOWED = {
    "parlance": {"parlance"},
    "resources": {"resources", "parlance"},
    "assets": {"assets", "resources", "parlance"},
    "orchestration": {"orchestration", "assets", "resources", "parlance"},
}


def imported(path: Path) -> set[str]:
    """Top-level names of everything that a module imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("folder", ALLOWED)
def test_folder_imports_only_what_is_below_it(folder: str) -> None:
    modules = sorted((ROOT / folder).rglob("*.py"))
    assert modules
    wrong = {str(path): imported(path) & OURS - ALLOWED[folder] for path in modules}
    assert not {path: names for path, names in wrong.items() if names}


def test_engine_does_not_know_dagster() -> None:
    users = [path for path in (ROOT / "parlance").rglob("*.py") if {"dagster", "dagster_pipes"} & imported(path)]
    assert users == []
