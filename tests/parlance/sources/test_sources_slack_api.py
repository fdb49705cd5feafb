"""The client against a real socket: every failure is asked again, every refusal says what to do, limits are kept."""

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from parlance.errors import ConfigError, TransientError
from parlance.sources.slack_api import ATTEMPTS, MOST_WAIT_S, RefusedError, SlackApi, Tier
from tests.servers.slack_web_api import FAULTS, PAGED, Answer, Api, serve
from tests.servers.slack_workspace import World

ANYTIME: dict[str, Any] = {"channel": "C1", "oldest": "0", "latest": "9999999999", "limit": 999}


class Scripted(Api):
    """Gives the answers of a list, and then those of the workspace."""

    script: list[Answer]

    def answer(self, method: str, arguments: dict[str, Any]) -> Answer:
        if self.script:
            self.log.append((method, arguments))
            return self.script.pop(0)
        return super().answer(method, arguments)


@pytest.fixture
def server() -> Iterator[Scripted]:
    api = Scripted(World())
    api.script = []
    with serve(api):
        yield api


def client(server: Api, slept: list[float] | None = None, *, tier: Tier = "internal") -> SlackApi:
    def sleep(seconds: float) -> None:
        server.world.now += seconds
        if slept is not None:
            slept.append(seconds)

    return SlackApi("xoxb-1", base_url=server.base_url, tier=tier, sleep=sleep, clock=server.world.clock)


@pytest.mark.parametrize("kind", sorted(set(FAULTS) - set(PAGED) - {"invalid_cursor"}))
def test_a_fault_is_asked_again(kind: str, server: Scripted) -> None:
    ts = server.world.post("C1", "hello")
    kinds = [kind] * (ATTEMPTS - 1)
    server.fault = lambda method, arguments: kinds.pop() if kinds else None
    pages = list(client(server).pages("conversations.history", "messages", **ANYTIME))
    assert [[message["ts"] for message in page.things] for page in pages] == [[ts]]
    assert len(server.log) == ATTEMPTS


@pytest.mark.parametrize("kind", sorted(set(FAULTS) - set(PAGED) - {"invalid_cursor"}))
def test_a_fault_that_stays_names_method_channel_and_answer(kind: str, server: Scripted) -> None:
    server.world.post("C1", "hello")
    server.fault = lambda method, arguments: kind
    with pytest.raises(TransientError, match=r"conversations.history of channel 'C1' failed 8 times; last answer: \S"):
        list(client(server).pages("conversations.history", "messages", **ANYTIME))
    assert len(server.log) == ATTEMPTS


@pytest.mark.parametrize(
    "body", [b"[]", b"[1]", b"null", b'"x"', b"7", b"", b"{", b"\xff\xfe", b"{}", b'{"ok":true}', b'{"ok":false}']
)
def test_a_body_that_is_no_page_is_asked_again(body: bytes, server: Scripted) -> None:
    server.script = [(200, {}, body)] * 2
    assert len(list(client(server).pages("users.list", "members"))) == 3
    assert len(server.log) == 2 + 3


@pytest.mark.parametrize("headers", [{"Content-Type": "application/gzip"}, {"Content-Type": "text/html; charset=nope"}])
def test_a_body_of_another_type_is_asked_again(headers: dict[str, str], server: Scripted) -> None:
    server.script = [(200, headers, b"x")]
    assert client(server).call("auth.test")["ok"] is True


@pytest.mark.parametrize(
    ("after", "slept"), [("2", 2.0), ("1.5", 1.5), ("999999", MOST_WAIT_S), ("inf", MOST_WAIT_S)], ids=str
)
def test_retry_after_is_waited_for_within_a_bound(after: str, slept: float, server: Scripted) -> None:
    server.script = [(429, {"Retry-After": after}, b"{}")]
    waits: list[float] = []
    client(server, waits).call("auth.test")
    assert waits == [slept]


@pytest.mark.parametrize("after", ["-10", "0", "nan", "soon", "", "Mon, 05 Jan 2015 00:00:00 GMT"])
def test_without_a_usable_retry_after_the_wait_grows(after: str, server: Scripted) -> None:
    server.script = [(429, {"Retry-After": after}, b"{}")] * 4
    waits: list[float] = []
    client(server, waits).call("auth.test")
    assert len(waits) == 4
    assert all(2**number <= wait <= 2**number + 1 for number, wait in enumerate(waits))


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        ({"ok": False, "error": "invalid_auth"}, "invalid_auth; allowed: the token of an app"),
        ({"ok": False, "error": "missing_scope", "needed": "im:read", "provided": "x"}, "needs the scope 'im:read'"),
        ({"ok": False, "error": "not_allowed_token_type"}, "a user token"),
        ({"ok": False, "error": "unknown_method"}, "auth.test: Slack refused it: unknown_method"),
        ((404, {}, b"<html>"), "HTTP 404"),
    ],
)
def test_a_refusal_is_not_asked_again(answer: Answer, match: str, server: Scripted) -> None:
    server.script = [answer]
    with pytest.raises(RefusedError, match=match) as raised:
        client(server).call("auth.test")
    assert len(server.log) == 1
    assert isinstance(raised.value, ConfigError)
    assert pickle.loads(pickle.dumps(raised.value)).code == raised.value.code != ""


def test_a_page_that_has_more_and_no_way_on_is_asked_again(server: Scripted) -> None:
    server.script = [{"ok": True, "messages": [], "has_more": True}]
    assert [page.things for page in client(server).pages("conversations.history", "messages", **ANYTIME)] == [[]]
    assert len(server.log) == 2


def test_a_cursor_that_leads_back_to_itself_ends(server: Scripted) -> None:
    server.script = [{"ok": True, "members": [], "response_metadata": {"next_cursor": "x"}} for _ in range(3)]
    with pytest.raises(TransientError, match="leads back to itself"):
        list(client(server).pages("users.list", "members"))


@pytest.mark.parametrize(("method", "allowed"), [("conversations.history", 50), ("search.messages", 20)])
def test_the_budget_is_spent_before_the_request(method: str, allowed: int, server: Scripted) -> None:
    server.user_token = True
    api, slept = client(server, waits := []), waits
    arguments = ANYTIME | {"query": "threads:replies after:2026-01-01", "page": 1, "count": 100}
    for _ in range(allowed):
        api.call(method, **arguments)
    assert slept == []
    api.call(method, **arguments)
    assert 58 < sum(slept) <= 60
    for _ in range(3 * allowed):
        api.call(method, **arguments)
    assert server.refusals == 0


def test_the_limited_tier_asks_once_a_minute_for_15_messages(server: Scripted) -> None:
    server.limited = True
    for number in range(40):
        server.world.post("C1", str(number))
    began = server.world.now
    api = client(server, tier="limited")
    pages = list(
        api.pages("conversations.history", "messages", channel="C1", oldest="0", latest="9999999999", limit=999)
    )
    assert [len(page.things) for page in pages] == [15, 15, 10]
    assert {arguments["limit"] for _, arguments in server.log} == {"15"}
    assert server.refusals == 0
    assert 120 <= server.world.now - began < 121
    api.call("auth.test")
    assert server.world.now - began < 121


def test_what_cannot_be_a_client_is_named() -> None:
    with pytest.raises(ConfigError, match="token is empty"):
        SlackApi(" ")
    with pytest.raises(ConfigError, match=r"'unlimited'; allowed: internal, limited"):
        SlackApi("xoxb-1", tier="unlimited")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="file:///etc"):
        SlackApi("xoxb-1", base_url="file:///etc/")


def test_a_server_that_is_not_there_is_transient() -> None:
    slept: list[float] = []
    api = SlackApi("xoxb-1", base_url="http://127.0.0.1:9/api/", sleep=slept.append)
    with pytest.raises(TransientError, match=r"auth.test failed 8 times; last answer: connection"):
        api.call("auth.test")
    assert len(slept) == ATTEMPTS - 1
