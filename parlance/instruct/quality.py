"""How good an example looks, from 0 to 1, and what lowers it.

An example begins at 1. Each deduction is a fixed number, in `DEDUCTIONS`, with a condition on the text or on what is
known of the document; their names are the reasons. The numbers are a judgement, not a fit: what makes an example
useless (an answer that is a link or an echo of its question, a menu, an advertisement that shouts) takes three
quarters, what makes it doubtful a tenth or two.
"""

from typing import Final

import polars as pl

VERSION: Final = 1
DEDUCTIONS: Final = {
    "link_only": 0.75,  # of the answer fewer than three words are no link
    "echo": 0.75,  # nine tenths of the answer's words stand in what was asked
    "no_sentences": 0.75,  # of a page: four in five of its lines end like those of a menu
    "shouting": 0.75,  # an exclamation mark for every twelve words, or half of the letters large
    "very_short": 0.5,  # fewer than five words
    "other_language": 0.3,  # the answer's is not the question's
    "leans_on_context": 0.2,  # the question goes on from something that is not there
    "question_edited": 0.2,  # after the answer
    "short": 0.15,  # fewer than twelve words
    "not_confirmed": 0.15,  # the asker neither thanked nor approved; others' approval makes it half
    "asks_uncovered": 0.1,  # more utterances ask than answer
    "unsure_labels": 0.1,  # the classifier abstained more often than not; of threads
    "many_helpers": 0.1,  # more than two people are the assistant
    "message_deleted": 0.1,  # of the thread
    "masked": 0.1,  # the answer holds what stands for personal data
    "long": 0.1,  # more than 400 words
    "made_instruction": 0.05,  # the instruction is a template around the heading
}
_VERY_SHORT, _SHORT, _LONG, _LINK_WORDS = 5, 12, 400, 3
_ECHO, _SENTENCES, _SHOUTED, _LARGE = 0.9, 0.2, 1 / 12, 0.5
_LEAST_LANGUAGE_WORDS, _LEAST_LANGUAGE_SCORE = 6, 0.6
_MOST_HELPERS = 2
_LINK: Final = r"<(?:https?://|mailto:)[^>]*>|https?://\S+|www\.\S+"
_MASK: Final = r"<(?:EMAIL|PHONE|IP|CARD|IBAN|SECRET|[A-Z][A-Z_]{2,})>"
_WORD: Final = r"[\p{L}\p{N}]+"
# Scripts without spaces between words: there each character counts as a word.
_UNSPACED: Final = r"[\u{3040}-\u{30ff}\u{3400}-\u{4dbf}\u{4e00}-\u{9fff}\u{0e00}-\u{0e7f}]"


def graded(candidates: pl.DataFrame) -> pl.DataFrame:
    """`candidates` with `quality` (float32) and `quality_reasons`, names of DEDUCTIONS that lowered it, worst first."""
    measured = _measured(candidates)
    applies = {name: condition.fill_null(False) for name, condition in _conditions().items()}
    lowered = measured.select(
        pl.sum_horizontal(pl.when(applies[name]).then(_weight(name)).otherwise(0.0) for name in DEDUCTIONS).alias(
            "lowered"
        ),
        pl.concat_list(pl.when(applies[name]).then(pl.lit(name)) for name in DEDUCTIONS)
        .list.drop_nulls()
        .alias("quality_reasons"),
    )
    quality = (1 - lowered["lowered"]).clip(0, 1).round(3).cast(pl.Float32)
    return candidates.with_columns(quality.alias("quality"), lowered["quality_reasons"])


def _weight(name: str) -> pl.Expr:
    weight = pl.lit(DEDUCTIONS[name])
    return weight / pl.when(pl.col("approvals") > 0).then(2).otherwise(1) if name == "not_confirmed" else weight


def _conditions() -> dict[str, pl.Expr]:
    """When each deduction applies, over the columns of `_measured`."""
    asked, answered = pl.col("asks").list.len(), pl.col("answers").list.len()
    of_page = pl.col("kind").is_in(["passage", "faq"])
    return {
        "link_only": (pl.col("linked") > 0) & (pl.col("unlinked_words") < _LINK_WORDS),
        "echo": pl.col("echoed") >= _ECHO,
        "very_short": pl.col("words") < _VERY_SHORT,
        "no_sentences": of_page & (pl.col("sentences") < _SENTENCES),
        "shouting": (pl.col("exclamations") > _SHOUTED * pl.col("words")) & (pl.col("exclamations") > 2)
        | (pl.col("large") > _LARGE) & (pl.col("words") >= _SHORT),
        "other_language": pl.col("other_language"),
        "leans_on_context": pl.col("leans"),
        "question_edited": pl.col("edited"),
        "short": pl.col("words").is_between(_VERY_SHORT, _SHORT - 1),
        "not_confirmed": ~pl.col("confirmed"),
        "asks_uncovered": (pl.col("kind") != "person") & (asked > answered),
        "unsure_labels": ~of_page & (pl.col("unsure") > asked + answered),
        "many_helpers": pl.col("helpers") > _MOST_HELPERS,
        "message_deleted": pl.col("holes") > 0,
        "masked": pl.col("output").str.contains(_MASK),
        "long": pl.col("words") > _LONG,
        "made_instruction": pl.col("made"),
    }


def _measured(candidates: pl.DataFrame) -> pl.DataFrame:
    answer = pl.col("output")
    unlinked = answer.str.replace_all(_LINK, " ")
    letters = answer.str.count_matches(r"\p{L}")
    lines = answer.str.split("\n")
    words = {
        name: pl.col(name).str.to_lowercase().str.extract_all(_WORD).list.unique().alias(f"{name}_words")
        for name in ("instruction", "output")
    }
    measured = candidates.with_columns(
        *words.values(),
        words=_words(answer),
        linked=answer.str.count_matches(_LINK),
        unlinked_words=_words(unlinked),
        exclamations=answer.str.count_matches("[!！]"),
        large=answer.str.count_matches(r"\p{Lu}") / letters.clip(lower_bound=1),
        sentences=lines.list.eval(pl.element().str.contains(r"[.!?:;…。！？)\"”»]\s*$")).list.mean(),
    )
    shared = pl.col("output_words").list.set_intersection("instruction_words").list.len()
    return measured.with_columns(
        echoed=shared / pl.col("output_words").list.len().clip(lower_bound=1),
        other_language=_other_language(candidates),
    )


def _words(text: pl.Expr) -> pl.Expr:
    return text.str.count_matches(r"\S+") + text.str.count_matches(_UNSPACED)


def _other_language(candidates: pl.DataFrame) -> pl.Series:
    """Whether question and answer are surely in two languages; of short ones nobody can tell."""
    from parlance import languages

    long_enough = [_words(pl.col(name)) >= _LEAST_LANGUAGE_WORDS for name in ("instruction", "output")]
    told = [languages.identify(candidates[name]) for name in ("instruction", "output")]
    differs = (told[0]["language"] != told[1]["language"]).fill_null(False)
    sure = [(one["score"] >= _LEAST_LANGUAGE_SCORE).fill_null(False) for one in told]
    enough = candidates.select(pl.all_horizontal(long_enough).alias("enough"))["enough"]
    return (differs & sure[0] & sure[1] & enough).alias("other_language")
