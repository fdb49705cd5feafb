"""Instruct examples through Dagster: every kept document accounted for, no tie torn, nothing of an evaluation set."""

import json
from pathlib import Path
from random import Random

import dagster as dg
import polars as pl
import pytest

from assets.instruct import instruct_assets, instruct_checks
from orchestration.lanes import lanes
from parlance import instruct, schemas
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.references import Named
from parlance.references.named import EvaluationSet
from parlance.stages.corpus import compile_references
from parlance.storage import record_batches
from resources.lake import LakeResource
from tests.parlance.instruct.slack_threads import TurnLine, corpus
from tests.parlance.instruct.web_pages import page

EVERY = list(lanes().values())
NOUNS = (
    "apple",
    "boat",
    "cloud",
    "door",
    "east",
    "fish",
    "gate",
    "hill",
    "iron",
    "jetty",
    "key",
    "lamp",
    "moss",
    "net",
)
PROSE = "The gate opens at six in the morning, and whoever comes late has to ring the bell and wait for the guard."


def some(seed: object, count: int) -> str:
    """Words that are others for each seed, so that no two texts are near duplicates."""
    return " ".join(Random(repr(seed)).choices(NOUNS, k=count))


def thread(number: int, *, day: int, late: bool = False, helper: str = "") -> list[TurnLine]:
    """A question with its answer, by people of that day; a `late` answer is of the day after."""
    tells = f"It is the {some((number, day), 12)}."
    return [
        (f"ann{number % 3}", f"Where is the {some((day, number), 8)}?", "question"),
        (helper or f"bob{day}", f">{tells}" if late else tells, "representative"),
    ]


def written(lake: Lake, lane: str, *frames: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    for table, place, schema in (("kept", 0, schemas.KEPT), ("utterances", 1, schemas.UTTERANCES)):
        rows = pl.concat([frame[place] for frame in frames])
        partitions = rows["partition"].unique().to_list()
        lake.table(f"{lane}/{table}").replace(record_batches(rows, schema), partitions)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Threads of twenty days, pages of a dump, and an evaluation set that one of the pages holds."""
    lake = Lake(root=str(tmp_path / "lake"))
    days = [
        corpus(*(thread(number, day=day) for number in range(3)), [("eve", "Good morning.", "expressive")], day=day,
               name=f"slack:d{day}-")
        for day in range(1, 21)
    ]  # fmt: skip
    written(lake, "slack", *days)
    item = "How many degrees does the polar star stand above the horizon of a town at fifty degrees north?"
    pages = {
        "faq": (f"Is it free?\nIt costs nothing, for nobody, on no day of the year.\nIs it far?\n{PROSE}", None),
        "hours": (PROSE, "Opening hours"),
        "item": (f"{item}\nFifty, and a little more when the air is cold.", None),
        "shout": ("BUY this NOW!!! " * 10, "Offers"),
        "prose": (PROSE.replace("gate", "door"), None),
    }
    written(lake, "dump", *(page(text, title=title, name=f"dump:{name}") for name, (text, title) in pages.items()))
    (tmp_path / "items.txt").write_text(f"{item}\n")
    named = Named(evaluation_sets={"astronomy": EvaluationSet(files=(str(tmp_path / "items.txt"),))})
    compile_references(lake, named, named.version)
    return lake


def run(lake: Lake, *, only_checks: bool = False, **changed: object) -> dg.ExecuteInProcessResult:
    config = {"validation": 0.2, "test": 0.2} | changed
    examples, checks = instruct_assets(EVERY)[0], instruct_checks(EVERY)
    selection = dg.AssetSelection.checks(*checks) if only_checks else None
    return dg.materialize(
        [examples, *checks],
        selection=selection,
        resources={"lake": LakeResource(root=lake.root)},
        run_config={} if only_checks else {"ops": {"instruct__examples": {"config": config}}},
        raise_on_error=False,
    )


def failed(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {one.check_name: str(one.description) for one in result.get_asset_check_evaluations() if not one.passed}


def rows(lake: Lake, table: str) -> pl.DataFrame:
    return lake.table(f"instruct/{table}").scan().collect()


def test_every_kept_document_has_an_example_or_a_reason(lake: Lake) -> None:
    result = run(lake)
    assert result.success
    assert failed(result) == {}
    passed_over = rows(lake, "passed_over").filter("whole")
    counted = dict(passed_over.group_by("reason").len().iter_rows())
    assert counted == {"no_question": 20, "contamination>0.5": 1, "quality<0.3": 1, "no_heading": 1}
    examples = rows(lake, "examples")
    assert dict(examples.group_by("kind").len().iter_rows()) == {"answer": 60, "faq": 2, "passage": 1}
    (event,) = result.asset_materializations_for_node("instruct__examples")
    shown = {name: value.value for name, value in event.metadata.items()}
    assert shown["documents_passed_over"] == 23
    assert "| answer | 60 |" in shown["kinds"]
    assert str(shown["quality"]).count("data:image/svg+xml") == 2
    assert shown["imitated"] == "nobody"


def test_what_was_refused_says_rule_value_and_bound(lake: Lake) -> None:
    run(lake)
    refused = rows(lake, "passed_over").filter(pl.col("example_id").is_not_null())
    named = refused.select("document_id", "kind", "rule", "value", "bound", "version", "detail").sort("document_id")
    assert named.rows() == [
        ("dump:item", "faq", "contamination", 1.0, 0.5, 1, "astronomy#1"),
        ("dump:shout", "passage", "quality", 0.2, 0.3, 1, "shouting, made_instruction"),
    ]
    assert refused["excerpt"].str.len_chars().min() > 10
    id = refused.filter(rule="quality")["example_id"].item()
    with pytest.raises(ConfigError, match=r"'dump:shout' was passed over: quality<0.3 \(shouting"):
        instruct.trace(lake, id)


def test_bounds_and_kinds_are_settings(lake: Lake) -> None:
    assert run(lake, least_quality=0.0, most_contamination=1.0, kinds=["faq", "passage", "answer"]).success
    assert set(rows(lake, "examples")["document_id"]) >= {"dump:item", "dump:shout"}
    assert run(lake, kinds=["answer"]).success
    assert set(rows(lake, "passed_over").filter(source="dump")["reason"]) == {"kind_not_wanted", "no_heading"}
    unknown = run(lake, kinds=["poem"])
    said = " ".join(str(event.step_failure_data) for event in unknown.all_events if event.is_step_failure)
    assert "unknown kinds ['poem']; known: answer, dialogue, person, faq, forum, passage" in said.replace("\\'", "'")


def planted(lake: Lake, change: pl.Expr) -> dict[str, str]:
    """What the checks say after the splits were changed in the table."""
    table = lake.table("instruct/examples")
    changed = table.scan().collect().with_columns(split=change)
    table.replace(record_batches(changed, schemas.EXAMPLES))
    return failed(run(lake, only_checks=True))


def other(split: str) -> str:
    return "test" if split == "train" else "train"


def test_an_author_day_on_two_sides_fails_the_check(lake: Lake) -> None:
    run(lake)
    one = rows(lake, "examples").filter(document_id="slack:d7-0").row(0, named=True)
    found = planted(lake, pl.when(pl.col("id") == one["id"]).then(pl.lit(other(one["split"]))).otherwise("split"))
    assert list(found) == ["nothing_is_on_two_sides"]
    assert "author-day bob7 on 2026-10-07: test and train" in found["nothing_is_on_two_sides"]


def test_a_document_on_two_sides_fails_the_check(lake: Lake) -> None:
    run(lake)
    first = rows(lake, "examples").filter(document_id="dump:faq").sort("id").row(0, named=True)
    found = planted(lake, pl.when(pl.col("id") == first["id"]).then(pl.lit(other(first["split"]))).otherwise("split"))
    assert "document dump:faq: " in found["nothing_is_on_two_sides"]


def test_a_copied_text_on_two_sides_fails_the_check(lake: Lake) -> None:
    run(lake)
    table = lake.table("instruct/examples")
    examples = table.scan().collect()
    one = examples.filter(document_id="dump:hours").row(0, named=True)
    split = pl.lit(other(one["split"]))
    copied = examples.filter(document_id="slack:d3-1").with_columns(
        instruction=pl.lit(one["instruction"]), output=pl.lit(one["output"]), split=split
    )
    others = examples.filter(pl.col("document_id") != "slack:d3-1").with_columns(
        split=pl.when(pl.col("document_id").str.starts_with("slack:d3-")).then(split).otherwise("split")
    )
    table.replace(record_batches(pl.concat([others, copied]), schemas.EXAMPLES))
    found = failed(run(lake, only_checks=True))
    assert "near duplicates" in found["nothing_is_on_two_sides"]


def test_a_lost_document_fails_the_check(lake: Lake) -> None:
    run(lake)
    table = lake.table("instruct/passed_over")
    fewer = table.scan().filter(pl.col("document_id") != "dump:prose").collect()
    table.replace(record_batches(fewer, schemas.PASSED_OVER))
    assert failed(run(lake, only_checks=True)) == {
        "every_kept_document_is_accounted_for": "85 kept = 62 with examples + 22 passed over"
    }


def test_near_duplicates_are_one_cluster_on_one_side(lake: Lake) -> None:
    again = [("ann", "Where is the key?", "question"), ("bob", f"{PROSE} Then ask me.", "representative")]
    copies = [corpus(again, day=day, name=f"slack:c{day}-") for day in range(21, 29)]
    written(lake, "slack", *copies)
    run(lake)
    clustered = rows(lake, "examples").filter(pl.col("document_id").str.starts_with("slack:c"))
    assert clustered.height == 8
    assert clustered["cluster"].n_unique() == 1
    assert clustered["split"].n_unique() == 1


def test_what_chains_everything_is_left_out_and_counted(lake: Lake) -> None:
    """One helper who answers late ties each day to the next, and so all of them."""
    chain = [
        corpus(
            *(thread(number, day=day, helper="eve") for number in range(3)),
            thread(3, day=day, helper="eve", late=True),
            day=day,
            name=f"slack:d{day}-",
        )
        for day in range(1, 21)
    ]
    written(lake, "slack", *chain)
    run(lake, largest_group=1.0, validation=0.3, test=0.3)
    assert rows(lake, "examples").filter(source="slack")["split"].n_unique() == 1
    result = run(lake, largest_group=0.2, validation=0.3, test=0.3)
    assert failed(result) == {}
    leaks = rows(lake, "passed_over").filter(rule="split_leak")
    assert 0 < leaks.height < 20
    assert rows(lake, "examples").filter(source="slack").height + leaks.height == 80
    assert rows(lake, "examples").filter(source="slack")["split"].n_unique() == 3


def consenting(lake: Lake, *statements: list[str]) -> None:
    """Raw rows of the answers of the second day, under statements that name who may be imitated."""
    raw = []
    for number, people in enumerate(statements):
        with lake.files.publish("rights/slack", f"s{number}") as folder:
            (folder / "rights.json").write_text(json.dumps({"uses": ["training"], "imitation": people}))
        for thread in range(3):
            id = f"slack:d2-{thread}-1"
            payload = json.dumps({"message": {"user": "U1", "text": "..."}}).encode()
            raw.append(
                {"id": id, "source": "slack", "shard": "a", "position": thread, "media_type": "application/json",
                 "document_id": f"slack:d2-{thread}", "document_partition": "2026-10-02", "payload": payload,
                 "rights": f"s{number}", "partition": "2026-10-02"}
            )  # fmt: skip
    frame = pl.DataFrame(raw, schema=pl.Schema(schemas.RAW))
    lake.table("slack/raw").replace(record_batches(frame, schemas.RAW), ["2026-10-02"])


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        pytest.param([["U1"]], 3, id="named"),
        pytest.param([["U2"]], 0, id="another is named"),
        pytest.param([[]], 0, id="nobody is named"),
        pytest.param([["U1"], []], 0, id="one statement does not name them"),
    ],
)
def test_people_are_imitated_only_where_every_statement_names_them(
    lake: Lake, statements: list[list[str]], expected: int
) -> None:
    consenting(lake, *statements)
    result = run(lake)
    persons = rows(lake, "examples").filter(kind="person")
    assert persons.height == expected
    (event,) = result.asset_materializations_for_node("instruct__examples")
    assert event.metadata["imitated"].value == ("bob2" if expected else "nobody")
    if expected:
        first = persons["messages"][0].to_list()[0]
        assert first == {"role": "system", "content": "You are bob2. Answer the way bob2 writes."}


def test_without_references_it_says_what_to_do(tmp_path: Path) -> None:
    result = run(Lake(root=str(tmp_path / "lake")))
    said = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    assert "materialise 'corpus/references' first" in str(said[0].description)
