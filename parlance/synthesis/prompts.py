"""What the model is asked, word for word; their version goes with every row.

Self-instruct shows tasks and asks for one more (Wang et al. 2023, https://arxiv.org/abs/2212.10560, section 2.2; all
tasks shown here are real, so that nothing drifts). Evol-instruct rewrites one (Xu et al. 2023, WizardLM,
https://arxiv.org/abs/2304.12244, section 3): deeper, more concrete, with constraints, or another one beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from parlance.versions import version

Chat = list[Mapping[str, str]]

_NEW: Final = """\
These are requests that people made to each other at work, in no order.

{shown}

Make up one further request that could stand among them. Let it be about something that none of them is about, \
as long and as hard as they are, in the language of most of them, and complete: whoever reads it alone can answer it. \
Reply with the wording of that request and with nothing before or after it."""

_EVOLVE: Final = """\
Between the lines of dashes stands a request that somebody made at work.

-----
{shown}
-----

{operation} Keep its language. A person must still understand it and be able to answer it in a few paragraphs. \
Reply with the wording of the resulting request and with nothing before or after it."""

OPERATIONS: Final = {
    "deepen": "Turn it into one that goes deeper and wider into the same matter.",
    "concretise": "Turn it into one in which general notions are replaced by particular ones, with names and numbers.",
    "constrain": "Turn it into one that has to meet one condition more, woven into the text in ten to twenty words.",
    "broaden": "Make up another one from the same field, about something rarer, that is as long and as hard.",
}

_ANSWER: Final = """\
You answer requests of colleagues: to the point, correctly, in the language of the request. Say what you assume where \
something is left open. Give the answer alone."""

VERSION: Final = version(_NEW, _EVOLVE, OPERATIONS, _ANSWER)
# For the comparison of answers with what was asked of the model.
INSTRUCTIONS: Final = (_NEW, _EVOLVE, *OPERATIONS.values(), _ANSWER)


def new_request(shown: Sequence[str]) -> Chat:
    """Asks for one more request beside those shown."""
    listed = "\n\n".join(f"Request {number}:\n{text}" for number, text in enumerate(shown, start=1))
    return [{"role": "user", "content": _NEW.format(shown=listed)}]


def evolved_request(shown: str, operation: str) -> Chat:
    """Asks for a rewriting of one request; `operation` is one of OPERATIONS."""
    return [{"role": "user", "content": _EVOLVE.format(shown=shown, operation=OPERATIONS[operation])}]


def answer(request: str) -> Chat:
    """Asks for the answer to a request."""
    return [{"role": "system", "content": _ANSWER}, {"role": "user", "content": request}]
