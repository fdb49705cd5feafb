"""Named sets of bounds: what a lane's documents must measure to be kept. Data only; loads no library."""

import math
from dataclasses import dataclass

from parlance.errors import ConfigError


@dataclass(frozen=True)
class Bound:
    """The values of `rule` that are acceptable, ends included.

    `rule` is a rule's name or one of the columns `characters`, `words`, `language_score`, `blocked_host`,
    `blocked_words`, `contamination` and `quality`; None leaves that side open.
    With `languages` (codes such as `en`) the bound holds for documents in one of them only.
    """

    rule: str
    at_least: float | None = None
    at_most: float | None = None
    languages: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        given = [side for side in (self.at_least, self.at_most) if side is not None]
        if not given or any(math.isnan(side) for side in given) or given != sorted(given):
            raise ConfigError(
                f"bound on {self.rule!r} has at_least={self.at_least} and at_most={self.at_most}; "
                "give one or both as numbers, at_least no greater than at_most"
            )


_GOPHER = (
    Bound("gopher_words", 50, 100_000),
    Bound("gopher_mean_word_length", 3, 10),
    Bound("gopher_symbol_to_word_ratio", at_most=0.1),
    Bound("gopher_bullet_line_share", at_most=0.9),
    Bound("gopher_ellipsis_line_share", at_most=0.3),
    Bound("gopher_alphabetic_word_share", 0.8),
    Bound("gopher_stop_words", 2, languages=("en",)),
    Bound("gopher_duplicate_line_share", at_most=0.3),
    Bound("gopher_duplicate_line_character_share", at_most=0.2),
    Bound("gopher_duplicate_paragraph_share", at_most=0.3),
    Bound("gopher_duplicate_paragraph_character_share", at_most=0.2),
    Bound("gopher_top_2gram_share", at_most=0.2),
    Bound("gopher_top_3gram_share", at_most=0.18),
    Bound("gopher_top_4gram_share", at_most=0.16),
    Bound("gopher_duplicate_5gram_share", at_most=0.15),
    Bound("gopher_duplicate_6gram_share", at_most=0.14),
    Bound("gopher_duplicate_7gram_share", at_most=0.13),
    Bound("gopher_duplicate_8gram_share", at_most=0.12),
    Bound("gopher_duplicate_9gram_share", at_most=0.11),
    Bound("gopher_duplicate_10gram_share", at_most=0.1),
)

_C4 = (
    Bound("c4_sentences", 3),
    Bound("c4_curly_brackets", at_most=0),
    Bound("c4_lorem_ipsum", at_most=0),
)

# FineWeb's own rules (Penedo et al. 2024, section 3.6), and the language score that it asks for (3.3).
_FINEWEB = (
    Bound("fineweb_punctuated_line_share", 0.12),
    Bound("gopher_duplicate_line_character_share", at_most=0.1),
    Bound("fineweb_short_line_share", at_most=0.67),
)
_LANGUAGE = Bound("language_score", 0.65)

# What the user names in PARLANCE_REFERENCES goes first, so that it is the reason that is read. FineWeb blocks hosts
# by the list of UT1 (3.3); C4 drops a page for one listed word (Raffel et al. 2020, section 2.2), which costs pages on
# health and on minorities (Dodge et al. 2021, section 5) if the list is a general one.
_HOSTS = Bound("blocked_host", at_most=0)
_WORDS = Bound("blocked_words", at_most=0)
# More than half of an evaluation item in the document: the share of Lambert et al. (2024, section 3.2).
_HELD_OUT = Bound("contamination", at_most=0.5)

# The verdicts of datatrove's filters with their defaults, one after another; `c4_any_end` is C4's as FineWeb sets it.
DATATROVE = {
    "gopher_quality": (
        Bound("datatrove_words", 50, 100_000),
        Bound("datatrove_mean_word_length", 3, 10),
        Bound("datatrove_hash_to_word_ratio", at_most=0.1),
        Bound("datatrove_ellipsis_to_word_ratio", at_most=0.1),
        Bound("datatrove_bullet_line_share", at_most=0.9),
        Bound("datatrove_ellipsis_line_share", at_most=0.3),
        Bound("datatrove_alphabetic_word_share", 0.8),
        Bound("datatrove_stop_words", 2),
    ),
    "gopher_repetition": (
        Bound("datatrove_duplicate_paragraph_share", at_most=0.3),
        Bound("datatrove_duplicate_paragraph_character_share", at_most=0.2),
        Bound("datatrove_duplicate_line_share", at_most=0.3),
        Bound("datatrove_duplicate_line_character_share", at_most=0.2),
        Bound("datatrove_top_2gram_ratio", at_most=0.2),
        Bound("datatrove_top_3gram_ratio", at_most=0.18),
        Bound("datatrove_top_4gram_ratio", at_most=0.16),
        Bound("datatrove_duplicate_5gram_share", at_most=0.15),
        Bound("datatrove_duplicate_6gram_share", at_most=0.14),
        Bound("datatrove_duplicate_7gram_share", at_most=0.13),
        Bound("datatrove_duplicate_8gram_share", at_most=0.12),
        Bound("datatrove_duplicate_9gram_share", at_most=0.11),
        Bound("datatrove_duplicate_10gram_share", at_most=0.1),
    ),
    "c4": (
        Bound("datatrove_c4_lorem_ipsum", at_most=0),
        Bound("datatrove_c4_curly_brackets", at_most=0),
        Bound("datatrove_c4_sentences", 5),
    ),
    "c4_any_end": (
        Bound("datatrove_c4_any_end_lorem_ipsum", at_most=0),
        Bound("datatrove_c4_any_end_curly_brackets", at_most=0),
        Bound("datatrove_c4_any_end_sentences", 5),
    ),
    "fineweb": (
        Bound("datatrove_fineweb_punctuated_line_share", 0.12),
        Bound("datatrove_fineweb_short_line_share", at_most=0.67),
        Bound("datatrove_fineweb_duplicate_line_character_share", at_most=0.01),
        Bound("datatrove_fineweb_newline_to_word_ratio", at_most=0.3),
    ),
}

RECIPES: dict[str, tuple[Bound, ...]] = {
    "c4": (_WORDS, *_C4),
    "datatrove": tuple(bound for name in DATATROVE if name != "c4_any_end" for bound in DATATROVE[name]),
    "gopher": _GOPHER,
    "fineweb": (_HOSTS, _WORDS, _HELD_OUT, _LANGUAGE, *_GOPHER, *_C4, *_FINEWEB),
    "web": (_HOSTS, _WORDS, _HELD_OUT, _LANGUAGE, *_GOPHER, *_C4),
    # Not for a classifier that learned from little: compare it with `web` first.
    "classified": (_HOSTS, _WORDS, _HELD_OUT, Bound("quality", 0.5), _LANGUAGE, *_GOPHER, *_C4),
    "slack": (
        _WORDS,
        _HELD_OUT,
        Bound("conversation_words", 3),
        Bound("conversation_code_share", at_most=0.9),
        Bound("conversation_letters_share", 0.3),
        Bound("conversation_bot_turn_share", at_most=0.8),
        Bound("conversation_event_turn_share", at_most=0.5),
        Bound("conversation_brief_turn_share", at_most=0.8),
        Bound("conversation_log_line_share", at_most=0.8),
        Bound("conversation_table_line_share", at_most=0.8),
    ),
}


def recipe(name: str) -> tuple[Bound, ...]:
    """The bounds of the recipe of that name; ConfigError lists the known ones."""
    if name not in RECIPES:
        raise ConfigError(f"unknown recipe {name!r}; known recipes: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]
