"""Whether a draft may still be posted: the question as Slack has it now, and what people allowed."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from parlance.rights import Rights

Json = Mapping[str, Any]
# Slack cuts longer messages: https://docs.slack.dev/reference/methods/chat.postMessage#truncating
MOST_CHARACTERS = 4_000


def refusal(
    channel: Json, thread: Sequence[Json] | None, rights: Rights, *, made_at: datetime, text: str
) -> str | None:
    """Why a draft of `made_at` is not posted; null where it may be.

    `thread` is the question with its replies, null where Slack has none. An answer is a reply by any person but the
    asker, whatever it says: nobody is talked over. Bots' replies are none.

    >>> from datetime import UTC, date
    >>> rights = Rights(granted_by="Ada", granted_on=date(2026, 1, 1), statement="", uses=("drafts",))
    >>> question = {"ts": "1.0", "user": "U1", "text": "Why?"}
    >>> said = [question, {"ts": "2.0", "user": "U2", "text": "Hm."}]
    >>> refusal({"id": "C1"}, said, rights, made_at=datetime(2026, 1, 1, tzinfo=UTC), text="So.")
    'answered meanwhile'
    """
    if not thread or thread[0].get("subtype") == "tombstone":
        return "question deleted"
    root, replies = thread[0], thread[1:]
    asker = root.get("user")
    others = [one for one in replies if _is_person(one) and one.get("user") != asker]
    found = {
        "channel archived": channel.get("is_archived") is True,
        "asker opted out": asker in rights.opt_out_users,
        "question is no thread's root": root.get("thread_ts") not in (None, root.get("ts")),
        "question edited": _edited_at(root) > made_at.timestamp(),
        "thread locked": root.get("is_locked") is True,
        "answered meanwhile": bool(others),
        "draft empty or too long": not 0 < len(text) <= MOST_CHARACTERS,
    }
    return rights.refusal(channel) or next((reason for reason, holds in found.items() if holds), None)


def _is_person(message: Json) -> bool:
    """Whether a person said it; what was deleted in between is nobody's."""
    is_told = message.get("subtype") not in (None, "thread_broadcast", "file_share", "me_message")
    return bool(message.get("user")) and not message.get("bot_id") and not is_told


def _edited_at(message: Json) -> float:
    edited = message.get("edited")
    return float(edited.get("ts", 0)) if isinstance(edited, Mapping) else 0.0


def decision(reactions: Sequence[Json], reviewers: frozenset[str], *, approve: str, reject: str) -> tuple[str, str]:
    """`approved`, `rejected` or nothing, and the reviewer who said so; one who rejects outweighs the others.

    >>> decision([{"name": "white_check_mark", "users": ["U9", "U1"]}], frozenset({"U1"}),
    ...          approve="white_check_mark", reject="x")
    ('approved', 'U1')
    """
    for name, outcome in ((reject, "rejected"), (approve, "approved")):
        for one in reactions:
            people = sorted(reviewers & set(one.get("users") or ()))
            if one.get("name") == name and people:
                return outcome, people[0]
    return "", ""


def escaped(text: str) -> str:
    """`text` as Slack shows it: a model that writes `<!channel>` calls nobody.

    >>> escaped("a < b & <!here>")
    'a &lt; b &amp; &lt;!here&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def inert(text: str) -> str:
    """`text` of a Slack message so that quoting it calls nobody: mentions of people and channels stay as words.

    >>> inert("<!here> ask <@U1> &amp; <#C1|help>, see <https://x.org|x>")
    '@here ask @U1 &amp; #help, see <https://x.org|x>'
    """
    plain = re.sub(r"<!(?:subteam\^|date\^)?([\w-]+)[^>]*>", r"@\1", text)
    plain = re.sub(r"<@([A-Z0-9]+)[^>]*>", r"@\1", plain)
    return re.sub(r"<#([A-Z0-9]+)\|?([^>]*)>", lambda found: f"#{found[2] or found[1]}", plain)
