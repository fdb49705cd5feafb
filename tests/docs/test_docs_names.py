"""What the documentation names exists: settings, targets, modules and their options, assets, files, links."""

import contextlib
import importlib
import importlib.util
import io
import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._cli import create_dagster_cli

from orchestration.definitions import defs
from orchestration.lanes import lanes
from orchestration.main import whole_graph
from orchestration.settings import SETTINGS
from parlance.lake import LANE_TABLES, TABLES
from parlance.sources.slack_archive import Archive
from parlance.stages.evaluation import MEASUREMENTS
from tests.docs import pages
from tests.docs.pages import INDEX, README, REFERENCE, ROOT, Block

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LANGUAGES = ("sh", "python", "yaml", "")
PAGES = pages.pages()
named = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
# What a word in backticks is, where the words before say so: "the sensors `a` and `b`".
CALLED = re.compile(r"\b(job|sensor|schedule|check)s?((?:(?:,| and|, and)? `[a-z_]+`)+)")
LOOKS_LIKE_ONE = re.compile(r"\w+_(?:lane|daily|threads)|corpus_matches_\w+|every_\w+_(?:for|measured)|\w+_is_nearest")


@cache
def definitions() -> dg.Definitions:
    return defs()


@cache
def graph() -> Any:
    return whole_graph().get_definition().asset_layer.asset_graph


def kinds_of_names() -> dict[str, set[str]]:
    known = definitions()
    return {
        "job": {job.name for job in known.jobs or []},
        "sensor": {sensor.name for sensor in known.sensors or []},
        "schedule": {schedule.name for schedule in known.schedules or []},
        "check": {check.name for check in graph().asset_check_keys},
    }


def mentioned(pattern: str, page: Path) -> set[str]:
    return set(re.findall(pattern, pages.text_of(page)))


@named
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    for block in pages.blocks(page):
        assert block.language in LANGUAGES, block.place
        assert not block.note or block.skipped or block.file, f"{block.place}: {block.note!r}; allowed: skip: or file:"
        assert block.skipped is None or len(block.skipped.split()) > 1, f"{block.place}: no reason"


@named
def test_every_setting_exists(page: Path) -> None:
    assert mentioned(r"\bPARLANCE_[A-Z][A-Z_]*[A-Z]\b", page) <= set(SETTINGS)


@named
def test_every_target_and_variable_of_make_exists(page: Path) -> None:
    texts = [block.code for block in pages.blocks(page) if block.language == "sh"] + pages.words(page)
    called = [words for text in texts for words in re.findall(r"(?m)(?:^|&& )make((?: +[A-Za-z_]+(?:=\S*)?)*)", text)]
    for word in (word for words in called for word in words.split()):
        name, is_variable, _ = word.partition("=")
        assert re.search(rf"^{name} \?=" if is_variable else rf"^{name}:", MAKEFILE, re.MULTILINE), word


@named
def test_every_link_resolves(page: Path) -> None:
    for target in pages.links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in pages.anchors(file), target


@named
def test_every_path_in_the_project_exists(page: Path) -> None:
    folders = "parlance|assets|orchestration|resources|profiles|recipes|sample|tests|docs"
    named = {word for word in pages.words(page) if re.fullmatch(rf"(?:{folders})/[\w./-]+\.\w+", word)}
    assert {path for path in named if not (ROOT / path).exists()} <= set(pages.files())


@named
def test_every_asset_and_table_exists(page: Path) -> None:
    tables = {f"<lane>/{table}" for table in LANE_TABLES} | set(TABLES)
    stored = Archive("lake")
    archive = {table.name for table in (stored.messages, stored.reads, stored.channels, stored.users)}
    known = tables | archive | {MEASUREMENTS} | {key.to_user_string() for key in graph().get_all_asset_keys()}
    roots = {name.partition("/")[0] for name in known}
    looks_like_one = rf"(?:{'|'.join(sorted(roots))})/[a-z_]+"
    assert {word for word in pages.words(page) if re.fullmatch(looks_like_one, word)} <= known


@named
def test_every_job_sensor_schedule_and_check_exists(page: Path) -> None:
    known = kinds_of_names()
    for kind, words in CALLED.findall(pages.prose(page)):
        assert set(re.findall(r"`(\w+)`", words)) <= known[kind], (kind, words)
    looks_like_one = {word for word in pages.words(page) if LOOKS_LIKE_ONE.fullmatch(word)}
    assert looks_like_one <= set().union(*known.values())


def test_every_sensor_and_schedule_is_documented() -> None:
    words = {word for page in PAGES if page != README for word in pages.words(page)}
    known = kinds_of_names()
    assert known["sensor"] | known["schedule"] <= words


@named
def test_every_page_ends_with_the_next_step_and_is_in_the_index(page: Path) -> None:
    if page in (README, *REFERENCE):
        return
    last = pages.text_of(page).strip().rsplit("\n\n", 1)[-1]
    assert last.startswith("Next: ")
    assert "](" in last
    listed = {(INDEX.parent / target.partition("#")[0]).resolve() for target in pages.links(INDEX)}
    assert page == INDEX or page in listed


def test_the_readme_leads_to_the_documentation() -> None:
    assert {"docs/README.md", "docs/tutorial.md"} <= set(pages.links(README))


def modules() -> Iterator[tuple[str, tuple[str, ...], list[str]]]:
    """Where a module is called, its name with the command of its own, and the options that it is given."""
    found = [(block.place, command) for block, command in pages.commands()]
    found += [(page.name, word) for page in PAGES for word in pages.words(page)]
    for place, command in found:
        if called := re.search(r"(?:^|/|\b)python -m ([\w.]+)((?: (?:backfill|stale|remains)\b)?)(.*)", command):
            yield place, (called[1], *called[2].split()), re.findall(r"(?<!\S)--[a-z-]+", called[3])


def said_by_help(name: str, *command: str) -> str:
    """What the module says of its options, or of those of a command of its own."""
    spec = importlib.util.find_spec(name)
    is_package = spec is not None and spec.submodule_search_locations is not None
    main = importlib.import_module(f"{name}.__main__" if is_package else name).main
    said, arguments = io.StringIO(), sys.argv
    try:
        sys.argv = [name, *command, "--help"]
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            main()
    finally:
        sys.argv = arguments
    return said.getvalue()


def test_every_module_takes_the_options_that_it_is_given() -> None:
    given: dict[tuple[str, ...], set[str]] = {}
    for place, called, options in modules():
        assert importlib.util.find_spec(called[0]) is not None, f"{place}: {called}"
        given.setdefault(called, set()).update(options)
    assert given
    for called, options in given.items():
        spec = importlib.util.find_spec(called[0])
        assert spec is not None
        if options and spec.name.startswith("benchmarks."):  # whose peers are installed elsewhere
            source = Path(str(spec.origin)).read_text(encoding="utf-8")
            assert {option for option in options if option not in source} == set()
        elif options - {"--help"}:
            assert {option for option in options if option not in said_by_help(*called)} == set(), called


def dagster_commands() -> Iterator[tuple[Block, list[str]]]:
    for block, command in pages.commands():
        if ".venv/bin/dagster " in command:
            yield block, shlex.split(command.partition(".venv/bin/dagster ")[2])


def test_dagster_takes_what_it_is_given() -> None:
    cli = create_dagster_cli()
    for block, arguments in dagster_commands():
        group, verb, *rest = arguments
        command = cli.commands[group].commands[verb]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("-")} <= known, block.place


def test_every_selection_selects_and_its_configuration_fits() -> None:
    job = whole_graph().get_definition()
    checked = 0
    for block, arguments in dagster_commands():
        options = dict(pairwise(arguments))
        if arguments[0] != "asset":
            continue
        if "tickets" in options["--select"]:  # of the lane that the page adds
            continue
        chosen = dg.AssetSelection.from_string(options["--select"]).resolve(graph())
        assert chosen, block.place
        if config := options.get("--config"):
            ops = yaml.safe_load(pages.files()[config].code)["ops"]
            assert dg.validate_run_config(job.get_subset(asset_selection=chosen), {"ops": ops}), block.place
        checked += 1
    assert checked > 1


def test_every_run_configuration_fits_the_whole_graph() -> None:
    job, checked = whole_graph().get_definition(), 0
    for path, block in pages.files().items():
        found = yaml.safe_load(block.code) if path.endswith(".yaml") else {}
        if "ops" in found:
            chosen = {dg.AssetKey(name.split("__")) for name in found["ops"]}
            assert dg.validate_run_config(job.get_subset(asset_selection=chosen), found), block.place
            checked += 1
    assert checked > 1


def test_every_lane_has_its_page() -> None:
    files = {"dump": "dumps"}
    assert {files.get(name, name) for name in lanes()} == {page.stem for page in (ROOT / "docs" / "lanes").iterdir()}


def test_what_two_pages_show_as_one_file_is_the_same() -> None:
    for path in pages.files():
        assert len({block.code for block in pages.every_block() if block.file == path}) == 1, path
