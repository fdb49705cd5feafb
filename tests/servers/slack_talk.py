"""What people and apps say in Slack: messages with all that they are made of, beside the text that a reader sees."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.servers.slack_workspace import Json

PERSON = re.compile("\ue000(.*?)\\|(.*?)\ue001")
UNFURLED = "https://example.org/a?b=c&d=e"
# What is sent as `text`, and what a reader sees of it.
HOSTILE = (
    ("\x00\x07\x1b[31mred\x1b[0m\x7f", "\x00\x07\x1b[31mred\x1b[0m\x7f"),
    ("half an emoji \ud83d and the other \udc4d half", "half an emoji \ufffd and the other \ufffd half"),
    ("\ud83d", "\ufffd"),
    ("&lt;script&gt;alert(1)&lt;/script&gt; &amp;lt; &nbsp;", "<script>alert(1)</script> &lt; &nbsp;"),
    ("<@ <<>> <> < and > | <@", "<@ <<>> <> < and > | <@"),
    ("\u202eright to left\u202c \u2066isolated\u2069", "\u202eright to left\u202c \u2066isolated\u2069"),
    ("line\u2028paragraph\u2029\u0085next\ufeff", "line\u2028paragraph\u2029\u0085next\ufeff"),
    ('"}],"ok":false,"error":"fatal_error"}', '"}],"ok":false,"error":"fatal_error"}'),
    ("e\u0301 is no \u00e9, \ufb01 is no fi", "e\u0301 is no \u00e9, \ufb01 is no fi"),
    ("\U0001f469\u200d\U0001f469 \U0001f1e8\U0001f1ed", "\U0001f469\u200d\U0001f469 \U0001f1e8\U0001f1ed"),
    ("1767571200.000000 T0TEAM/C1/1.2 ../../etc/passwd", "1767571200.000000 T0TEAM/C1/1.2 ../../etc/passwd"),
    ("   \t\r\n surrounded \n\n ", "surrounded"),
    (" \t\n\u3000", ""),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Talk:
    """The fields of a message, and the text that a reader sees, in which people stand as `person`."""

    fields: Json
    seen: str


@dataclass(frozen=True, kw_only=True)
class Around:
    """Whom and what a message can name: ids of people, and names of channels by id. `number` makes texts differ."""

    random: random.Random
    people: list[str]
    channels: Mapping[str, str]
    number: int

    def somebody(self) -> str:
        return self.random.choice(self.people)

    def somewhere(self) -> tuple[str, str]:
        return self.random.choice(sorted(self.channels.items()))


def person(id: str, label: str = "") -> str:
    return f"\ue000{id}|{label}\ue001"


def with_names(seen: str, names: Mapping[str, str]) -> str:
    """The text as it is with the names that people have now; of others their label or id."""
    return PERSON.sub(lambda found: names.get(found[1]) or found[2] or found[1], seen)


def plain(around: Around) -> Talk:
    """`text` alone, with Slack's markup and escapes."""
    who, (channel, name) = around.somebody(), around.somewhere()
    text = (
        f"{around.number}: <@{who}> <@{who}|label> <#{channel}|{name}> <!here> <!subteam^S0TEAM|@team> &lt;3 R&amp;D "
        "<https://x.org/a?b=c&amp;d=e|the page> <https://x.org> <mailto:a@x.org|a@x.org> "
        "<!date^1767571200^{date}|5 January> *bold* `code` :wave:"
    )
    seen = (
        f"{around.number}: @{person(who)} @{person(who, 'label')} #{name} @here @team <3 R&D "
        "the page (https://x.org/a?b=c&d=e) https://x.org a@x.org 5 January *bold* `code` :wave:"
    )
    return Talk(fields={"text": text}, seen=seen)


def rich(around: Around) -> Talk:
    """A `rich_text` block with every kind of element; `text` is what old clients show."""
    who = around.somebody()
    section = [
        {"type": "text", "text": f"{around.number} <not escaped> & "},
        {"type": "user", "user_id": who},
        {"type": "text", "text": " "},
        {"type": "link", "url": UNFURLED, "text": "a page"},
        {"type": "text", "text": " "},
        {"type": "emoji", "name": "tada", "unicode": "1f389"},
        {"type": "text", "text": " bold", "style": {"bold": True}},
        {"type": "text", "text": "x = 1", "style": {"code": True}},
        {"type": "broadcast", "range": "channel"},
        {"type": "color", "value": "#ff0000"},
    ]
    lines = [f"{around.number} <not escaped> & @{person(who)} a page ({UNFURLED}) :tada: bold`x = 1`@channel#ff0000"]
    elements: list[Json] = [{"type": "rich_text_section", "elements": section}]
    elements.append(_list("bullet", 0, "one", "two"))
    elements.append(_list("ordered", 1, "first", "second"))
    lines += ["- one", "- two", "  1. first", "  2. second"]
    elements.append({"type": "rich_text_quote", "elements": [{"type": "text", "text": "said\nbefore"}]})
    elements.append({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "if x:\n    y()"}]})
    lines += ["> said", "> before", "```", "if x:", "    y()", "```"]
    blocks = [{"type": "rich_text", "block_id": f"b{around.number}", "elements": elements}]
    return Talk(fields={"text": f"{around.number} as plain text", "blocks": blocks}, seen="\n".join(lines))


def sections(around: Around) -> Talk:
    """Blocks as apps send them."""
    who, number = around.somebody(), around.number
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": f"Build {number} & more", "emoji": True}},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"by <@{who}> &amp; co"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*State*"}, {"type": "plain_text", "text": "red"}]},
        {"type": "divider"},
        {"type": "context", "elements": [_image("https://x.org/i.png"), {"type": "mrkdwn", "text": "<!here> now"}]},
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Press"}}]},
    ]
    seen = f"Build {number} & more\nby @{person(who)} & co\n*State*\nred\n@here now"
    return Talk(fields={"text": "This content can't be displayed.", "blocks": blocks}, seen=seen)


def legacy(around: Around) -> Talk:
    """Attachments as old integrations send them, with a second one that has its fallback only."""
    attachment = {
        "id": 1, "color": "36a64f", "fallback": "not shown", "pretext": "before", "title": "Ticket &lt;1&gt;",
        "title_link": "https://x.org/1", "text": f"<@{(who := around.somebody())}> opened it",
        "fields": [{"title": "Priority", "value": "high", "short": True}], "footer": "Tickets", "ts": 1767571200,
    }  # fmt: skip
    seen = f"{around.number}\nbefore\nTicket <1>\n@{person(who)} opened it\nPriority\nhigh\nonly this"
    return Talk(fields={"text": str(around.number), "attachments": [attachment, {"fallback": "only this"}]}, seen=seen)


def unfurled(around: Around) -> Talk:
    """A link whose page Slack shows below, and a message of another channel that is shared."""
    page = {
        "id": 1, "from_url": UNFURLED, "original_url": UNFURLED, "service_name": "Example", "title": "A page",
        "title_link": UNFURLED, "text": "what it is about", "fallback": "Example: A page", "image_url": "https://x.org/i",
    }  # fmt: skip
    shared = {
        "id": 2, "is_msg_unfurl": True, "is_share": True, "channel_id": around.somewhere()[0], "ts": "1767571200.0001",
        "author_id": around.somebody(), "author_name": "Somebody", "text": f"quoted {around.number}",
        "fallback": "[January 5th, 2026] quoted", "footer": "Posted in #general", "mrkdwn_in": ["text"],
    }  # fmt: skip
    text = f"<{UNFURLED.replace('&', '&amp;')}>"
    seen = f"{UNFURLED}\nA page\nwhat it is about\nquoted {around.number}"
    return Talk(fields={"text": text, "attachments": [page, shared]}, seen=seen)


def file_alone(around: Around) -> Talk:
    return Talk(fields={"text": "", "files": [_file(around)], "upload": True, "display_as_bot": False}, seen="")


def file_with_text(around: Around) -> Talk:
    text = f"see the file {around.number}"
    return Talk(fields={"text": text, "files": [_file(around), _file(around)], "upload": True}, seen=text)


def file_gone(around: Around) -> Talk:
    """Somebody deleted the file; the message is left."""
    text = "" if around.random.random() < 0.5 else f"the file of {around.number} is gone"
    return Talk(fields={"text": text, "files": [{"id": f"F0{around.number}", "mode": "tombstone"}]}, seen=text)


def by_integration(around: Around) -> Talk:
    """An incoming webhook: it has no user."""
    more = {"subtype": "bot_message", "bot_id": "B0HOOK", "username": "Jira", "icons": {"emoji": ":robot_face:"}}
    return Talk(fields={**more, "text": f"hook {around.number}"}, seen=f"hook {around.number}")


def by_app(around: Around) -> Talk:
    """An app of today: it has a user, and a profile."""
    profile = {"id": "B0APP", "app_id": "A0APP", "name": "Deploys", "icons": {}, "deleted": False, "team_id": "T0TEAM"}
    more = {"user": "U0BOT1", "bot_id": "B0APP", "app_id": "A0APP", "bot_profile": profile}
    talk = sections(around)
    return Talk(fields={**talk.fields, **more}, seen=talk.seen)


def myself(around: Around) -> Talk:
    return Talk(fields={"subtype": "me_message", "text": f"waves {around.number}"}, seen=f"waves {around.number}")


def huddle(around: Around) -> Talk:
    """A call: it says nothing, and what is written during it are its replies."""
    room = {"id": f"R0{around.number}", "created_by": around.somebody(), "has_ended": True}
    return Talk(fields={"subtype": "huddle_thread", "text": "", "room": room, "no_notifications": True}, seen="")


def hostile(around: Around) -> Talk:
    text, seen = around.random.choice(HOSTILE)
    return Talk(fields={"text": text}, seen=seen)


def long(around: Around) -> Talk:
    """As much as Slack takes: 40,000 characters, outside of the basic plane too."""
    text = f"{around.number} ".ljust(40_000, around.random.choice("a\u6f22\U0001f600"))
    return Talk(fields={"text": text}, seen=text)


# How often each is said.
TALKS: dict[Callable[[Around], Talk], int] = {
    plain: 20, rich: 20, sections: 5, legacy: 5, unfurled: 5, file_alone: 4, file_with_text: 4, file_gone: 3,
    by_integration: 6, by_app: 6, myself: 3, huddle: 3, hostile: 14, long: 2,
}  # fmt: skip


def something(around: Around) -> Talk:
    (kind,) = around.random.choices(list(TALKS), weights=list(TALKS.values()))
    return kind(around)


def _list(style: str, indent: int, *items: str) -> Json:
    elements = [{"type": "rich_text_section", "elements": [{"type": "text", "text": item}]} for item in items]
    return {"type": "rich_text_list", "style": style, "indent": indent, "border": 0, "elements": elements}


def _image(url: str) -> Json:
    return {"type": "image", "image_url": url, "alt_text": "an icon"}


def _file(around: Around) -> Json:
    id = f"F0{around.number}{around.random.randrange(1000)}"
    place = f"https://files.slack.com/files-pri/T0TEAM-{id}"
    return {
        "id": id, "name": "plan \u2603 \"1\".pdf", "title": "plan", "mimetype": "application/pdf", "filetype": "pdf",
        "size": around.random.randrange(10**9), "mode": "hosted", "is_external": False, "user": around.somebody(),
        "url_private": f"{place}/plan.pdf", "url_private_download": f"{place}/download/plan.pdf",
        "permalink": f"https://x.slack.com/files/{id}/plan.pdf",
    }  # fmt: skip
