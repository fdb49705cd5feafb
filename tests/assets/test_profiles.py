"""Profiles through Dagster: the corpus beside them, checks that warn or gate, sets that are drawn."""

import json
from datetime import UTC, datetime
from pathlib import Path

import acts
import dagster as dg
import polars as pl
import pytest
import yaml

from assets.instruct import EXAMPLES, instruct_assets
from assets.profiles import profile_assets, profile_checks
from orchestration.definitions import defs
from orchestration.lanes import lanes
from parlance import profiles, schemas
from parlance.annotation.drawing import reserved
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.speech_acts import LABELS
from parlance.speech_acts.classifier import CONFUSION
from parlance.stages.profiles import Known
from parlance.storage import record_batches
from resources.lake import LakeResource
from resources.profiles import TaskProfiles

ASKED = [("ann", "question"), ("bob", "representative representative"), ("ann", "expressive")]
CHAT = [("ann", "verdictive"), ("bob", "none")]
MIXTURE = {"question": 0.2, "representative": 0.4, "expressive": 0.2, "verdictive": 0.1, "none": 0.1}


def target(shares: dict[str, float], tolerance: float) -> dict[str, object]:
    acts_wanted = {str(act): {"share": shares.get(act, 0), "tolerance": tolerance} for act in LABELS}
    return {"most_divergence": 0.1, "acts": acts_wanted}


def profile(folder: Path, name: str, shares: dict[str, float], *, tolerance: float = 0.06, **more: object) -> None:
    path = folder / "profiles" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({"function": target(shares, tolerance), **more}), encoding="utf-8")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Four utterances of threads with an answer to two of chat; profiles `mixed`, which it meets, and `asking`."""
    lake = acts.opened(tmp_path)
    acts.write(lake, "slack", [ASKED, CHAT] * 30)
    acts.write(lake, "slack", [CHAT] * 3, channel="general", day=2)
    profile(tmp_path, "mixed", MIXTURE, channels=["hr-help"], tolerance=0.08)
    profile(tmp_path, "asking", {"question": 0.25, "representative": 0.5, "expressive": 0.25}, tolerance=0.01)
    return lake


def resources(lake: Lake) -> dict[str, object]:
    folder = str(Path(lake.root).parent / "profiles")
    return {"lake": LakeResource(root=lake.root), "task_profiles": TaskProfiles(path=folder)}


def run(
    lake: Lake, *, gate: str = "", only: str = "", instance: dg.DagsterInstance | None = None, **config: object
) -> dg.ExecuteInProcessResult:
    slack, every = lanes()["slack"], list(lanes().values())
    compared, drawn = profile_assets(every)
    examples = instruct_assets([slack], gate=gate)[0]
    chosen = {"": None, "profiles": compared, "examples": examples, "sample": drawn}[only]
    return dg.materialize(
        [compared, drawn, examples, *profile_checks(profiles.names(resources(lake)["task_profiles"].path), gate=gate)],  # type: ignore[attr-defined]
        selection=None if chosen is None else dg.AssetSelection.assets(*chosen.keys),
        resources=resources(lake),
        run_config={"ops": {"instruct__profile_sample": {"config": config}}} if config else {},
        instance=instance,
        raise_on_error=False,
    )


def made(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}


def failure(result: dg.ExecuteInProcessResult) -> str:
    return " ".join(str(event.step_failure_data) for event in result.all_events if event.is_step_failure)


def test_checks_say_which_profiles_are_met_and_only_warn(lake: Lake) -> None:
    result = run(lake)
    assert result.success
    found = {one.check_name: (one.passed, one.severity) for one in result.get_asset_check_evaluations()}
    assert found == {
        "corpus_matches_mixed": (True, dg.AssetCheckSeverity.WARN),
        "corpus_matches_asking": (False, dg.AssetCheckSeverity.WARN),
    }
    assert made(result) == {"corpus/profiles", "instruct/examples", "instruct/profile_sample"}
    (event,) = result.asset_materializations_for_node("corpus__profiles")
    assert "data:image/svg+xml" in event.metadata["mixed"].value
    (asking,) = (one for one in result.get_asset_check_evaluations() if one.check_name == "corpus_matches_asking")
    assert "outside: " in str(asking.description)
    fits = lake.table("corpus/profile_fits").scan().filter(profile="asking").collect()
    assert asking.metadata["divergence_function_bits"].value == fits["divergence"].item()


def test_shares_are_those_of_the_channels_that_a_profile_is_for(lake: Lake) -> None:
    run(lake, only="profiles")
    acts_found = lake.table("corpus/profiles").scan().filter(act="verdictive").collect()
    found = dict(acts_found.select("profile", "found").iter_rows())
    assert found["mixed"] == pytest.approx(30 / 180)
    assert found["asking"] == pytest.approx(33 / 186)
    fits = lake.table("corpus/profile_fits").scan().collect()
    assert dict(fits.select("profile", "documents").iter_rows()) == {"mixed": 60, "asking": 63}


def test_the_exam_says_how_the_classifier_errs_and_other_gold_only_what_it_is(lake: Lake) -> None:
    """A classifier that people found to call every second answer an assertion."""
    with lake.files.publish("corpus/speech_act_model", "v1") as folder:
        rows = [
            {"target": target, "gold": act, "predicted": act, "count": 100}
            for target in ("form", "function")
            for act in LABELS
        ]
        (folder / CONFUSION).write_text(json.dumps(rows), encoding="utf-8")
    before = assertions(lake)
    found = lake.table("slack/utterances").scan().filter(function="representative").collect().sort("id")
    half = found.with_columns(
        function=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("verdictive")).otherwise("function")
    )
    asked = reserved(half["id"])
    write_gold(lake, half.filter(~asked))
    ours = half.filter(~asked & ~half["document_id"].str.contains("general"))
    right = (ours["function"] == "representative").sum()
    assert right > 0
    assert assertions(lake) == pytest.approx((before * 40 + right) / (40 + ours.height), abs=0.001)
    write_gold(lake, half.filter(asked))
    right = (half.filter(asked)["function"] == "representative").sum()
    assert assertions(lake) == pytest.approx(before * (right + 5) / (asked.sum() + 5), abs=0.01)


def test_gold_of_the_channels_of_a_profile_is_counted_apart(lake: Lake) -> None:
    with lake.files.publish("corpus/speech_act_model", "v1") as folder:
        rows = [{"target": "function", "gold": act, "predicted": act, "count": 100} for act in LABELS]
        (folder / CONFUSION).write_text(json.dumps(rows), encoding="utf-8")
    utterances = lake.table("slack/utterances").scan().collect()
    write_gold(lake, utterances)
    asked = utterances.filter(reserved(utterances["id"]))
    in_general = asked["document_id"].str.contains("general")
    known = Known.of(lake, [*lanes()])
    wanted = TaskProfiles(path=resources(lake)["task_profiles"].path).profiles()  # type: ignore[attr-defined]
    of = {name: known.confusion(lake, one)["function"] for name, one in wanted.items()}
    counts = {name: [each.sum() for each in one.own] for name, one in of.items()}
    assert counts == {"mixed": [in_general.sum(), (~in_general).sum()], "asking": [0, asked.height]}
    trained_on = utterances.filter(~reserved(utterances["id"]))
    of_mixed = trained_on.filter(~pl.col("document_id").str.contains("general"))
    assert {name: one.learned.sum() for name, one in of.items()} == {
        "mixed": of_mixed.height,
        "asking": trained_on.height,
    }
    assert in_general.any()


def assertions(lake: Lake) -> float:
    """Their corrected share beside the profile `mixed`."""
    run(lake, only="profiles")
    compared = lake.table("corpus/profiles").scan().filter(profile="mixed", act="representative").collect()
    return float(compared["corrected"].item())


def write_gold(lake: Lake, utterances: pl.DataFrame) -> None:
    """Replaces the gold by these utterances, as if they had been drawn at random."""
    rows = utterances.select(
        "id",
        "source",
        "document_id",
        "author",
        "text",
        "form",
        "function",
        before=pl.lit([], dtype=pl.Schema(schemas.GOLD)["before"]),
        language=pl.lit("en"),
        medium=pl.lit("chat"),
        annotators=pl.lit(["ada", "bob"]),
        guide_version=pl.lit("1"),
        decided_at=pl.lit(datetime(2026, 11, 1, tzinfo=UTC)),
        sample=pl.lit("random"),
        probability=pl.lit(0.5),
        adjudicated=pl.lit(False),
    )
    lake.table("corpus/gold").replace(record_batches(rows.select(schemas.GOLD.names), schemas.GOLD))


def test_the_gate_holds_examples_back_in_the_same_run(lake: Lake) -> None:
    result = run(lake, gate="asking")
    assert not result.success
    assert made(result) == {"corpus/profiles"}
    evaluations = {one.check_name: (one.severity, one.blocking) for one in result.get_asset_check_evaluations()}
    assert evaluations["corpus_matches_asking"] == (dg.AssetCheckSeverity.ERROR, True)
    assert evaluations["corpus_matches_mixed"] == (dg.AssetCheckSeverity.WARN, False)
    assert not lake.table("instruct/examples").exists()


def test_the_gate_holds_examples_back_in_a_run_of_their_own(lake: Lake) -> None:
    missing = run(lake, gate="asking", only="examples")
    assert "was not compared with profile 'asking': materialise corpus/profiles first" in failure(missing)
    run(lake, gate="asking", only="profiles")
    refused = run(lake, gate="asking", only="examples")
    assert not refused.success
    assert "does not match profile 'asking', which PARLANCE_PROFILE names" in failure(refused)


def test_a_gate_that_is_met_opens(lake: Lake) -> None:
    result = run(lake, gate="mixed")
    assert result.success
    assert {"corpus/profiles", "instruct/examples"} <= made(result)
    assert lake.table("instruct/examples").scan().select(pl.len()).collect().item() == 30


def test_the_gate_must_be_a_profile() -> None:
    with pytest.raises(ConfigError, match="PARLANCE_PROFILE is 'till'; known profiles: a, b"):
        profile_checks(["a", "b"], gate="till")


def test_the_setting_gates_the_whole_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = defs().resolve_asset_graph()
    before = graph.get(EXAMPLES).parent_keys
    monkeypatch.setenv("PARLANCE_PROFILE", "hr_helpdesk")
    gated = defs().resolve_asset_graph()
    assert gated.get(EXAMPLES).parent_keys - before == {dg.AssetKey(["corpus", "profiles"])}
    checks = {
        key.name: gated.get(key).blocking for key in gated.asset_check_keys if key.asset_key.path[-1] == "profiles"
    }
    assert {name for name, blocking in checks.items() if blocking} == {"corpus_matches_hr_helpdesk"}
    matching = [name for name in checks if name.startswith("corpus_matches_")]
    assert len(matching) == len(profiles.names("profiles")) >= 4


def test_profiles_are_those_of_the_folder(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLANCE_PROFILES", str(tmp_path / "profiles"))
    names = {key.name for key in defs().resolve_asset_graph().asset_check_keys}
    assert {"corpus_matches_mixed", "corpus_matches_asking"} <= names
    assert "corpus_matches_cashier" not in names
    monkeypatch.setenv("PARLANCE_PROFILE", "cashier")
    with pytest.raises(ConfigError, match="'cashier'; known profiles: asking, mixed"):
        defs()


def test_drawn_examples_match_and_are_of_the_corpus(lake: Lake) -> None:
    run(lake)
    drawn = lake.table("instruct/profile_sample").scan().filter(profile="asking").collect()
    examples = lake.table("instruct/examples").scan().collect()
    # An example holds the question and the answer, not the thanks.
    assert drawn.is_empty() or set(drawn["id"]) <= set(examples["id"])
    assert drawn["id"].is_unique().all()
    shortfalls = lake.table("instruct/profile_shortfalls").scan().filter(profile="asking").collect()
    thanks = shortfalls.filter(act="expressive").row(0, named=True)
    assert (thanks["available"], thanks["inside"]) == (0, False)
    assert thanks["missing"] > 0


def test_drawn_documents_have_the_shares_that_are_said(lake: Lake) -> None:
    result = run(lake, only="sample", unit="documents", profiles=["asking"])
    assert result.success
    drawn = lake.table("instruct/profile_sample").scan().collect()
    assert drawn["profile"].unique().to_list() == ["asking"]
    said = lake.table("slack/utterances").scan().filter(pl.col("document_id").is_in(drawn["id"].to_list())).collect()
    assert said.height == drawn["utterances"].sum()
    recounted = dict(said.group_by("function").len().iter_rows())
    shortfalls = lake.table("instruct/profile_shortfalls").scan().collect()
    for act, count, share in shortfalls.select("act", "drawn", "share").iter_rows():
        assert count == recounted.get(act, 0)
        assert share == pytest.approx(count / said.height)
    assert shortfalls["inside"].all()
    # All thirty that ask, and of the chat as much as a hundredth allows.
    assert 30 <= drawn.height <= 32


def test_the_same_seed_draws_the_same_documents(lake: Lake) -> None:
    def ids(seed: int) -> list[str]:
        run(lake, only="sample", unit="documents", profiles=["mixed"], size=10, seed=seed)
        return lake.table("instruct/profile_sample").scan().collect()["id"].to_list()

    assert ids(1) == ids(1)
    assert len(ids(1)) == 10
    assert ids(1) != ids(2)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"profiles": ["till"]}, "unknown profiles ['till']; known: asking, mixed"),
        ({"unit": "words"}, "unknown unit 'words'; known: examples, documents"),
    ],
)
def test_bad_requests_are_named(lake: Lake, config: dict[str, object], said: str) -> None:
    assert said in failure(run(lake, only="sample", **config)).replace("\\'", "'")


@pytest.mark.parametrize(
    ("more", "said"),
    [({"sources": ["irc"]}, "is for unknown sources ['irc']; known: "), ({"form": 1}, "form is 1; allowed")],
)
def test_bad_profiles_fail_their_asset_and_not_the_code_location(
    lake: Lake, tmp_path: Path, more: dict[str, object], said: str
) -> None:
    profile(tmp_path, "bad", MIXTURE, **more)
    assert said in failure(run(lake, only="profiles")).replace("\\'", "'")


def test_an_empty_corpus_meets_no_profile(tmp_path: Path) -> None:
    lake = acts.opened(tmp_path)
    profile(tmp_path, "mixed", MIXTURE)
    result = run(lake)
    assert result.success
    assert [one.passed for one in result.get_asset_check_evaluations()] == [False]
    assert lake.table("instruct/profile_sample").scan().collect().is_empty()


def test_no_profiles_are_no_error(tmp_path: Path) -> None:
    lake = acts.opened(tmp_path)
    acts.write(lake, "slack", [ASKED])
    (tmp_path / "profiles").mkdir()
    assert run(lake).success
    assert lake.table("corpus/profiles").scan().collect().is_empty()


def test_one_class_only(tmp_path: Path) -> None:
    lake = acts.opened(tmp_path)
    acts.write(lake, "slack", [[("ann", "none none")]] * 5)
    profile(tmp_path, "silent", {"none": 1.0})
    result = run(lake)
    assert [one.passed for one in result.get_asset_check_evaluations()] == [True]
