"""What labelling functions look at: columns that are made once of every utterance and of the one before it."""

from typing import Final

import polars as pl

from parlance.errors import SchemaError

# What a caller gives. `previous` is null where the utterance is the first of its conversation.
CONTEXT: Final[dict[str, type[pl.DataType]]] = {
    "text": pl.String,
    "previous": pl.String,
    "speaker_changed": pl.Boolean,
    "position": pl.Int32,
    "is_bot": pl.Boolean,
    "medium": pl.String,
}

TEXT, POSITION, IS_BOT, MEDIUM = (pl.col(name) for name in ("text", "position", "is_bot", "medium"))
# In lower case, straight apostrophes, without code, links, mentions and emoji.
LINE = pl.col("line")
# The words of LINE with one space before, between and after them, so that " ok " is the word.
WORDS = pl.col("words")
# WORDS without what only opens a turn: "and", "well", "okay so".
CORE = pl.col("core")
COUNT = pl.col("count")
ASKS = pl.col("asks")
BEFORE = pl.col("before")
BEFORE_ASKS = pl.col("before_asks")
TURNED = pl.col("speaker_changed")
ANSWERING = TURNED & BEFORE_ASKS

_NO_PROSE: Final = (
    r"(?s)```.*?```|`[^`\n]+`|<(?:https?://|mailto:|[@#!])[^<>\n]+>|(?:https?://|\bwww\.)\S+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[@#][\w-]+(?:\.\w+)*|:[a-z0-9_+-]*[a-z][a-z0-9_+-]*:|:[+-]1:"
    r"|[\x{1f1e6}-\x{1f1ff}\x{1f300}-\x{1faff}\x{2600}-\x{27bf}\x{fe0f}\x{200d}]+"
)
_MAYBE_NO_PROSE: Final = "[`<@#:\x80-\U0010ffff]|www"
_QUESTION_END: Final = r"[?？؟⁇][?!？！\s)\]\"'”…]*$"
_OPENINGS: Final = (
    r"^ (?:(?:and|but|so|well|oh|ah|ok|okay|hey|hi|hello|yeah|yes|um|uh|now|then|just|also|actually|"
    r"first|next|finally"
    r"|alright|all right|right|anyway|guys|please|pls|und|aber|dann|et|mais|alors|y|pero|entonces|e|mas|então) )+"
)


def opens(phrases: str) -> pl.Expr:
    """Whether CORE begins with one of `phrases`, a regular expression over words."""
    return CORE.str.contains(f"^ (?:{phrases})(?: |$)")


def says(phrases: str) -> pl.Expr:
    """Whether the words have one of `phrases` among them."""
    return WORDS.str.contains(f" (?:{phrases}) ")


def is_only(phrases: str) -> pl.Expr:
    """Whether the utterance consists of `phrases` and nothing else."""
    return WORDS.str.contains(f"^ (?:(?:{phrases}) )+$")


def said_before(phrases: str) -> pl.Expr:
    """Whether somebody else has just said one of `phrases`."""
    return TURNED & BEFORE.str.contains(f" (?:{phrases}) ")


def fresh() -> pl.Expr:
    """Whether it can open a new move: in talk clauses go on with "and" and without a subject."""
    continues = WORDS.str.contains("^ (?:and|or|but|then|because|to|not) ")
    return ~continues & ((MEDIUM != "talk") | TURNED | (POSITION == 0))


def asked_to_do() -> pl.Expr:
    """Whether somebody else has just asked for a deed."""
    return TURNED & pl.col("before_requests")


def prepared(utterances: pl.DataFrame) -> pl.DataFrame:
    """The columns above for `utterances`, which have the columns of CONTEXT. Raises SchemaError where one is missing.

    >>> row = {"text": ["Well, that's it :tada:"], "previous": ["Ok?"], "speaker_changed": [True]}
    >>> frame = prepared(pl.DataFrame(row | {"position": [1], "is_bot": [False], "medium": ["chat"]}))
    >>> frame.select("line", "core", "count", "asks", "before_asks").row(0)
    ("well, that's it", " that's it ", 3, False, True)
    """
    missing = [name for name in CONTEXT if name not in utterances.columns]
    if missing:
        raise SchemaError(f"utterances lack the columns {missing}; labelling functions need {list(CONTEXT)}")
    return (
        utterances.select(pl.col(name).cast(kind) for name, kind in CONTEXT.items())
        .with_columns(
            speaker_changed=TURNED.fill_null(False),
            is_bot=IS_BOT.fill_null(False),
            line=_line(utterances["text"]),
            before_line=_line(utterances["previous"]),
        )
        .with_columns(
            words=_words(LINE),
            before=_words(pl.col("before_line")),
            asks=LINE.str.contains(_QUESTION_END),
            before_asks=pl.col("before_line").str.contains(_QUESTION_END),
        )
        .with_columns(
            core=WORDS.str.replace(_OPENINGS, " "),
            count=WORDS.str.count_matches(" ", literal=True).cast(pl.Int32) - 1,
            before_requests=BEFORE.str.contains(_REQUESTS),
        )
    )


_REQUESTS: Final = (
    r"^ (?:\w+ ){0,2}(?:can|could|would|will) (?:you|u|someone|somebody|anyone|we) | (?:please|pls|"
    r"plz) | would you mind "
    r"|^ (?:\w+ )?(?:let's|send|give|bring|take|make|check|fix|call|show|help|put|go|come|open|close|"
    r"write|remember to|"
    r"make sure|don't forget|add|update|move|remove|review|run|keep|ask|join) | i need you to |"
    r" you (?:should|need to|have to) "
    r"| (?:bitte|kannst du|könnten sie|könntest du|peux tu|pouvez vous|puedes|podrías|você pode|pode me) "
)


def _line(texts: pl.Series) -> pl.Series:
    """The prose of each text; most have nothing else, so the long pattern runs only where it could match."""
    lower = texts.fill_null("").cast(pl.String).str.to_lowercase()
    other = lower.str.contains(_MAYBE_NO_PROSE)
    prose = lower.filter(other).str.replace_all(_NO_PROSE, " ").str.replace_all("[’‘ʼ]", "'")
    return lower.scatter(other.arg_true(), prose).str.strip_chars() if prose.len() else lower.str.strip_chars()


def _words(line: pl.Expr) -> pl.Expr:
    words = line.str.replace_all(r"[^\p{L}\p{M}\p{N}']+", " ").str.strip_chars()
    return pl.when(words == "").then(pl.lit(" ")).otherwise(pl.format(" {} ", words))
