"""What is retried and what fails at once, through Dagster's own executor."""

import http.client
import urllib.error
from collections.abc import Iterator
from email.message import Message

import botocore.exceptions
import dagster as dg
import pytest
from dagster._core.errors import DagsterPipesExecutionError
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from assets import boundary
from assets.boundary import no_useless_retries
from parlance.errors import ConfigError, SchemaError, TransientError
from parlance.transience import is_transient

POLICY = boundary.TRANSIENT


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRANSIENT", "CRASHED"):
        policy: dg.RetryPolicy = getattr(boundary, name)
        monkeypatch.setattr(boundary, name, dg.RetryPolicy(max_retries=policy.max_retries, delay=0))


def failing(error: BaseException, *, attempts: list[int], generator: bool) -> dg.AssetsDefinition:
    def step() -> None:
        attempts.append(1)
        raise error

    def lazy_step() -> Iterator[dg.MaterializeResult]:
        attempts.append(1)
        raise error
        yield dg.MaterializeResult()

    return dg.asset(name="step")(no_useless_retries(lazy_step if generator else step))


def caused(error: Exception, by: BaseException) -> Exception:
    error.__cause__ = by
    return error


def slack_error(status: int, code: str) -> SlackApiError:
    response = SlackResponse(
        client=None, http_verb="POST", api_url="", req_args={}, data={"error": code}, headers={}, status_code=status
    )
    return SlackApiError("refused", response)


def s3_error(status: int, code: str) -> botocore.exceptions.ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(answer, "PutObject")  # type: ignore[arg-type]


TRANSIENT = {
    "ours": TransientError("the storage failed"),
    "network": ConnectionResetError(104, "reset"),
    "as a cause": caused(RuntimeError("could not read"), TimeoutError("timed out")),
    "slack 5xx": slack_error(503, ""),
    "slack says so": slack_error(200, "internal_error"),
    "s3 throttles": s3_error(503, "SlowDown"),
    "http 502": urllib.error.HTTPError("http://a", 502, "bad gateway", Message(), None),
    "cut answer": http.client.IncompleteRead(b""),
}
LASTING = {
    "request": ConfigError("unknown rule 'x'; known: y"),
    "schema": SchemaError("column 'x' is missing"),
    "a request that failed on the way": caused(ConfigError("no such list"), ConnectionError()),
    "bug": ValueError("not a number"),
    "slack refuses": slack_error(200, "invalid_auth"),
    "s3 refuses": s3_error(403, "AccessDenied"),
    "http 404": urllib.error.HTTPError("http://a", 404, "not found", Message(), None),
    "no such file": FileNotFoundError(2, "no such file"),
}


@pytest.mark.parametrize("error", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_what_may_be_gone_next_time(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", LASTING.values(), ids=LASTING.keys())
def test_what_stays_wrong(error: Exception) -> None:
    assert not is_transient(error)


@pytest.mark.parametrize("generator", [False, True])
@pytest.mark.parametrize(
    ("error", "attempts", "transient"),
    [
        (TRANSIENT["as a cause"], 4, True),
        (DagsterPipesExecutionError("exited with code -9"), 2, True),
        (LASTING["request"], 1, False),
        (LASTING["bug"], 1, None),
    ],
    ids=["transient", "crash", "request", "bug"],
)
def test_attempts(error: Exception, attempts: int, transient: bool | None, generator: bool) -> None:
    made: list[int] = []
    with dg.DagsterInstance.ephemeral() as instance:
        step = failing(error, attempts=made, generator=generator)
        result = dg.materialize([step], instance=instance, raise_on_error=False)
    assert not result.success
    assert len(made) == attempts
    (event,) = (event for event in result.all_events if event.is_step_failure)
    said = event.step_failure_data.user_failure_data
    assert (said and said.metadata["transient"].value) == transient


def test_waits_grow_and_differ() -> None:
    waits = [[POLICY.calculate_delay(attempt) for _ in range(20)] for attempt in (1, 2, 3)]
    assert max(waits[0]) < min(waits[2])
    assert len(set(waits[1])) > 1


def test_a_step_that_succeeds_later_is_a_success() -> None:
    made: list[int] = []

    @dg.asset
    @no_useless_retries
    def flaky() -> None:
        made.append(1)
        if len(made) < 3:
            raise TransientError("not yet")

    assert dg.materialize([flaky]).success
    assert len(made) == 3
