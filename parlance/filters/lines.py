"""Lines and paragraphs of a text: parts of rules, not rules."""

import polars as pl

# A line ends with `\n`; one that is blank is no line.
LINE = r"(?m)^[^\n]*\S"


def count(text: pl.Expr) -> pl.Expr:
    """Number of lines that are not blank."""
    return text.str.count_matches(LINE)


def share(text: pl.Expr, pattern: str) -> pl.Expr:
    """Share of the lines that match `pattern`, which must match once a line; null without a line."""
    lines = count(text)
    return pl.when(lines > 0).then(text.str.count_matches(pattern) / lines)


def split(text: pl.Expr) -> pl.Expr:
    """List of the lines, stripped, without blank ones."""
    return _filled(text.str.split("\n"))


def paragraphs(text: pl.Expr) -> pl.Expr:
    """List of the stretches between blank lines, stripped."""
    return _filled(text.str.split(r"\n\s*\n", literal=False))


def duplicate_share(parts: pl.Expr) -> pl.Expr:
    """Share of the parts that repeat an earlier one; null without a part."""
    return pl.when(parts.list.len() > 0).then(1 - parts.list.n_unique() / parts.list.len())


def duplicate_character_share(parts: pl.Expr) -> pl.Expr:
    """Share of the parts' characters that stand in one that repeats an earlier one; null without a part."""
    total = _characters(parts)
    return pl.when(total > 0).then(1 - _characters(parts.list.unique()) / total)


def _filled(parts: pl.Expr) -> pl.Expr:
    stripped = parts.list.eval(pl.element().str.strip_chars())
    return stripped.list.filter(pl.element() != "")


def _characters(parts: pl.Expr) -> pl.Expr:
    return parts.list.eval(pl.element().str.len_chars()).list.sum()
