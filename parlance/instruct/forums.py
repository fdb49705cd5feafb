"""Forum pages as threads: posts by the lines that name their authors, or a question with its first reply.

Two layouts are known of what extraction leaves of a forum. In one each post stands below a line with its author's name.
In the other names are gone, and the title of the page stands below the question: then nobody knows where a reply ends
and whose the next one is, and only the first paragraph of the first reply is taken.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from parlance.instruct.pages import Line
from parlance.instruct.threads import Thread, Turn

LEAST_POSTS: Final = 3
_HANDLE: Final = re.compile(r"@?[^\W\d_][\w.\-]{2,29}(?<![.\-])")
_TITLE_WITHIN: Final = 8  # lines
_ASKER, _REPLY = "asker", "reply"


def forum(document: dict[str, Any], found: Sequence[Line]) -> Thread | None:
    """The thread of a forum page by its lines; null where it is none.

    Its turns have no messages of their own: their ids are empty.
    """
    posts = _named(document["text"], found)
    if posts is not None:
        turns = [_turn(author, lines) for author, lines in posts]
        title = (document["title"] or "").strip()
        if title and title not in turns[0].text:
            opening = turns[0]
            turns[0] = Turn("", opening.author, False, f"{title}\n\n{opening.text}", opening.acts)
        return _thread(document, turns, is_request=True)
    split = _around_title(document["title"], found)
    if split is None:
        return None
    asking, reply = split
    return _thread(document, [_turn(_ASKER, asking), _turn(_REPLY, reply)], is_request=False)


def _named(text: str, found: Sequence[Line]) -> list[tuple[str, list[Line]]] | None:
    """Posts by author. A line is an author's where it is one word before a blank line, and one of them comes back."""
    handles = [place for place, line in enumerate(found) if _is_handle(text, line)]
    counts = Counter(found[place].text for place in handles)
    if len(handles) < LEAST_POSTS or len(counts) < 2 or max(counts.values()) < 2:
        return None
    posts = [
        (found[place].text, list(found[place + 1 : end]))
        for place, end in zip(handles, [*handles[1:], len(found)], strict=True)
    ]
    return [(author, lines) for author, lines in posts if lines] or None


def _is_handle(text: str, line: Line) -> bool:
    end = text.find("\n", line.start)
    return _HANDLE.fullmatch(line.text) is not None and end > 0 and text[end + 1 : end + 2] == "\n"


def _around_title(title: str | None, found: Sequence[Line]) -> tuple[Sequence[Line], Sequence[Line]] | None:
    """The lines before the title of the page, and the first line after it; null where it stands first or nowhere."""
    wanted = (title or "").strip()
    place = next((place for place, line in enumerate(found[:_TITLE_WITHIN]) if line.text == wanted), 0)
    if not wanted or place == 0 or place + 1 >= len(found):
        return None
    return found[:place], found[place + 1 : place + 2]


def _turn(author: str, lines: Sequence[Line]) -> Turn:
    acts = [act for line in lines for act in line.acts]
    return Turn("", author, False, "\n".join(line.written for line in lines).strip(), acts)


def _thread(document: dict[str, Any], turns: Sequence[Turn], *, is_request: bool) -> Thread:
    return Thread(document["id"], document["channel"], turns, document, is_request=is_request)
