"""Generated examples, against a real chat-completions server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from real_examples import examples

from parlance import schemas
from parlance.errors import ConfigError, TransientError
from parlance.synthesis import Synthesis, SynthesisSettings, generate
from parlance.synthesis.cache import Cached
from parlance.synthesis.server import ATTEMPTS, Server
from tests.servers.chat_completions import Fault, Model, served

SETTINGS = SynthesisSettings(candidates=8, shown=3, most_answer_tokens=64)


@pytest.fixture
def model() -> Iterator[Model]:
    with served(Model()) as running:
        yield running


def made(model: Model, folder: Path, *, real: pl.DataFrame | None = None, **settings: Any) -> tuple[Synthesis, Cached]:
    client = Server(model.url, "tiny", pause_s=0.001)
    cached = Cached(client, folder)
    try:
        values = {name: getattr(SETTINGS, name) for name in SETTINGS.__dataclass_fields__}
        wanted = SynthesisSettings(**values | settings)
        return generate(examples() if real is None else real, cached, wanted), cached
    finally:
        client.close()


def test_rows_are_marked_and_say_where_they_are_from(model: Model, tmp_path: Path) -> None:
    found, cached = made(model, tmp_path)
    rows = found.rows
    assert rows.height == 8
    assert rows.schema == pl.Schema(schemas.SYNTHETIC)
    assert set(rows["kind"]) == set(rows["source"]) == {"synthetic"}
    assert set(rows["split"]) == {"train"}
    assert dict(rows.group_by("method").len().iter_rows()) == {"self_instruct": 4, "evol_instruct": 4}
    assert rows["quality"].null_count() == 8
    real = examples()
    by_id = {row["id"]: row for row in real.iter_rows(named=True)}
    for row in rows.iter_rows(named=True):
        seeds = [by_id[id] for id in row["seed_ids"]]
        assert {seed["split"] for seed in seeds} == {"train"}
        assert row["raw_ids"] == [raw_id for seed in seeds for raw_id in seed["raw_ids"]]
        assert row["messages"][0]["content"] == row["instruction"]
        assert len(row["requests"]) == 2
        assert len(row["operations"]) == (row["method"] == "evol_instruct")
    assert cached.asked == len(model.log) == 16
    assert found.prompt_tokens + found.answer_tokens == model.tokens == cached.paid


def test_nothing_that_is_held_out_is_shown(model: Model, tmp_path: Path) -> None:
    made(model, tmp_path, candidates=20)
    asked = str(model.log)
    held_out = examples().filter(pl.col("split") != "train")
    assert not [text for text in held_out["instruction"] if text in asked]
    shown = examples().filter(pl.col("split") == "train")["instruction"]
    assert sum(text in asked for text in shown) > 10


def test_a_second_run_asks_for_nothing_and_gives_the_same_rows(model: Model, tmp_path: Path) -> None:
    first, _ = made(model, tmp_path)
    asked = len(model.log)
    again, cached = made(model, tmp_path)
    assert (len(model.log), cached.asked, cached.paid) == (asked, 0, 0)
    assert_frame_equal(first.rows, again.rows)
    assert first.prompt_tokens == again.prompt_tokens


def test_a_run_that_broke_off_goes_on_where_it_was(model: Model, tmp_path: Path) -> None:
    whole, _ = made(model, tmp_path / "whole")
    paid = len(model.log)
    down: list[Fault] = [(500, {}, "down")] * ATTEMPTS
    model.say, say = _once_down(model, down, after=5), model.say
    with pytest.raises(TransientError):
        made(model, tmp_path / "broken", parallel=1)
    assert 0 < len(model.log) - paid < paid
    model.say = say
    resumed, _ = made(model, tmp_path / "broken", parallel=1)
    assert len(model.log) == 2 * paid  # nothing was asked twice
    assert_frame_equal(whole.rows, resumed.rows)


def _once_down(model: Model, faults: list[Fault], *, after: int) -> Any:
    """Says what the model says, and breaks down after so many answers."""
    say, count = model.say, [0]

    def spoken(body: dict[str, Any]) -> str:
        count[0] += 1
        if count[0] == after:
            model.faults += faults
        return say(body)

    return spoken


@pytest.mark.parametrize("most", [400, 1_000, 2_000])
@pytest.mark.parametrize("parallel", [1, 4])
def test_the_budget_is_never_exceeded_and_what_was_left_out_is_counted(
    model: Model, tmp_path: Path, most: int, parallel: int
) -> None:
    found, _ = made(model, tmp_path, candidates=40, most_tokens=most, parallel=parallel)
    assert model.tokens <= most
    assert found.rows.height + found.rejected.height + found.not_tried == 40
    assert found.not_tried > 0
    assert set(found.rejected["reason"]) <= {"budget"}
    again, cached = made(model, tmp_path, candidates=40, most_tokens=most, parallel=parallel)
    assert cached.asked == 0
    assert_frame_equal(found.rows, again.rows)


def test_money_is_a_budget_too(model: Model, tmp_path: Path) -> None:
    found, _ = made(model, tmp_path, candidates=40, prompt_price=3.0, answer_price=15.0, most_cost=0.012)
    assert 0 < found.cost <= 0.012
    assert found.cost == pytest.approx((found.prompt_tokens * 3 + found.answer_tokens * 15) / 1e6)
    assert found.not_tried > 0


def test_every_rejected_candidate_has_its_reason(model: Model, tmp_path: Path) -> None:
    say, real = model.say, examples()

    def spoken(body: dict[str, Any]) -> str:
        is_answer = body["messages"][0]["role"] == "system"
        number = body["seed"] % 4
        if is_answer:
            return real["output"][0] if number == 0 else say(body)
        return {1: "I'm sorry, I cannot do that.", 2: real["instruction"][8]}.get(number, say(body))

    model.say = spoken
    found, _ = made(model, tmp_path, candidates=40)
    reasons = dict(found.rejected.group_by("reason").len().iter_rows())
    assert reasons.keys() == {"refusal", "copies_example"}
    assert found.rows.height + found.rejected.height == 40
    assert found.rows.height > 0
    copied = found.rejected.filter(reason="copies_example")
    # e008 is held out: the model was never shown it, and it would still leak into training.
    assert {detail.split()[0] for detail in copied["detail"]} == {"e000", "e008"}
    answered = copied.filter(pl.col("output") != "")
    assert set(answered["output"]) == {real["output"][0]}
    assert not answered["instruction"].is_in(real["instruction"].to_list()).any()


def test_the_same_again_and_again_is_kept_once(model: Model, tmp_path: Path) -> None:
    model.say = lambda body: (
        "Lanterns are lit at six, by whoever comes first to the harbour."
        if body["messages"][0]["role"] == "system"
        else "When are the lanterns at the harbour lit, and by whom is that done?"
    )
    found, _ = made(model, tmp_path, candidates=9)
    assert found.rows.height == 1
    assert set(found.rejected["reason"]) == {"copies_synthetic"}


def test_evolving_goes_on_from_what_was_evolved(model: Model, tmp_path: Path) -> None:
    found, _ = made(model, tmp_path, candidates=2, methods=("evol_instruct",), evolutions=3, parallel=1)
    assert [len(operations) for operations in found.rows["operations"]] == [3, 3]
    first, second, third, answer = (body["messages"] for body in model.log[:4])
    assert model.say(model.log[0]) in second[0]["content"]
    assert model.say(model.log[1]) in third[0]["content"]
    assert answer[1]["content"] == model.say(model.log[2]) == found.rows["instruction"][0]
    assert first[0]["content"] != second[0]["content"]


def test_one_refused_request_is_a_row_and_all_are_a_wrong_request(model: Model, tmp_path: Path) -> None:
    refusal: Fault = (400, {}, "content filter")
    model.faults = [refusal]
    found, _ = made(model, tmp_path / "one")
    assert found.rejected["reason"].to_list() == ["refused_by_endpoint"]
    assert "content filter" in found.rejected["detail"][0]
    model.faults = [refusal] * 4
    with pytest.raises(ConfigError, match=r"the endpoint refuses every request: .*content filter"):
        made(model, tmp_path / "all")


def test_without_seeds(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no example of split train can be shown"):
        made(model, tmp_path, real=examples().filter(pl.col("split") != "train"))
    marked = examples().with_columns(kind=pl.lit("synthetic"))
    with pytest.raises(ConfigError, match="no example of split train can be shown"):
        made(model, tmp_path, real=marked)  # what was generated is no seed


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"methods": ("evolve",)}, r"unknown methods \['evolve'\]; known: self_instruct, evol_instruct"),
        ({"candidates": 0}, "candidates is 0; allowed: 1 and above"),
        ({"copied": 1.5}, "copied 1.5"),
        ({"most_cost": 1.0}, "no price per million tokens"),
        ({"most_cost": -1.0, "prompt_price": 1.0}, "a cost above 0"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SynthesisSettings(**settings)
