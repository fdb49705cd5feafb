"""Drafts into a simulated workspace over its Web API: reviewed, posted once whatever breaks, and held back in time."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from parlance import schemas
from parlance.errors import ConfigError, TransientError
from parlance.lake import Lake
from parlance.posting.slack import Poster
from parlance.rights import Rights
from parlance.sources.slack_api import SlackApi
from parlance.stages import posting
from parlance.stages.posting import Pass, PostingSettings
from parlance.storage import record_batches
from tests.servers.slack_web_api import APP, Api, serve
from tests.servers.slack_workspace import TEAM, Json, World, day_of

REVIEW = "C0REVIEW"
SETTINGS = PostingSettings(channel=REVIEW, reviewers=frozenset({"U3", "U4"}))
RIGHTS = Rights(granted_by="Ada", granted_on=date(2026, 1, 1), statement="", uses=("drafts",))
TOKEN = "xoxb-1"


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def server() -> Iterator[Api]:
    world = World(seed=1)
    world.channels[REVIEW] = {"id": REVIEW, "name": "review", "created": 0, "is_private": True}
    with serve(Api(world)) as found:
        yield found


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(root=str(tmp_path / "lake"))


def asks(server: Api, text: str = "Where is the key?", *, user: str = "U1", channel: str = "C1") -> str:
    return server.world.post(channel, text, user=user, after_s=1.0)


def predict(lake: Lake, server: Api, *questions: str, draft: str = "In the drawer.", id: str = "") -> None:
    """Writes the predictions for the questions, each the `ts` of a message in C1, made a second after now."""
    server.world.now += 1.0
    made = datetime.fromtimestamp(server.world.now, UTC)
    numbers = {name: 0 for name, kind in pl.Schema(schemas.PREDICTIONS).items() if kind.is_numeric()}
    texts = dict.fromkeys(
        ("request_id", "document_id", "question", "model", "prompt_version", "sampling", "writer"), ""
    )
    empty = dict.fromkeys(schemas.PREDICTIONS.names) | numbers | texts | {"finish": "stop", "prompt_was_cut": False}
    rows = [
        empty
        | {"id": f"draft-{ts}{id}", "message_id": f"{TEAM}/C1/{ts}", "draft": draft, "status": "drafted"}
        | {"answered_at": made, "partition": day_of(ts)}
        for ts in questions
    ]
    frame = pl.DataFrame(rows, schema=pl.Schema(schemas.PREDICTIONS))
    lake.table("models/predictions").replace(
        record_batches(frame, schemas.PREDICTIONS), sorted(set(frame["partition"]))
    )


def poster(server: Api) -> Poster:
    world = server.world
    api = SlackApi(TOKEN, base_url=server.base_url, sleep=world.sleep, clock=world.clock)
    return Poster(api, TOKEN, base_url=server.base_url, sleep=world.sleep)


def run(
    lake: Lake,
    server: Api,
    name: str = "one",
    *,
    rights: Rights = RIGHTS,
    settings: PostingSettings = SETTINGS,
    kind: type[Pass] = Pass,
) -> pl.DataFrame:
    """One pass over the drafts, by the clock of the workspace."""
    world = server.world

    def clock() -> datetime:
        world.now += 0.001
        return datetime.fromtimestamp(world.now, UTC)

    return kind(lake=lake, poster=poster(server), rights=rights, settings=settings, run=name, clock=clock)()


def by_app(server: Api, channel: str) -> list[Json]:
    """What the app posted in a channel."""
    return [one for _, one in sorted(server.world.shown(channel).items()) if one.get("bot_id") == APP["bot_id"]]


def states(lake: Lake) -> dict[str, int]:
    return dict(posting.counts(lake.table(posting.TABLE).scan().collect()).select("step", "drafts").iter_rows())


def reasons(lake: Lake) -> list[str]:
    found = lake.table(posting.TABLE).scan().collect()
    return found.filter(pl.col("reason").is_not_null())["reason"].to_list()


def in_review(lake: Lake, server: Api) -> str:
    """A question whose draft reviewers were shown; gives the question's `ts`."""
    question = asks(server)
    predict(lake, server, question)
    run(lake, server)
    assert states(lake) == {"in_review": 1}
    return question


def approve(server: Api, *, user: str = "U3", name: str = "white_check_mark") -> None:
    (shown,) = by_app(server, REVIEW)
    server.world.react(REVIEW, shown["ts"], name, user)


def test_a_draft_is_shown_approved_and_posted_into_its_thread(lake: Lake, server: Api) -> None:
    question = in_review(lake, server)
    (shown,) = by_app(server, REVIEW)
    assert "&gt; Where is the key?" not in shown["text"]
    assert "> Where is the key?" in shown["text"]
    assert f"archives/C1/p{question.replace('.', '')}" in shown["text"]
    assert by_app(server, "C1") == []
    run(lake, server, "two")
    assert by_app(server, "C1") == []  # nobody said yes
    approve(server)
    run(lake, server, "three")
    (posted,) = by_app(server, "C1")
    assert posted["thread_ts"] == question
    assert posted["text"] == "In the drawer.\n\n_Draft of a language model, approved by <@U3>._"
    for number in range(2):
        run(lake, server, f"later {number}")
    assert by_app(server, "C1") == [posted]
    assert len(by_app(server, REVIEW)) == 1
    assert posting.twice(lake) == []
    last = lake.table(posting.TABLE).scan().filter(pl.col("step") == "posted").collect().row(0, named=True)
    assert (last["ts"], last["person"], last["channel"]) == (posted["ts"], "U3", "C1")


@pytest.mark.parametrize(("user", "name"), [("U2", "white_check_mark"), ("U3", "wave")], ids=["a stranger", "a wave"])
def test_only_reviewers_approve_and_only_by_the_named_reaction(lake: Lake, server: Api, user: str, name: str) -> None:
    in_review(lake, server)
    approve(server, user=user, name=name)
    run(lake, server, "two")
    assert by_app(server, "C1") == []
    assert states(lake) == {"in_review": 1}


def test_a_rejection_outweighs_an_approval(lake: Lake, server: Api) -> None:
    in_review(lake, server)
    approve(server)
    approve(server, user="U4", name="x")
    run(lake, server, "two")
    assert by_app(server, "C1") == []
    assert states(lake) == {"rejected": 1}


def test_a_reviewers_reply_takes_the_place_of_the_draft(lake: Lake, server: Api) -> None:
    in_review(lake, server)
    (shown,) = by_app(server, REVIEW)
    server.world.reply(REVIEW, shown["ts"], "Edit: on the roof", user="U4")
    server.world.reply(REVIEW, shown["ts"], "edit: In the <#C2>", user="U4")
    server.world.reply(REVIEW, shown["ts"], "looks good now", user="U3")
    server.world.reply(REVIEW, shown["ts"], "edit: I am no reviewer", user="U2")
    approve(server)
    run(lake, server, "two")
    (posted,) = by_app(server, "C1")
    assert posted["text"].startswith("In the <#C2>\n")


def test_what_a_model_writes_calls_nobody(lake: Lake, server: Api) -> None:
    question = asks(server, "Hello <!here> <@U2>?")
    predict(lake, server, question, draft="<!channel> ask <@U2> & co")
    run(lake, server)
    approve(server)
    run(lake, server, "two")
    for said in (*by_app(server, "C1"), *by_app(server, REVIEW)):
        assert "&lt;!channel&gt; ask &lt;@U2&gt; &amp; co" in said["text"]
        assert "<!" not in said["text"]


def answered(server: Api, question: str) -> None:
    server.world.reply("C1", question, "On the shelf", user="U2")


def deleted(server: Api, question: str) -> None:
    server.world.delete("C1", question)


def deleted_with_replies(server: Api, question: str) -> None:
    server.world.reply("C1", question, "me too", user="U1")
    server.world.delete("C1", question)


def edited(server: Api, question: str) -> None:
    server.world.now += 60
    server.world.edit("C1", question, "Where is the other key?")


def archived(server: Api, question: str) -> None:
    server.world.channels["C1"]["is_archived"] = True


@pytest.mark.parametrize("when", ["before review", "after approval"])
@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (answered, "answered meanwhile"),
        (deleted, "question deleted"),
        (deleted_with_replies, "question deleted"),
        (edited, "question edited"),
        (archived, "channel archived"),
    ],
)
def test_what_happened_meanwhile_holds_a_draft_back(lake: Lake, server: Api, when: str, happens, why: str) -> None:
    question = asks(server)
    predict(lake, server, question)
    if when == "after approval":
        run(lake, server)
        approve(server)
    happens(server, question)
    run(lake, server, "two")
    assert by_app(server, "C1") == []
    assert states(lake) == {"withheld": 1}
    assert reasons(lake) == [why]
    assert len(by_app(server, REVIEW)) == (when == "after approval")


def test_the_asker_and_bots_answer_nothing(lake: Lake, server: Api) -> None:
    question = in_review(lake, server)
    server.world.reply("C1", question, "anyone?", user="U1")
    server.world.reply("C1", question, "Thanks for asking!", bot_id="B0OTHER")
    approve(server)
    run(lake, server, "two")
    assert len(by_app(server, "C1")) == 1


@pytest.mark.parametrize(
    ("rights", "why"),
    [
        ({"opt_out_users": frozenset({"U1"})}, "asker opted out"),
        ({"opt_out_channels": frozenset({"general"})}, "channel opted out"),
    ],
    ids=["person", "channel"],
)
def test_who_opted_out_is_left_alone(lake: Lake, server: Api, rights: dict[str, frozenset[str]], why: str) -> None:
    in_review(lake, server)
    approve(server)
    values = {"granted_by": "Ada", "granted_on": date(2026, 1, 1), "statement": "", "uses": ("drafts",)}
    run(lake, server, "two", rights=Rights(**values | rights))
    assert by_app(server, "C1") == []
    assert reasons(lake) == [why]


def test_a_statement_without_drafts_posts_nothing(lake: Lake, server: Api) -> None:
    predict(lake, server, asks(server))
    rights = Rights(granted_by="Ada", granted_on=date(2026, 1, 1), statement="", uses=("training",))
    with pytest.raises(ConfigError, match="allows training, but no drafts"):
        run(lake, server, rights=rights)
    assert server.log == []


def dying_before(step: str) -> type[Pass]:
    """A pass whose process ends after what `step` tells of was done, before it is written down."""

    class Dying(Pass):
        def _write(self, message: str, draft: str, told: str, **more: object) -> None:
            if told == step:
                raise Killed
            super()._write(message, draft, told, **more)

    return Dying


@pytest.mark.parametrize("step", ["in_review", "posted"])
@pytest.mark.parametrize("is_same_run", [True, False], ids=["the same run", "a later run"])
def test_a_crash_after_the_post_and_before_the_record_posts_nothing_twice(
    lake: Lake, server: Api, step: str, is_same_run: bool
) -> None:
    if step == "posted":
        in_review(lake, server)
        approve(server)
    else:
        predict(lake, server, asks(server))
    place = "C1" if step == "posted" else REVIEW
    with pytest.raises(Killed):
        run(lake, server, "dies", kind=dying_before(step))
    assert len(by_app(server, place)) == 1
    if is_same_run:
        run(lake, server, "dies")
    else:
        run(lake, server, "too soon")  # it may still be at it
        assert step not in states(lake)
        server.world.now += posting.CLAIM.total_seconds()
        run(lake, server, "later")
    assert len(by_app(server, place)) == 1
    assert states(lake) == {step: 1}


def test_a_crash_before_the_post_posts_once(lake: Lake, server: Api) -> None:
    in_review(lake, server)
    approve(server)
    server.fault = lambda method, arguments: "cut" if method == "chat.postMessage" else None
    with pytest.raises(TransientError, match="failed 3 times"):
        run(lake, server, "two")
    assert states(lake) == {"intended": 1}
    assert by_app(server, "C1") == []
    server.fault = lambda method, arguments: None
    run(lake, server, "two")
    assert len(by_app(server, "C1")) == 1
    assert states(lake) == {"posted": 1}


@pytest.mark.parametrize("fault", ["lost", "500", "reset", "429 now", "truncated"])
def test_faults_of_one_post_leave_one_message(lake: Lake, server: Api, fault: str) -> None:
    in_review(lake, server)
    approve(server)
    faults = [fault]
    server.fault = lambda method, arguments: faults.pop() if method == "chat.postMessage" and faults else None
    run(lake, server, "two")
    assert faults == []
    assert len(by_app(server, "C1")) == 1
    assert states(lake) == {"posted": 1}


def test_somebody_who_answers_while_a_post_is_tried_again_is_not_talked_over(lake: Lake, server: Api) -> None:
    question = in_review(lake, server)
    approve(server)
    server.fault = lambda method, arguments: "cut" if method == "chat.postMessage" else None
    with pytest.raises(TransientError):
        run(lake, server, "two")
    server.fault = lambda method, arguments: None
    answered(server, question)
    run(lake, server, "two")
    assert by_app(server, "C1") == []
    assert reasons(lake) == ["answered meanwhile"]


class Crowded(Pass):
    """A pass beside which another run says the same at the same moment."""

    def _write(self, message: str, draft: str, step: str, **more: object) -> None:
        super()._write(message, draft, step, **more)
        if step in ("review_intended", "intended"):
            Pass._write(replace(self, run="other"), message, draft, step, **more)


def test_two_runs_that_see_each_other_both_let_go(lake: Lake, server: Api) -> None:
    predict(lake, server, asks(server))
    run(lake, server, kind=Crowded)
    assert by_app(server, REVIEW) == []
    server.world.now += posting.CLAIM.total_seconds()
    run(lake, server, "later")
    approve(server)
    run(lake, server, "again", kind=Crowded)
    assert by_app(server, "C1") == []
    server.world.now += posting.CLAIM.total_seconds()
    run(lake, server, "at last")
    assert len(by_app(server, "C1")) == len(by_app(server, REVIEW)) == 1


def test_another_draft_of_the_same_question_is_not_shown_again(lake: Lake, server: Api) -> None:
    question = in_review(lake, server)
    predict(lake, server, question, draft="On the shelf.", id="-other-model")
    approve(server)
    run(lake, server, "two")
    (posted,) = by_app(server, "C1")
    assert posted["text"].startswith("In the drawer.")
    assert len(by_app(server, REVIEW)) == 1


def test_new_drafts_are_bounded_and_old_questions_not_shown(lake: Lake, server: Api) -> None:
    old = asks(server)
    server.world.now += timedelta(days=9).total_seconds()
    questions = [asks(server, f"Where is desk {number}?") for number in range(5)]
    predict(lake, server, old, *questions)
    settings = PostingSettings(channel=REVIEW, reviewers=frozenset({"U3"}), most=3)
    run(lake, server, settings=settings)
    assert len(by_app(server, REVIEW)) == 3
    run(lake, server, "two", settings=settings)
    assert len(by_app(server, REVIEW)) == 5
    assert old not in str([one["text"] for one in by_app(server, REVIEW)])


def test_a_channel_that_the_bot_is_not_in_withholds_its_draft_alone(lake: Lake, server: Api) -> None:
    in_review(lake, server)
    approve(server)
    faulty = server.chat_postMessage
    server.world.channels["C1"]["is_member"] = True

    def refuses(arguments: Json) -> Json:
        server.world.forbidden.add("C1")
        try:
            return faulty(arguments)
        finally:
            server.world.forbidden.discard("C1")

    server.chat_postMessage = refuses  # type: ignore[method-assign]
    run(lake, server, "two")
    assert reasons(lake) == ["Slack: not_in_channel"]


def test_a_channel_that_the_bot_cannot_read_withholds_its_drafts_alone(lake: Lake, server: Api) -> None:
    hidden, question = asks(server, channel="C2"), asks(server)
    server.world.forbidden.add("C2")
    predict(lake, server, question)
    frame = lake.table("models/predictions").scan().collect()
    other = frame.with_columns(id=pl.lit("other"), message_id=pl.lit(f"{TEAM}/C2/{hidden}"))
    rows = record_batches(pl.concat([other, frame]), schemas.PREDICTIONS)
    lake.table("models/predictions").replace(rows, sorted(set(frame["partition"])))
    run(lake, server)
    assert states(lake) == {"in_review": 1, "withheld": 1}
    assert reasons(lake) == ["Slack: not_in_channel"]


def test_what_nobody_decides_on_is_withheld_in_the_end(lake: Lake, server: Api) -> None:
    in_review(lake, server)
    server.world.now += timedelta(days=6).total_seconds()
    run(lake, server, "two")
    assert states(lake) == {"in_review": 1}
    server.world.now += timedelta(days=2).total_seconds()
    run(lake, server, "three")
    approve(server)
    run(lake, server, "four")
    assert states(lake) == {"withheld": 1}
    assert by_app(server, "C1") == []


class Slow(Pass):
    """A pass that has read where all drafts are, and goes on when another is long done."""

    def _drafts(self, before: pl.DataFrame) -> pl.DataFrame:
        found = super()._drafts(before)
        replace(self, run="quick", channels={}).as_quick()
        return found

    def as_quick(self) -> None:
        Pass(**{one.name: getattr(self, one.name) for one in fields(Pass)})()
        world: World = self.poster.api._clock.__self__  # type: ignore[attr-defined]
        world.now += 2 * posting.CLAIM.total_seconds()


def test_a_pass_that_another_one_overtook_posts_nothing_again(lake: Lake, server: Api) -> None:
    predict(lake, server, asks(server))
    run(lake, server, kind=Slow)
    assert len(by_app(server, REVIEW)) == 1
    approve(server)
    run(lake, server, "slow again", kind=Slow)
    assert len(by_app(server, "C1")) == 1
    assert posting.twice(lake) == []


def test_a_review_channel_that_is_none_is_a_wrong_setting(lake: Lake, server: Api) -> None:
    predict(lake, server, asks(server))
    settings = PostingSettings(channel="C0NONE", reviewers=frozenset({"U3"}))
    with pytest.raises(ConfigError, match="review channel 'C0NONE' cannot be posted to: channel_not_found"):
        run(lake, server, settings=settings)


@pytest.mark.parametrize("values", [{"channel": "", "reviewers": {"U1"}}, {"channel": "C1", "reviewers": set()}])
def test_settings_must_name_a_channel_and_people(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="PARLANCE_SLACK_REVIEWERS"):
        PostingSettings(**values)


def test_a_persons_token_posts_nothing(server: Api) -> None:
    api = SlackApi(TOKEN, base_url=server.base_url)
    with pytest.raises(ConfigError, match="must begin with xoxb-"):
        Poster(api, "xoxp-1", base_url=server.base_url, sleep=server.world.sleep)
