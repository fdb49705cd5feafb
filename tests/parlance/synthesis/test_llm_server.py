"""The client of a chat-completions endpoint against a real server with its faults."""

import json

import pytest

from parlance.errors import ConfigError, TransientError
from parlance.synthesis import Answer, RefusedError
from parlance.synthesis.server import ATTEMPTS, Server
from tests.servers.chat_completions import Fault, Json, Model, served

ASKED = [{"role": "user", "content": "Why?"}]
PARAMETERS = {"temperature": 0.5, "max_tokens": 9, "seed": 3}


def ask(model: Model, *, key: str = "", name: str = "tiny") -> Answer:
    client = Server(model.url, name, key=key, pause_s=0.001)
    try:
        return client.answer(ASKED, PARAMETERS)
    finally:
        client.close()


def test_what_is_sent_and_what_comes_back() -> None:
    with served(Model(say=lambda body: "So it is.", key="secret")) as model:
        assert ask(model, key="secret") == Answer("So it is.", "stop", 5, 3)
    assert model.log == [{"model": "tiny", "messages": ASKED, **PARAMETERS}]


@pytest.mark.parametrize(
    "fault",
    [
        (429, {"Retry-After": "0.01"}, "slow down"),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, ""),
        (500, {}, "oops"),
        (503, {}, "<html>"),
        (200, {}, '{"choices": []}'),
        (200, {}, '{"choices": [{"message": {"content"'),
        (200, {}, '{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}'),
        "cut",
    ],
    ids=["429", "429 date", "500", "503", "no choice", "truncated", "no usage", "cut"],
)
def test_what_passes_is_tried_again(fault: Fault) -> None:
    with served(Model(faults=[fault] * (ATTEMPTS - 1))) as model:
        assert ask(model).finish == "stop"
    assert len(model.log) == 1


def test_a_model_that_takes_the_newer_name_of_the_limit_is_given_that() -> None:
    """As OpenAI's newer models answer; one that finds the limit too large is not asked again by another name."""

    def refused(body: Json) -> Fault | None:
        return (400, {}, json.dumps({"error": error})) if "max_tokens" in body else None

    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    error = {"message": said, "param": "max_tokens", "code": "unsupported_parameter"}
    with served(Model(faulty=refused)) as model:
        client = Server(model.url, "tiny")
        assert [client.answer(ASKED, PARAMETERS).finish for _ in range(2)] == ["stop", "stop"]
        client.close()
        assert (
            model.log
            == [{"model": "tiny", "messages": ASKED, "temperature": 0.5, "max_completion_tokens": 9, "seed": 3}] * 2
        )
        error = {"message": "max_tokens is too large: 9", "param": "max_tokens", "code": "invalid_value"}
        with pytest.raises(RefusedError, match="too large: 9"):
            ask(model)


def test_what_does_not_pass_is_reported() -> None:
    with (
        served(Model(faults=[(500, {}, "still down")] * ATTEMPTS)) as model,
        pytest.raises(TransientError, match="answered 500 for model 'tiny': 'still down'"),
    ):
        ask(model)
    with pytest.raises(TransientError, match="did not answer"):
        ask(model)  # the server is gone


def test_a_wrong_key_or_model_or_address_is_a_wrong_request_and_tried_once() -> None:
    with served(Model(key="secret")) as model:
        for arguments in ({"key": "wrong"}, {"key": "secret", "name": "huge"}):
            with pytest.raises(ConfigError, match="PARLANCE_LLM_KEY say whom to ask"):
                ask(model, **arguments)
        with pytest.raises(ConfigError, match="ends like /v1"):
            Server("ftp://x", "tiny")
    assert model.log == []


def test_a_refused_request_says_so() -> None:
    refusal: Fault = (400, {}, '{"error": {"code": "content_filter"}}')
    with served(Model(faults=[refusal])) as model, pytest.raises(RefusedError, match="content_filter"):
        ask(model)
