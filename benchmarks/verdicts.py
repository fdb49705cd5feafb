"""Our verdict beside datatrove's, document by document and filter by filter: python -m benchmarks.verdicts [documents]

`python -m benchmarks.peers` installs datatrove first. Two definitions of ours stand beside it: `datatrove`, the rules
that count as its code does, which must agree on every text that has a word, and `papers`, the rules of C4, Gopher and
FineWeb, whose differences are grouped by what decided and explained. A group that no explanation covers is UNEXPLAINED.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks import edges, labelled_pages, peers, planted
from parlance.filters import decide, registry
from parlance.filters.recipes import DATATROVE, RECIPES, Bound

SCRIPT = Path(__file__).parent / "peers" / "datatrove_verdicts.py"
QUALITY, REPETITION = ("words", "mean", "symbol", "bullet", "ellipsis", "alphabetic", "stop"), ("duplicate", "top")
PAPERS = {
    "gopher_quality": tuple(b for b in RECIPES["gopher"] if b.rule.removeprefix("gopher_").startswith(QUALITY)),
    "gopher_repetition": tuple(b for b in RECIPES["gopher"] if b.rule.removeprefix("gopher_").startswith(REPETITION)),
    "c4": RECIPES["c4"],
    "c4_any_end": RECIPES["c4"],
    "fineweb": tuple(b for b in RECIPES["fineweb"] if b not in (*RECIPES["gopher"], *RECIPES["c4"]))[1:],
}

BLANK = "a text without a word is undefined and dropped; datatrove keeps it where nothing repeats, or divides by zero"
SYMBOL_WORDS = "datatrove leaves out words of nothing but punctuation when it counts and measures words"
LINE_CUTS = "datatrove counts blank lines and cuts at every line break that Python knows, the papers' rules at newlines"
BULLETS = f"{LINE_CUTS}; its bullets are • and -, ours ten signs and *"
LETTERS = "Alphabetic holds combining vowel signs and letter-like numbers, which Python's isalpha does not"
STOPS = "datatrove asks for a word that is just the stop word, in small letters: not `The` nor `of,`"
PARTS = (
    "datatrove strips no line, counts what precedes a first or follows a last newline, and cuts at two newlines alone"
)
OF_ALL = f"{PARTS}; its shares are of all characters of the text, ours of the lines' or paragraphs' own"
TOPS = "datatrove counts overlaps twice, takes an n-gram that occurs once, and of equals the first, ours the longest"
GRAMS = (
    "datatrove does not count what stands between words, nor begins an n-gram within one it has counted; of all text"
)
REMOVED = "C4's code and datatrove remove lines first and judge what is left; the paper speaks of the page"
FEWER = f"{REMOVED}; datatrove asks for 5 sentences, the rule for 3, and counts what no mark ends"
PAPER_MARKS = (
    "datatrove takes full stops of any script on an unstripped line; ours also quotation marks, colons, brackets"
)
PAPER_SHORT = "datatrove's short lines have up to 30 characters, unstripped; the paper's fewer than 30"
PAPER_SHARE = "datatrove asks for at most 0.01, the paper for 0.1"
NOT_IN_PAPER = "the paper has no rule on newlines per word"
SPACES = "Python also takes U+001C to U+001F for white space"

# What explains a difference: our rule (or, where we keep the text, datatrove's reason).
KNOWN = {
    "gopher_words": f"{SYMBOL_WORDS}; {SPACES}",
    "gopher_short_doc": f"{SYMBOL_WORDS}; {SPACES}",
    "gopher_long_doc": f"{SYMBOL_WORDS}; {SPACES}",
    "gopher_mean_word_length": SYMBOL_WORDS,
    "gopher_below_avg_threshold": SYMBOL_WORDS,
    "gopher_above_avg_threshold": SYMBOL_WORDS,
    "gopher_symbol_to_word_ratio": SPACES,
    "gopher_too_many_hashes": SPACES,
    "gopher_too_many_ellipsis": SPACES,
    "gopher_bullet_line_share": BULLETS,
    "gopher_too_many_bullets": BULLETS,
    "gopher_ellipsis_line_share": LINE_CUTS,
    "gopher_too_many_end_ellipsis": LINE_CUTS,
    "gopher_alphabetic_word_share": LETTERS,
    "gopher_below_alpha_threshold": LETTERS,
    "gopher_stop_words": STOPS,
    "gopher_enough_stop_words": STOPS,
    "gopher_duplicate_line_share": PARTS,
    "dup_line_frac": PARTS,
    "gopher_duplicate_line_character_share": OF_ALL,
    "dup_line_char_frac": OF_ALL,
    "gopher_duplicate_paragraph_share": PARTS,
    "dup_para_frac": PARTS,
    "gopher_duplicate_paragraph_character_share": OF_ALL,
    "dup_para_char_frac": OF_ALL,
    **{f"gopher_top_{n}gram_share": TOPS for n in (2, 3, 4)},
    **{f"top_{n}_gram": TOPS for n in (2, 3, 4)},
    **{f"gopher_duplicate_{n}gram_share": GRAMS for n in range(5, 11)},
    **{f"duplicated_{n}_n_grams": GRAMS for n in range(5, 11)},
    "c4_sentences": FEWER,
    "too_few_sentences": FEWER,
    "c4_curly_brackets": REMOVED,
    "c4_lorem_ipsum": REMOVED,
    "lorem_ipsum": "lorem ipsum once its citations are removed: `lorem[1] ipsum`",
    "fineweb_punctuated_line_share": PAPER_MARKS,
    "line_punct_ratio": PAPER_MARKS,
    "fineweb_short_line_share": PAPER_SHORT,
    "short_line_ratio": PAPER_SHORT,
    "char_dup_ratio": PAPER_SHARE,
    "list_ratio": NOT_IN_PAPER,
}


# What datatrove calls each of its bounds; two of its C4 filter's are said by whichever line comes first.
CALLED = {
    **dict(zip((bound.rule for bound in DATATROVE["gopher_quality"]), (
        "gopher_short_doc gopher_long_doc", "gopher_below_avg_threshold gopher_above_avg_threshold",
        "gopher_too_many_hashes", "gopher_too_many_ellipsis", "gopher_too_many_bullets", "gopher_too_many_end_ellipsis",
        "gopher_below_alpha_threshold", "gopher_enough_stop_words",
    ), strict=True)),
    **dict(zip((bound.rule for bound in DATATROVE["gopher_repetition"]), (
        "dup_para_frac", "dup_para_char_frac", "dup_line_frac", "dup_line_char_frac",
        *(f"top_{n}_gram" for n in (2, 3, 4)), *(f"duplicated_{n}_n_grams" for n in range(5, 11)),
    ), strict=True)),
    **{
        bound.rule: "lorem_ipsum curly_bracket" if bound.at_most == 0 else "too_few_sentences"
        for name in ("c4", "c4_any_end") for bound in DATATROVE[name]
    },
    **dict(zip((bound.rule for bound in DATATROVE["fineweb"]), (
        "line_punct_ratio", "short_line_ratio", "char_dup_ratio", "list_ratio",
    ), strict=True)),
}  # fmt: skip


def corpora(documents: int) -> dict[str, list[str]]:
    """The texts of each kind; without the labelled pages, and saying so, where these are not there."""
    found = {
        "planted": planted.texts(documents).to_pylist(),
        "near bounds": edges.texts(2 * documents),
    }
    if not labelled_pages.WEB.exists():
        print(f"no labelled pages at {labelled_pages.WEB}: left out", file=sys.stderr)
        return found
    pages = [page for name in labelled_pages.SETS for page in labelled_pages.pages(name)]
    return found | {
        "labelled pages": [page.text for page in pages if page.text],
        "pages without tags": [re.sub(r"<[^>]*>", " ", page.html) for page in pages],
    }


def theirs(texts: Sequence[str]) -> pl.DataFrame:
    """A column of reasons for each filter of datatrove."""
    python = peers.python("datatrove")
    if python is None:
        raise SystemExit("datatrove is not installed: python -m benchmarks.peers")
    with tempfile.TemporaryDirectory() as folder:
        corpus, verdicts = Path(folder) / "corpus.parquet", Path(folder) / "verdicts.parquet"
        pl.DataFrame({"text": texts}, schema={"text": pl.String}).write_parquet(corpus)
        subprocess.run([str(python), str(SCRIPT), str(corpus), str(verdicts)], check=True)
        return pl.read_parquet(verdicts, memory_map=False)


def signals(texts: Sequence[str]) -> pl.DataFrame:
    """All scores of the rules that are compared."""
    names = sorted({bound.rule for bounds in (*DATATROVE.values(), *PAPERS.values()) for bound in bounds})
    scores = registry.scores(pl.Series(texts, dtype=pl.String), names)
    return scores.with_columns(id=pl.int_range(pl.len()).cast(pl.String), language=pl.lit("en"))


def compared(corpus: str, texts: Sequence[str]) -> pl.DataFrame:
    """A row for each document, filter and definition: `ours` and `theirs`, null where kept."""
    measured, other = signals(texts), theirs(texts)
    parts = [
        pl.DataFrame({"ours": _ours(measured, bounds[name]), "theirs": other[name], "text": texts}).with_columns(
            corpus=pl.lit(corpus), filter=pl.lit(name), definition=pl.lit(definition)
        )
        for definition, bounds in (("datatrove", DATATROVE), ("papers", PAPERS))
        for name in DATATROVE
    ]
    return pl.concat(parts)


def _ours(measured: pl.DataFrame, bounds: Sequence[Bound]) -> pl.Series:
    decided = decide(measured, bounds)
    undefined = pl.col("rule").is_not_null() & pl.col("value").is_null()
    return decided.select(pl.when(undefined).then(pl.lit("undefined")).otherwise("rule").alias("ours"))["ours"]


def explanation(definition: str, ours: str | None, theirs: str | None) -> str:
    """Why the two differ; UNEXPLAINED where nothing known covers it."""
    if ours == "undefined":
        return BLANK
    return KNOWN.get(ours or theirs or "", "UNEXPLAINED") if definition == "papers" else "UNEXPLAINED"


def verdicts(rows: pl.DataFrame) -> Table:
    """How often both keep and drop a document."""
    table = Table("definition", "filter", "corpus", title="Verdicts", title_justify="left")
    for name in ("documents", "both keep", "both drop", "for the same reason", "only we drop", "only they drop"):
        table.add_column(name, justify="right")
    ours, other = pl.col("ours").is_null(), pl.col("theirs").is_null()
    same = pl.col("ours").replace_strict(CALLED, default="").str.split(" ").list.contains(pl.col("theirs"))
    counts = rows.group_by("definition", "filter", "corpus", maintain_order=True).agg(
        pl.len(), (ours & other).sum().alias("kept"), (~ours & ~other).sum().alias("dropped"), same.sum().alias("same"),
        (~ours & other).sum().alias("we"), (ours & ~other).sum().alias("they"),
    )  # fmt: skip
    for definition, *names, documents, kept, dropped, reasons, we, they in counts.iter_rows():
        found = [f"{count:,}" for count in (documents, kept, dropped, reasons, we, they)]
        found[3] = found[3] if definition == "datatrove" else ""
        table.add_row(definition, *names, *found)
    return table


def differences(rows: pl.DataFrame) -> tuple[Table, int]:
    """What decided where the verdicts differ, and how many of them nothing explains."""
    table = Table("definition", "filter", "ours", "theirs", "documents", "example", "why", title_justify="left")
    unexplained = 0
    differ = rows.filter(pl.col("ours").is_null() != pl.col("theirs").is_null())
    groups = differ.group_by("definition", "filter", "ours", "theirs", maintain_order=True).agg(
        pl.len(), pl.col("text").sort_by(pl.col("text").str.len_chars()).first()
    )
    for definition, name, ours, other, documents, text in groups.sort("definition", "filter", "ours").iter_rows():
        why = explanation(definition, ours, other)
        unexplained += documents if why == "UNEXPLAINED" else 0
        table.add_row(definition, name, ours or "kept", other or "kept", f"{documents:,}", repr(text[:60]), why)
    return table, unexplained


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rows = pl.concat([compared(name, texts) for name, texts in corpora(documents).items()])
    console = Console(width=200)
    console.print(verdicts(rows))
    table, unexplained = differences(rows)
    console.print(table)
    print(f"UNEXPLAINED: {unexplained}")
    raise SystemExit(unexplained > 0)


if __name__ == "__main__":
    main()
