"""What a Slack message says: markup, blocks, attachments, and any JSON at all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.sources.slack_text import render

USERS = {"U1": "Ada Lovelace", "UBOT": "Deploy Bot"}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"blocks": [{"type": "rich_text", "elements": list(elements)}]}


def section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def text(content: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": content} | ({"style": style} if style else {})


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("<@U1>, hello", "@Ada Lovelace, hello"),
        ("<@U9>", "@U9"),
        ("<@U9|bob>", "@bob"),
        ("<#C1|hr-help> or <#C2>", "#hr-help or #C2"),
        ("<https://x.org/a?b=1&amp;c=2|label>", "label (https://x.org/a?b=1&c=2)"),
        ("<https://x.org>", "https://x.org"),
        ("<http://x.org|x.org>", "x.org"),
        ("<mailto:a@b.org|a@b.org>", "a@b.org"),
        ("<mailto:a@b.org>", "a@b.org"),
        ("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"),
        ("<!subteam^S1|@writers> <!subteam^S2>", "@writers @S2"),
        ("<!date^1392734382^{date}|Feb 18, 2014>", "Feb 18, 2014"),
        ("a &lt;b&gt; &amp; c &amp;lt; &nbsp;", "a <b> & c &lt; &nbsp;"),
        ("`x &gt; 1` and ```y\nz```", "`x > 1` and ```y\nz```"),
        ("1 < 2 :tada:", "1 < 2 :tada:"),
        ("  \n", ""),
        ("", ""),
    ],
)
def test_markup(sent: str, shown: str) -> None:
    assert render({"text": sent}, users=USERS) == shown


def test_blocks_stand_for_the_text_and_keep_code_lists_and_quotes() -> None:
    items = [section(text("one")), section(text("two"))]
    message = rich(
        section(text("Hi "), {"type": "user", "user_id": "U1"}, text(" run "), text("a < b", code=True)),
        {"type": "rich_text_list", "style": "bullet", "elements": items},
        {"type": "rich_text_list", "style": "ordered", "indent": 1, "offset": 2, "elements": items},
        {"type": "rich_text_quote", "elements": [text("said\nso")]},
        {"type": "rich_text_preformatted", "elements": [text("if x:\n    y\n")]},
    )
    assert render(message | {"text": "not this"}, users=USERS) == (
        "Hi @Ada Lovelace run `a < b`\n- one\n- two\n  3. one\n  4. two\n> said\n> so\n```\nif x:\n    y\n```"
    )


def test_blocks_take_names_of_channels_from_the_text() -> None:
    message = rich(section({"type": "channel", "channel_id": "C1"}, {"type": "emoji", "name": "tada"}))
    assert render(message | {"text": "<#C1|hr-help>"}, users={}) == "#hr-help:tada:"
    assert render(message, users={}) == "#C1:tada:"


def test_inline_elements() -> None:
    message = rich(
        section(
            {"type": "link", "url": "https://x.org", "text": "label"},
            text(" "),
            {"type": "broadcast", "range": "here"},
            text(" "),
            {"type": "usergroup", "usergroup_id": "S1"},
            text(" "),
            {"type": "date", "timestamp": 1, "fallback": "today"},
            {"type": "unheard_of", "text": "?"},
        )
    )
    assert render(message, users={}) == "label (https://x.org) @here @S1 today"


def test_blocks_of_apps() -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "Build <1>"}},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "by <@U1>"},
            "fields": [{"type": "mrkdwn", "text": "*took*"}],
        },
        {"type": "context", "elements": [{"type": "image", "image_url": "x"}, {"type": "plain_text", "text": "end"}]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}, {"type": "raw_text", "text": "b"}]]},
        {"type": "markdown", "text": "**bold**"},
        {"type": "divider"},
        {"type": "actions", "elements": []},
    ]
    assert render({"blocks": blocks}, users=USERS) == "Build <1>\nby @Ada Lovelace\n*took*\nend\na | b\n**bold**"


def test_blocks_without_text_fall_back_to_the_text() -> None:
    assert render({"text": "hello", "blocks": [{"type": "image", "alt_text": "cat"}]}, users={}) == "hello"


def test_attachments_follow_and_fallback_only_stands_in() -> None:
    told = {"pretext": "New", "title": "Bug 1", "text": "It &lt;fails&gt;", "fallback": "Bug 1 fails"}
    fields = {"fields": [{"title": "Owner", "value": "<@U1>"}]}
    blocks = {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "inside"}}], "fallback": "no"}
    message = {"text": "look:", "attachments": [told, fields, blocks, {"fallback": "only"}, {}, None]}
    assert render(message, users=USERS) == "look:\nNew\nBug 1\nIt <fails>\nOwner\n@Ada Lovelace\ninside\nonly"


def test_files_say_nothing() -> None:
    assert render({"text": "", "files": [{"name": "a.pdf", "title": "A"}]}, users={}) == ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
types = st.sampled_from(
    [
        "rich_text",
        "rich_text_section",
        "rich_text_list",
        "rich_text_quote",
        "section",
        "context",
        "table",
        "link",
        "user",
    ]
)


@given(
    text=json_values,
    blocks=st.lists(
        st.fixed_dictionaries(
            {"type": types | json_values},
            optional=dict.fromkeys(("text", "elements", "fields", "rows", "indent", "offset", "style"), json_values),
        ),
        max_size=3,
    )
    | json_values,
    attachments=json_values,
)
def test_any_json_renders(text: object, blocks: object, attachments: object) -> None:
    message = {"text": text, "blocks": blocks, "attachments": attachments}
    nested = {"blocks": [{"type": "rich_text", "elements": blocks}], "attachments": [{"blocks": blocks, "text": text}]}
    assert isinstance(render(message, users={}), str)
    assert isinstance(render(nested, users={}), str)


@given(st.text())
def test_escaped_text_comes_back(said: str) -> None:
    escaped = said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert render({"text": escaped}, users={}) == said.strip()
