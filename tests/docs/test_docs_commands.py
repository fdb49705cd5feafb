"""Every command of the documentation runs, in a copy of the project and of the home that the quick run made.

`make run` itself made that home: of it the tests look at what make would call.
"""

from pathlib import Path

import polars as pl
import pytest
import yaml

from orchestration.lanes import lanes
from parlance.lake import Lake
from tests.docs import pages
from tests.docs.pages import INDEX, TUTORIAL, Block
from tests.docs.scratch import HOME, Scratch, new_scratch
from tests.orchestration.conftest import QUICK_RUN, Workspace

pytestmark = pytest.mark.slow
PAGES = [page for page in pages.pages() if page != INDEX and pages.blocks(page)]
# What commands of a page print, by the page.
PRINTED = {
    "tutorial": "Dropped: conversation_bot_turn_share>0.8",
    "add_a_source": "[['The bridge is open.', 'Ada looks after the probe.']]",
    "annotate": "doccano",
    "explain_a_row": "Quality ",
    "search": "slack:T0BRIGHTW/",
}


@pytest.fixture(scope="module")
def scratch(sample: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """One copy for all pages."""
    return new_scratch(tmp_path_factory.mktemp("docs") / "project", home=sample.home)


def walk(scratch: Scratch, page: Path) -> str:
    """Does what the page's blocks say, in their order; gives what its commands printed."""
    return "".join(_done(scratch, block) for block in pages.blocks(page) if block.skipped is None)


def _done(scratch: Scratch, block: Block) -> str:
    if block.file is not None:
        scratch.write(block)
    elif block.language == "python":
        # One interpreter for all pieces of code: each would else spend a second on importing the same.
        exec(compile(block.code, block.place, "exec"), {"__name__": "__main__"})
    elif block.language == "yaml":
        assert yaml.safe_load(block.code), block.place
    elif block.language == "sh" and block.code.startswith("make run"):
        last = scratch.planned(block)[-1]
        assert last.endswith(f"/.venv/bin/python -m {' '.join(QUICK_RUN)}"), block.place
    elif block.language == "sh":
        return scratch.run(block)
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_the_page_runs(scratch: Scratch, page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scratch.root)
    scratch.forget()
    if page != TUTORIAL:
        walk(scratch, INDEX)  # what it says of the home holds for every other page
    try:
        assert PRINTED.get(page.stem, "") in walk(scratch, page)
    finally:
        scratch.remove_written()
    assert "tickets" not in lanes()  # what pages add is added to the copy alone


def test_the_threshold_of_the_tutorial_drops_threads(scratch: Scratch) -> None:
    dropped = Lake(root=str(scratch.root / HOME / "lake")).table("slack/dropped").scan().collect()
    by_words = dropped.filter(pl.col("rule") == "conversation_words", pl.col("bound") == 20)
    assert by_words.height > 0
    assert by_words["partition"].max() <= "2026-10-08"
