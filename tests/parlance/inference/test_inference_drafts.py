"""One row a question through a real endpoint, whatever it does: refuses, stumbles, cuts off, dies."""

import json
from pathlib import Path

import polars as pl
import pytest
from questions import DAYS, PLAIN, served, write_questions

from parlance.errors import ConfigError, TransientError
from parlance.inference import Prompt
from parlance.inference.schema import AnswerSchema
from parlance.lake import Lake
from parlance.stages import predictions
from parlance.stages.predictions import Asking
from parlance.synthesis.server import ATTEMPTS
from tests.servers import chat_completions
from tests.servers.chat_completions import Fault, Json, Model

FIRST, SECOND = ["Where is the key?", "Who has it?", "When is lunch?"], ["Why is it cold?", "Where is the key?"]
OTHER = Prompt("{% block system %}Be brief.{% endblock %}{% block user %}{{ question }}{% endblock %}")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(root=str(tmp_path / "lake"))
    write_questions(lake, FIRST, SECOND)
    return lake


def asked(body: Json) -> str:
    return str(body["messages"][-1]["content"])


def draft(lake: Lake, asking: Asking, days: tuple[str, ...] = DAYS) -> pl.DataFrame:
    predictions.draft(lake, "slack", days, asking, log=lambda said: None)
    return rows(lake)


def rows(lake: Lake) -> pl.DataFrame:
    return lake.table("models/predictions").scan().collect().sort("message_id")


def test_every_question_has_a_row_and_a_second_run_asks_nothing(lake: Lake, tmp_path: Path) -> None:
    with chat_completions.served(Model()) as model:
        asking = served(model.url, tmp_path, prompt_price=2.0, answer_price=10.0)
        first = draft(lake, asking)
        assert first["question"].to_list() == [*FIRST, *SECOND]
        assert first["status"].unique().to_list() == ["drafted"]
        assert draft(lake, asking).equals(first)
    # The same question of two days is one request.
    assert sorted(map(asked, model.log)) == sorted({*FIRST, *SECOND})
    assert first["message_id"].is_unique().all()
    assert first["id"].is_unique().all()
    row = first.row(0, named=True)
    assert (row["model"], row["writer"], row["finish"], row["attempts"]) == ("tiny", "endpoint", "stop", 1)
    assert json.loads(row["sampling"]) == {"max_new_tokens": 9, "seed": 1, "temperature": 0.0, "top_p": 1.0}
    assert row["prompt_version"] == PLAIN.version
    assert (row["prompt_tokens"], row["answer_tokens"]) == (8, 9)
    assert row["cost"] == pytest.approx((8 * 2.0 + 9 * 10.0) / 1e6)


def test_one_day_leaves_the_other_alone(lake: Lake, tmp_path: Path) -> None:
    with chat_completions.served(Model()) as model:
        asking = served(model.url, tmp_path)
        assert draft(lake, asking, DAYS[:1]).height == 3
        assert draft(lake, asking, DAYS[1:]).height == 5
        write_questions(lake, ["Who has it?"])  # the others were deleted or answered
        assert draft(lake, asking, DAYS[:1])["question"].to_list() == ["Who has it?", *SECOND]
    assert len(model.log) == 4


def test_questions_without_leave_are_not_drafted_for(lake: Lake, tmp_path: Path) -> None:
    write_questions(lake, FIRST, uses=("training",))
    with chat_completions.served(Model()) as model:
        assert draft(lake, served(model.url, tmp_path))["question"].to_list() == SECOND


def test_another_model_prompt_or_sampling_asks_anew_and_the_old_one_comes_back(lake: Lake, tmp_path: Path) -> None:
    with chat_completions.served(Model(names=("tiny", "large"))) as model:
        asking = served(model.url, tmp_path)
        before = draft(lake, asking)
        for other in (
            served(model.url, tmp_path, model="large"),
            served(model.url, tmp_path, prompt=OTHER),
            served(model.url, tmp_path, generation=predictions.InferenceSettings().generation),
        ):
            made = len(model.log)
            after = draft(lake, other)
            assert len(model.log) == made + 4
            assert after.height == before.height
            assert set(after["request_id"]).isdisjoint(before["request_id"])
        made = len(model.log)
        assert draft(lake, asking).equals(before)
        assert len(model.log) == made


@pytest.mark.parametrize(
    "fault",
    [(429, {"Retry-After": "0.01"}, "slow down"), (500, {}, "oops"), (503, {}, "<html>"), "cut"],
    ids=["429", "500", "503", "cut"],
)
def test_faults_that_pass_leave_no_trace(lake: Lake, tmp_path: Path, fault: Fault) -> None:
    with chat_completions.served(Model(faults=[fault] * (ATTEMPTS - 1))) as model:
        assert draft(lake, served(model.url, tmp_path))["status"].unique().to_list() == ["drafted"]
    assert len(model.log) == 4


@pytest.mark.parametrize(
    ("fault", "says"),
    [((400, {}, '{"error": {"code": "content_filter"}}'), "content_filter"), ((500, {}, "it broke"), "it broke")],
    ids=["refused", "breaks the server"],
)
def test_one_bad_prompt_is_one_failed_row_tried_again_within_bounds(
    lake: Lake, tmp_path: Path, fault: Fault, says: str
) -> None:
    model = Model(faulty=lambda body: fault if asked(body) == FIRST[1] else None)
    with chat_completions.served(model):
        asking = served(model.url, tmp_path, most_attempts=2)
        failed = draft(lake, asking).filter(pl.col("status") == "failed")
        assert failed["question"].to_list() == [FIRST[1]]
        assert says in failed["error"].item()
        assert failed["draft"].item() is None
        assert draft(lake, asking).filter(pl.col("status") == "failed")["attempts"].item() == 2
        seen = lake.table("models/answers").version()
        assert draft(lake, asking).filter(pl.col("status") == "failed")["attempts"].item() == 2
        assert lake.table("models/answers").version() == seen  # not asked a third time
        model.faulty = lambda body: None
        healed = draft(lake, served(model.url, tmp_path, most_attempts=3))
    assert healed["status"].to_list() == ["drafted"] * 5
    assert healed.filter(pl.col("question") == FIRST[1])["attempts"].item() == 3


def test_a_server_that_dies_ends_the_run_and_the_next_goes_on(lake: Lake, tmp_path: Path) -> None:
    with chat_completions.served(Model(dies_after=2)) as model:
        asking = served(model.url, tmp_path)
        with pytest.raises(TransientError, match="did not answer"):
            draft(lake, asking)
        assert rows(lake).is_empty()
        kept = lake.table("models/answers").scan().collect()
        assert kept["status"].to_list() == ["drafted"] * 2  # no prompt is to blame
        model.dies_after = None
        assert draft(lake, asking)["status"].to_list() == ["drafted"] * 5
    assert sorted(map(asked, model.log)) == sorted({*FIRST, *SECOND})


def test_a_server_that_asks_to_wait_without_end_is_no_fault_of_a_prompt(lake: Lake, tmp_path: Path) -> None:
    busy: Fault = (429, {"Retry-After": "0"}, "slow down")
    with (
        chat_completions.served(Model(faulty=lambda body: busy)) as model,
        pytest.raises(TransientError, match="answered 429"),
    ):
        draft(lake, served(model.url, tmp_path))
    assert lake.table("models/answers").scan().collect().is_empty()


def test_a_server_that_fails_over_everything_ends_the_run(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path / "lake"))
    write_questions(lake, [f"Where is desk {number}?" for number in range(12)])
    with (
        chat_completions.served(Model(faulty=lambda body: (500, {}, "oops"))) as model,
        pytest.raises(TransientError, match="8 requests in a row were lost"),
    ):
        draft(lake, served(model.url, tmp_path), DAYS[:1])


@pytest.mark.parametrize("desks", [1, 12])
@pytest.mark.parametrize("parallel", [1, 4])
def test_a_server_that_refuses_everything_ends_the_run_and_blames_no_question(
    tmp_path: Path, desks: int, parallel: int
) -> None:
    lake = Lake(root=str(tmp_path / "lake"))
    write_questions(lake, [f"Where is desk {number}?" for number in range(desks)])
    refusal: Fault = (400, {}, "Unsupported value: 'temperature'")
    with chat_completions.served(Model(faulty=lambda body: refusal)) as model:
        asking = served(model.url, tmp_path, parallel=parallel, most_attempts=1)
        for _ in range(2):
            with pytest.raises(ConfigError, match=r"refuses every request, 'Hello\.' too: .* value: 'temperature'"):
                draft(lake, asking, DAYS[:1])
            assert lake.table("models/answers").scan().collect().is_empty()
        model.faulty = lambda body: None
        assert draft(lake, asking, DAYS[:1])["status"].to_list() == ["drafted"] * desks


def test_questions_that_are_all_refused_are_to_blame_where_another_is_answered(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path / "lake"))
    write_questions(lake, [f"Where is desk {number}?" for number in range(12)])
    filtered: Fault = (400, {}, "content_filter")
    with chat_completions.served(Model(faulty=lambda body: filtered if "desk" in asked(body) else None)) as model:
        found = draft(lake, served(model.url, tmp_path, parallel=4, prompt=OTHER), DAYS[:1])
    assert found["status"].to_list() == ["failed"] * 12
    (harmless,) = model.log
    assert [one["content"] for one in harmless["messages"]] == ["Be brief.", "Hello."]


def test_no_more_requests_at_once_than_allowed(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path / "lake"))
    write_questions(lake, [f"Where is desk {number}?" for number in range(12)])
    with chat_completions.served(Model(pause_s=0.02)) as model:
        assert draft(lake, served(model.url, tmp_path, parallel=3), DAYS[:1]).height == 12
    assert model.most_at_once == 3
    assert len(model.log) == 12


def test_an_empty_answer_is_a_failed_row(lake: Lake, tmp_path: Path) -> None:
    model = Model(say=lambda body: " " if asked(body) == FIRST[0] else "Here.", finish="content_filter")
    with chat_completions.served(model):
        found = draft(lake, served(model.url, tmp_path), DAYS[:1])
    assert dict(found.select("question", "error").iter_rows())[FIRST[0]] == "empty answer, finish 'content_filter'"
    assert dict(found.select("question", "asked").iter_rows())[FIRST[0]] == 3
    assert found["status"].to_list().count("drafted") == 2


SCHEMA = AnswerSchema({"type": "object", "required": ["answer"], "properties": {"answer": {"type": "string"}}})


def test_answers_are_of_the_schema_or_failed_with_why(lake: Lake, tmp_path: Path) -> None:
    said: dict[str, int] = {}

    def say(body: Json) -> str:
        question = asked(body)
        said[question] = said.get(question, 0) + 1
        if question == FIRST[0]:
            return "no JSON at all"
        return '{"answer": 7}' if question == FIRST[1] and said[question] < 3 else '{"answer": "here"}'

    with chat_completions.served(Model(say=say)) as model:
        found = draft(lake, served(model.url, tmp_path, schema=SCHEMA), DAYS[:1])
    assert said == {FIRST[0]: 3, FIRST[1]: 3, FIRST[2]: 1}
    by_question = {row["question"]: row for row in found.to_dicts()}
    assert by_question[FIRST[0]]["status"] == "failed"
    assert by_question[FIRST[0]]["error"].startswith("not of the JSON schema: no JSON")
    assert (by_question[FIRST[1]]["draft"], by_question[FIRST[1]]["asked"]) == ('{"answer": "here"}', 3)
    assert by_question[FIRST[1]]["schema_version"] == SCHEMA.version
    # All three tries were paid, and each had a seed of its own; the later ones are drawn.
    tries = [body for body in model.log if asked(body) == FIRST[1]]
    assert by_question[FIRST[1]]["answer_tokens"] == sum((2, 2, 2))
    assert len({body["seed"] for body in tries}) == 3
    assert [body["temperature"] for body in tries] == [0.0, 0.7, 0.7]
    assert all(body["response_format"] == SCHEMA.response_format() for body in model.log)


CLOSED = {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        (CLOSED | {"properties": {"a": {"type": "array", "items": {"anyOf": [CLOSED, {"type": "null"}]}}}}, True),
        (CLOSED | {"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": CLOSED}}, True),
        (CLOSED | {"required": []}, False),
        (CLOSED | {"additionalProperties": True}, False),
        (CLOSED | {"properties": {"a": {"type": ["object", "null"]}}}, False),
        (CLOSED | {"properties": {"a": {"anyOf": [{"type": "object"}, CLOSED]}}}, False),
        (CLOSED | {"$defs": {"b": CLOSED | {"required": []}}}, False),
        (CLOSED | {"not": {"required": ["b"]}}, False),
        ({"type": "array", "items": CLOSED}, False),
        (True, False),
    ],
)
def test_only_a_schema_that_meets_the_terms_is_sent_as_strict(schema: object, strict: bool) -> None:
    assert AnswerSchema(schema).response_format()["json_schema"]["strict"] is strict


def test_a_wrong_key_is_a_wrong_request(lake: Lake, tmp_path: Path) -> None:
    with chat_completions.served(Model(key="secret")) as model, pytest.raises(ConfigError, match="401"):
        draft(lake, served(model.url, tmp_path))
