"""What is counted of a thread's turns and of lines that a machine wrote. A part of rules, not a rule."""

import polars as pl

# `words` is 1 where the text has any.
COUNTED = ("words", "turns", "bot_turns", "event_turns", "brief_turns", "lines", "log_lines", "table_lines")

# By which chat programs tell that somebody came, went or changed the channel, where only the text says so.
_EVENT = (
    r"^(?:[^\s,]{2,}(?: \p{Lu}[^\s,]*){0,2} )?(?i:(?:has |have |was )?(?:"
    r"(?:joined|left|quit|been added to|been removed from|added to|removed from|archived|unarchived|renamed) "
    r"(?:the |this )?(?:#[^\s.,:!]+|channel|group|conversation|server|room)"
    r"|(?:set|changed|cleared) the (?:channel|group)(?:'s)? (?:topic|purpose|description|name)"
    r"|(?:pinned|unpinned) a message|added an? (?:integration|app|bot) to this channel"
    r"))(?:[.:!][^\n]{0,200}| to this channel.?| (?:by|from|along with|to) [@<#\p{Lu}][^\n]{0,80})?$"
)
_PERSON = r"^(?i:I|we|you|he|she|they|who|nobody|everyone|everybody)\b"
# `:shortcodes:`, mentions and links say nothing by themselves.
_ASIDE = r":[a-zA-Z0-9_+'-]+:|<[@#!][^>\s]*>|(?:^|\s)@\w[\w.-]*|https?://\S+"
_TWO_WORDS = r"[\p{L}\p{N}]\S*\s[^\p{L}\p{N}]*[\p{L}\p{N}]"
BRIEF = 1_000  # characters in which a second word must stand
_STAMP = r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ,_]|[0-9]{2}:[0-9]{2}:[0-9]{2}[.,\] ]"
_LOG = (
    r"(?m)^[ \t]*(?:"
    rf"[\[(<]?(?:{_STAMP}|[A-Z][a-z][a-z] [ 0-9][0-9] [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}} )"
    r"|[\[(<]?(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE)[\])>]?(?::| +[\[(<0-9-]| +[A-Za-z_.$]+[.:])"
    r"|at [A-Za-z0-9_.$<>/]+\(|\.\.\. [0-9]+ (?:more|common frames)|(?:Caused by|Suppressed): "
    r"|Traceback \(most recent call last\)|File \"[^\"\n]*\", line [0-9]"
    r"|(?:[a-z][a-z0-9_]*\.)*[A-Z][A-Za-z]*(?:Error|Exception)(?::|$)"
    r"|goroutine [0-9]+ \[|#[0-9]+ +(?:0x[0-9a-f]+|[A-Za-z0-9_/.\\]+ ?\()|\[ *[0-9]+\.[0-9]{3,}\] "
    r")"
)
_TABLE = r"(?m)^[ \t]*(?:\|[^\n]*\||[^\n|]*\|[^\n|]*\|[^\n]*|[^\n\t]*\t[^\n\t]*\t[^\n]*|[+|][-+=|: ]{3,})[ \t\r]*$"
_COUNTS = pl.Struct(dict.fromkeys(COUNTED, pl.Int64))


def measure(texts: pl.Series, turns: pl.Series | None = None) -> pl.Series:
    """A struct of `COUNTED` for each text; `turns` as in `parlance.schemas.DOCUMENTS`.

    A text without turns is one turn, of a person.
    """
    frame = pl.DataFrame({"text": texts.cast(pl.String).fill_null("")}).with_row_index("row")
    text = pl.col("text")
    of_text = frame.select(
        "row",
        words=text.str.contains(r"\S"),
        lines=text.str.count_matches(r"\S[^\n]*"),
        log_lines=_from_three(text.str.count_matches(_LOG)),
        table_lines=_from_three(text.str.count_matches(_TABLE)),
    )
    counted = of_text.join(_of_turns(frame, turns), on="row", how="left", maintain_order="left")
    return counted.select(COUNTED).to_struct(texts.name).cast(_COUNTS)


def _of_turns(frame: pl.DataFrame, turns: pl.Series | None) -> pl.DataFrame:
    text = pl.col("text")
    if turns is None or turns.dtype == pl.Null:
        said = frame.with_columns(is_bot=pl.lit(False))
    else:
        turn = pl.col("turns").struct
        start = turn.field("start").fill_null(0)
        said = (
            frame.with_columns(turns=turns)
            .with_columns(pl.when(pl.col("turns").list.len() > 0).then("turns"))
            .explode("turns")
            .with_columns(
                is_bot=turn.field("is_bot").fill_null(False),
                text=text.str.slice(start, (turn.field("end") - start).fill_null(text.str.len_chars())),
            )
        )
    plain = text.str.slice(0, BRIEF).str.replace_all(_ASIDE, " ")
    stripped = text.str.strip_chars()
    return said.group_by("row", maintain_order=True).agg(
        turns=pl.len(),
        bot_turns=pl.col("is_bot").sum(),
        event_turns=(stripped.str.contains(_EVENT) & ~stripped.str.contains(_PERSON)).sum(),
        brief_turns=(~plain.str.contains(_TWO_WORDS)).sum(),
    )


def _from_three(lines: pl.Expr) -> pl.Expr:
    """A line or two may be a question about an error, or a sentence with bars in it."""
    return pl.when(lines >= 3).then(lines).otherwise(0)


def share(counts: pl.Expr, part: str, whole: str) -> pl.Expr:
    """One count by another; null for a text without a word."""
    return pl.when(counts.struct.field("words") > 0).then(counts.struct.field(part) / counts.struct.field(whole))
