"""What the UI gets of the ledger: numbers for each partition, the funnel, the reasons with samples, the comparison."""

import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

import assets.metadata
from assets.corpus import corpus_assets
from resources.lake import LakeResource
from tests.assets.tickets import DAYS, fill, lane, run

Shown = dict[str, dg.AssetMaterialization]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    fill(home)
    return home


def materialized(home: Path, tmp_path: Path, table: str, step: str) -> Shown:
    """The materialisation of each day of `table`."""
    shutil.copytree(home / "lake", tmp_path / "lake")
    result = run(lane(home), step, LakeResource(root=str(tmp_path / "lake")))
    assert result.success
    found = result.asset_materializations_for_node(f"tickets__{step}")
    return {str(one.partition): one for one in found if one.asset_key.path[-1] == table}


def test_every_day_has_its_own_numbers(home: Path, tmp_path: Path) -> None:
    shown = materialized(home, tmp_path, "kept", "kept")
    assert list(shown) == DAYS
    for day in DAYS:
        values = {key: shown[day].metadata[key].value for key in ("rows_in", "rows_kept", "rows_dropped", "kept_share")}
        assert values == {"rows_in": 4, "rows_kept": 2, "rows_dropped": 2, "kept_share": 0.5}
        assert shown[day].metadata["dropped_by_conversation"].value == 2
        assert shown[day].metadata["duplicate_share"].value == 0
    funnel = str(shown[DAYS[0]].metadata["funnel"].value)
    assert "| after conversation | 2 | 2 | 6 | 6 |" in funnel
    assert len(funnel) <= assets.metadata.OPEN_CHARACTERS
    assert str(shown[DAYS[0]].metadata["funnel_picture"].value).count("data:image/svg+xml;base64,") == 2


@pytest.mark.parametrize(
    ("table", "step", "lines"),
    [
        ("dropped", "kept", ["| conversation_words | 2 | 100.0 % | 2 |", "2 rows of 2026-11-03", "| 1 | 3 | ok |"]),
        (
            "rejected",
            "documents",
            ["| unreadable | 2 | 100.0 % | 2 |", "2 rows of 2026-11-03", "|  |  | nor this | not JSON"],
        ),
    ],
)
def test_reasons_stand_with_counts_and_samples(
    home: Path, tmp_path: Path, table: str, step: str, lines: list[str]
) -> None:
    shown = materialized(home, tmp_path, table, step)
    text = "\n".join(str(shown[DAYS[1]].metadata[key].value) for key in ("reasons", "samples"))
    for line in lines:
        assert line in text
    assert text.count("| tickets:") == 2


def test_of_a_long_range_the_last_day_alone_has_the_pictures(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets.metadata, "MOST_EXPLAINED", 2)
    shown = materialized(home, tmp_path, "kept", "kept")
    assert [day for day in DAYS if "funnel" in shown[day].metadata] == [DAYS[-1]]
    assert "| after conversation | 6 | 6 | 6 | 6 |" in str(shown[DAYS[-1]].metadata["funnel"].value)
    assert all("rows_kept" in shown[day].metadata for day in DAYS)


def test_recipes_stand_side_by_side(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "lake", tmp_path / "lake")
    (comparison,) = [
        one for one in corpus_assets([lane(home)]) if one.key == dg.AssetKey(["corpus", "recipe_comparison"])
    ]
    result = dg.materialize(
        [comparison],
        resources={"lake": LakeResource(root=str(tmp_path / "lake"))},
        run_config={"ops": {"corpus__recipe_comparison": {"config": {"one": "slack", "other": "c4"}}}},
    )
    (event,) = result.asset_materializations_for_node("corpus__recipe_comparison")
    values = {key: event.metadata[key].value for key in ("documents", "kept_by_first", "kept_by_second")}
    assert values == {"documents": 12, "kept_by_first": 6, "kept_by_second": 0}
    text = "\n".join(str(event.metadata[key].value) for key in ("kept_by", "rules", "samples"))
    assert "| tickets | 12 | 0 | 6 | 0 | 6 |" in text
    assert "| tickets | slack only | c4_sentences | 6 |" in text
    assert "| The probe reads zero. |" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (1_234, "1,234"),
        (0.12345, "0.123"),
        ("gopher_words", "gopher_words"),
        ("def __init__(self)", r"def \_\_init\_\_(self)"),
        ("a | b * c", r"a \| b \* c"),
        ("<b> & &lt;", r"&lt;b> & \&lt;"),
        ("two\n lines", "two lines"),
        ("x" * 100, "x" * (assets.metadata.CELL - 1) + "…"),
        ("*" * 100, r"\*" * (assets.metadata.CELL - 1) + "…"),
    ],
)
def test_a_cell_shows_text_as_it_is(value: object, shown: str) -> None:
    assert assets.metadata.markdown(pl.DataFrame({"a": [value]})).splitlines()[-1] == f"| {shown} |"


def test_what_stands_open_is_short_and_says_what_is_left() -> None:
    frame = pl.DataFrame({"rule": [f"rule_{number}" for number in range(500)], "rows": range(500)})
    text = str(assets.metadata.shortened(frame, more="samples", caption="500 rows").value)
    assert len(text) <= assets.metadata.OPEN_CHARACTERS
    rows = text.count("| rule_")
    assert rows > 20
    assert text.endswith(f"500 rows\n\nand {500 - rows} more: see `samples`")
    assert "more" not in str(assets.metadata.shortened(frame.head(3), more="samples").value)
