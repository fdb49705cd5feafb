"""Drafts on their way into Slack: to reviewers, and where one approves into the thread; each step is written down."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from parlance import schemas
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.posting import rules
from parlance.posting.slack import Poster, UnpostedError, found
from parlance.rights import Rights
from parlance.sources.slack_api import RefusedError
from parlance.storage import record_batches

TABLE: Final = "models/posted_drafts"
# From the first to the last; a question is where its furthest row is.
STEPS: Final = ("review_intended", "in_review", "intended", "rejected", "withheld", "posted")
FINAL: Final = ("rejected", "withheld", "posted")
# What another run has just said that it does is left to it for so long.
CLAIM: Final = timedelta(minutes=10)
EDIT: Final = "edit:"  # else a reviewer's "looks good" would be posted
MARGIN_S: Final = 300.0  # between this clock and Slack's


@dataclass(frozen=True, kw_only=True)
class PostingSettings:
    """`channel` is where reviewers are shown drafts; `most` bounds how many new ones a run shows them.

    Questions older than `most_days` are no longer shown, and what nobody decided on for so long is withheld. Reactions
    have the names of their emoji.
    """

    channel: str
    reviewers: frozenset[str]
    most: int = 20
    most_days: int = 7
    approve: str = "white_check_mark"
    reject: str = "x"

    def __post_init__(self) -> None:
        if not self.channel or not self.reviewers:
            raise ConfigError(
                f"review channel {self.channel!r} and reviewers {sorted(self.reviewers)}; "
                "PARLANCE_SLACK_REVIEW_CHANNEL must be the id of a channel and PARLANCE_SLACK_REVIEWERS ids of people"
            )
        if self.most < 0 or self.most_days < 1:
            raise ConfigError(f"most {self.most} and most_days {self.most_days}; allowed: from 0, and from 1")


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One run over all drafts: what it reads and writes, and who it is. `clock` gives the time in UTC."""

    lake: Lake
    poster: Poster
    rights: Rights
    settings: PostingSettings
    run: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    channels: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __call__(self) -> pl.DataFrame:
        """Goes on with every draft that is on its way and begins with new ones; gives the rows that this wrote.

        Raises ConfigError where the statement of rights names no drafts or Slack refuses the app, TransientError where
        Slack does not answer; what was done before then is written down, and the next run goes on behind it.
        """
        if "drafts" not in self.rights.uses:
            raise ConfigError(f"the statement of rights allows {', '.join(self.rights.uses)}, but no drafts")
        before = _events(self.lake)
        drafts = {row["message_id"]: row for row in self._drafts(before).iter_rows(named=True)}
        for row in _states(before).sort("at", "message_id").iter_rows(named=True):
            self._step(row, drafts.get(row["message_id"]))
        shown = set(before["message_id"])
        for draft in [one for id, one in drafts.items() if id not in shown][: self.settings.most]:
            self._step(draft, None)
        return _events(self.lake).filter(pl.col("run") == self.run)

    def _drafts(self, before: pl.DataFrame) -> pl.DataFrame:
        """Drafts of the last days, oldest first, and those that are on their way, whatever their age."""
        earliest = (self.clock() - timedelta(days=self.settings.most_days)).date().isoformat()
        rows = self.lake.table("models/predictions").scan().filter(pl.col("status") == "drafted")
        known = pl.col("message_id").is_in(before["message_id"].unique().implode())
        recent = rows.filter((pl.col("partition") >= earliest) | known)
        return recent.sort("partition", "message_id").collect()

    def _step(self, state: dict[str, Any], draft: dict[str, Any] | None) -> None:
        """The next step of a question, or of a draft that was never shown; what Slack refuses of it ends it alone."""
        try:
            if "step" in state:
                self._go_on(state, draft)
            else:
                self._show(state)
        except UnpostedError as error:
            self._withhold(state, f"Slack: {error}")

    def _go_on(self, state: dict[str, Any], draft: dict[str, Any] | None) -> None:
        """The next step of a question that is on its way, if there is one to take."""
        if state["step"] in FINAL or self._is_claimed(state):
            return
        if state["step"] == "review_intended":
            self._show(state | {"answered_at": state["at"]} | _question(draft), again=state)
        elif state["step"] == "in_review":
            self._decide(state, draft)
        else:
            self._post(state, draft)

    def _withhold(self, state: dict[str, Any], reason: str) -> None:
        id = state.get("draft_id") or state["id"]
        self._write(state["message_id"], id, "withheld", person=state.get("person"), reason=reason)

    def _is_claimed(self, state: dict[str, Any]) -> bool:
        is_intent = state["step"] in ("review_intended", "intended")
        return is_intent and state["run"] != self.run and self.clock() - state["at"] < CLAIM

    def _show(self, draft: dict[str, Any], again: dict[str, Any] | None = None) -> None:
        """Shows a draft to the reviewers; `again` is the row of an intent that broke off."""
        message, id = draft["message_id"], draft.get("draft_id") or draft["id"]
        text = draft.get("text") or draft["draft"]
        channel, ts = _place(message)
        began = again["at"] if again else self.clock()

        def look() -> str | None:
            return found(self.poster.since(self.settings.channel, began.timestamp() - MARGIN_S), id)

        shown = look() if again else None
        if shown is None:
            thread = self.poster.thread(channel, ts)
            why = rules.refusal(self._channel(channel), thread, self.rights, made_at=draft["answered_at"], text=text)
            if why is not None:
                self._withhold(draft, why)
                return
            is_ours = again is not None and again["run"] == self.run
            if not is_ours and not self._claimed(message, id, "review_intended", text=text):
                return
            question = (thread or [{}])[0].get("text", "")
            asked = self._review(channel, ts, question, text)
            try:
                shown = self.poster.post(self.settings.channel, asked, draft=id, look=look)
            except UnpostedError as error:
                raise ConfigError(f"review channel {self.settings.channel!r} cannot be posted to: {error}") from error
        self._write(message, id, "in_review", channel=self.settings.channel, ts=shown, text=text)

    def _review(self, channel: str, ts: str, question: str, text: str) -> str:
        """What reviewers read; the question stands as Slack has it, which escapes it."""
        link = self.poster.api.call("chat.getPermalink", channel=channel, message_ts=ts)["permalink"]
        quoted = "\n".join(f"> {line}" for line in rules.inert(question)[:1_000].splitlines())
        yes, no = self.settings.approve, self.settings.reject
        return (
            f"<{link}|A question> that nobody answered in <#{channel}>:\n{quoted}\nA draft of a language model:\n"
            f"{rules.escaped(text)}\n_:{yes}: posts it into the thread, :{no}: drops it; "
            f"a reply `{EDIT} ...` takes its place._"
        )

    def _decide(self, state: dict[str, Any], draft: dict[str, Any] | None) -> None:
        """Looks at what reviewers say of a draft, and posts it where they approve."""
        message, id = state["message_id"], state["draft_id"]
        try:
            answer = self.poster.api.call("reactions.get", channel=state["channel"], timestamp=state["ts"], full=True)
        except RefusedError as error:
            if error.code != "message_not_found":
                raise
            self._write(message, id, "rejected", reason="review message deleted")
            return
        settings, reactions = self.settings, answer["message"].get("reactions") or ()
        outcome, person = rules.decision(
            reactions, settings.reviewers, approve=settings.approve, reject=settings.reject
        )
        if outcome == "rejected":
            self._write(message, id, "rejected", person=person, reason=f":{settings.reject}:")
        elif outcome == "approved":
            text = self._edited(state) or rules.escaped(state["text"])
            self._post(state | {"person": person, "text": text}, draft)
        elif self.clock() - state["at"] > timedelta(days=settings.most_days):
            self._withhold(state, "nobody decided")

    def _edited(self, state: dict[str, Any]) -> str | None:
        """What a reviewer last wrote after EDIT under the shown draft, which takes its place; it is as Slack has it."""
        thread = self.poster.thread(state["channel"], state["ts"]) or []
        said = [str(one.get("text")).strip() for one in thread[1:] if one.get("user") in self.settings.reviewers]
        edits = [text[len(EDIT) :].strip() for text in said if text.lower().startswith(EDIT)]
        return edits[-1] if edits else None

    def _post(self, state: dict[str, Any], draft: dict[str, Any] | None) -> None:
        """Posts an approved text into its thread, unless it is there or something stands against it by now."""
        message, id = state["message_id"], state["draft_id"]
        channel, ts = _place(message)
        thread, text = self.poster.thread(channel, ts), state["text"]
        posted = found(thread, id)

        def look() -> str | None:
            return found(self.poster.thread(channel, ts), id)

        if posted is None:
            made_at = draft["answered_at"] if draft and draft["id"] == id else state["at"]
            why = rules.refusal(self._channel(channel), thread, self.rights, made_at=made_at, text=text)
            if why is not None:
                self._withhold(state, why)
                return
            is_ours = state["step"] == "intended" and state["run"] == self.run
            if not is_ours and not self._claimed(message, id, "intended", person=state["person"], text=text):
                return
            signed = f"{text}\n\n_Draft of a language model, approved by <@{state['person']}>._"
            posted = self.poster.post(channel, signed, draft=id, look=look, thread=ts)
        self._write(message, id, "posted", channel=channel, ts=posted, person=state["person"], text=text)

    def _channel(self, id: str) -> Mapping[str, Any]:
        """The channel as it is now: it may have been renamed since the statement of rights was written."""
        if id not in self.channels:
            try:
                self.channels[id] = self.poster.api.call("conversations.info", channel=id)["channel"]
            except RefusedError as error:
                if error.code != "channel_not_found":
                    raise
                self.channels[id] = {"id": id}
        return self.channels[id]

    def _claimed(self, message: str, draft: str, step: str, **more: Any) -> bool:
        """Writes the intent down, and whether no other run has the same, or was further since this one looked.

        Where two see each other, both let go.
        """
        self._write(message, draft, step, **more)
        others = (pl.col("message_id") == message) & (pl.col("run") != self.run)
        is_live = (pl.col("step") == step) & (pl.col("at") > self.clock() - CLAIM)
        is_further = pl.col("step").is_in(list(STEPS[STEPS.index(step) + 1 :]))
        return _events(self.lake).filter(others, is_live | is_further).is_empty()

    def _write(self, message: str, draft: str, step: str, **more: Any) -> None:
        row = dict.fromkeys(schemas.POSTED_DRAFTS.names) | more
        row |= {"message_id": message, "draft_id": draft, "step": step, "at": self.clock(), "run": self.run}
        frame = pl.DataFrame([row], schema=pl.Schema(schemas.POSTED_DRAFTS))
        self.lake.table(TABLE).append(record_batches(frame, schemas.POSTED_DRAFTS))


def twice(lake: Lake) -> list[str]:
    """The messages of which reviewers were shown two drafts, or that have two in their thread."""
    told = _events(lake).filter(pl.col("step").is_in(["posted", "in_review"]))
    counted = told.group_by("message_id", "step").agg(posts=pl.col("ts").n_unique()).filter(pl.col("posts") > 1)
    return sorted(set(counted["message_id"]))


def counts(events: pl.DataFrame) -> pl.DataFrame:
    """`step`, `reason` and `drafts`: where the drafts of `events` are now."""
    states = _states(events)
    return states.group_by("step", "reason").agg(drafts=pl.len()).sort("step", "reason", nulls_last=True)


def _events(lake: Lake) -> pl.DataFrame:
    return lake.table(TABLE).scan().sort("at").collect()


def _states(events: pl.DataFrame) -> pl.DataFrame:
    """The furthest row of each question, with the text and the person that an earlier one has."""
    rank = pl.col("step").replace_strict(dict(zip(STEPS, range(len(STEPS)), strict=True)), return_dtype=pl.Int32)
    ranked = events.with_columns(rank=rank).sort("message_id", "rank", "at")
    return ranked.group_by("message_id", maintain_order=True).last().drop("rank")


def _question(draft: dict[str, Any] | None) -> dict[str, Any]:
    """What of the prediction a shown draft still needs; the text is that of the intent."""
    return {"answered_at": draft["answered_at"]} if draft else {}


def _place(message: str) -> tuple[str, str]:
    """Channel and `ts` in a message's id, `team/channel/ts`.

    >>> _place("T1/C1/1767571200.000100")
    ('C1', '1767571200.000100')
    """
    parts = message.split("/")
    if len(parts) != 3:
        raise ConfigError(f"message {message!r} is none of Slack: its id must be team/channel/ts")
    return parts[1], parts[2]


def rows_of(events: pl.DataFrame, steps: Iterable[str]) -> int:
    """How many rows of `events` have one of `steps`."""
    return events.filter(pl.col("step").is_in(list(steps))).height
