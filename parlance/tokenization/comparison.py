"""Tokenizers of several kinds and sizes beside each other, and beside those that others trained."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import polars as pl

from parlance import plots
from parlance.errors import ConfigError
from parlance.tokenization.cuts import Digits
from parlance.tokenization.encoding import Encoder
from parlance.tokenization.report import ALL, digits, report, round_trips
from parlance.tokenization.training import Kind, Settings, train_from_counts

# What a model has to calculate with, and what it meets beside.
LINES = ("4523646 - 67453156", "127 + 5034 = 5161", "3.14159", "2026-11-21", "+49 170 1234567", "1,000,000 €")
MARK = "·"
MORE_TOKENS = 0.1  # that a recommended tokenizer may need, against the best
LANGUAGES, SERIES = 8, 4  # of a picture


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`rates` are the reports, with the columns tokenizer, kind and vocabulary before them.

    `cuts` has a column for each line, with how it is cut.
    `given_back` is the share of the texts that come back, by tokenizer and language.
    """

    rates: pl.DataFrame
    cuts: pl.DataFrame
    given_back: pl.DataFrame

    @property
    def totals(self) -> pl.DataFrame:
        """The rates over all languages."""
        return self.rates.filter(language=ALL).drop("language")


def compare(
    counts: pl.DataFrame,
    texts: pl.DataFrame,
    settings: Settings,
    *,
    kinds: Sequence[Kind],
    sizes: Sequence[int],
    digit_cuts: Sequence[Digits] = ("groups", "single"),
    pretrained: Sequence[str | Path] = (),
) -> Comparison:
    """Trains a tokenizer of each of `kinds`, `sizes` and `digit_cuts` and measures all of them on `texts`.

    `settings` gives the rest. Numbers cut digit by digit are looked at in the first kind and size alone.
    `pretrained` are folders with a tokenizer.json. Raises ConfigError where two of those have one name.
    """
    names = [Path(path).name for path in pretrained]
    if len(set(names)) < len(names):
        raise ConfigError(f"pretrained tokenizers need names of their own; these have {names}")
    made = [(kind, size, digit_cuts[0]) for kind, size in product(kinds, sizes)]
    made += [(kinds[0], sizes[0], cut) for cut in digit_cuts[1:]]
    rows = []
    with tempfile.TemporaryDirectory(prefix="parlance-tokenizers-") as scratch:
        for kind, size, cut in made:
            name = f"{kind} {size}" + (f" digits {cut}" if cut != "groups" else "")
            folder = train_from_counts(
                counts, replace(settings, kind=kind, vocab_size=size, digits=cut), path=Path(scratch, name)
            )
            rows.append(_measured(folder, texts, name=name, kind=kind))
    rows += [_measured(Path(path), texts, name=Path(path).name, kind="pretrained") for path in pretrained]
    return Comparison(
        rates=pl.concat([rates for rates, _, _ in rows]),
        cuts=pl.concat([cuts for _, cuts, _ in rows]),
        given_back=pl.concat([back for _, _, back in rows]),
    )


def _measured(
    folder: Path, texts: pl.DataFrame, *, name: str, kind: str
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    named = pl.lit(name).alias("tokenizer")
    rates = report(folder, texts)
    cuts = {line: [MARK.join(pieces)] for line, pieces in zip(LINES, digits(folder, LINES), strict=True)}
    back = round_trips(folder, [texts]).select(named, "language", share=1 - pl.col("changed") / pl.col("documents"))
    size = pl.lit(Encoder(folder).vocab_size, dtype=pl.Int64).alias("vocabulary")
    return (
        rates.select(named, pl.lit(kind).alias("kind"), size, pl.all()),
        pl.DataFrame(cuts).select(named, pl.all()),
        back,
    )


def recommendation(comparison: Comparison) -> str:
    """A sentence: which tokenizer to take, and which needs the fewest tokens.

    To be taken is, of those that give every text back and need at most a tenth more tokens than the best of them, the
    one with the highest Rényi efficiency. By that number alone the smallest vocabulary would win each time.
    """
    lossless = comparison.given_back.group_by("tokenizer").agg(pl.col("share").min() == 1.0).filter("share")
    able = comparison.totals.join(lossless, on="tokenizer", how="semi").filter(pl.col("renyi_efficiency").is_not_null())
    if able.is_empty():
        return "None of the tokenizers gives every text back: take one of the kinds that fall back to bytes."
    short = able.filter(pl.col("bytes_per_token") * (1 + MORE_TOKENS) >= pl.col("bytes_per_token").max())
    best = short.sort(["renyi_efficiency", "tokenizer"], descending=[True, False]).row(0, named=True)
    shortest = able.sort(["bytes_per_token", "tokenizer"], descending=[True, False]).row(0, named=True)
    said = (
        f"Take {best['tokenizer']}: of {len(comparison.totals)} tokenizers {len(able)} give every text back, and of "
        f"the {len(short)} among them that need few tokens it uses its vocabulary most evenly (Rényi efficiency "
        f"{best['renyi_efficiency']:.3f}, {best['bytes_per_token']:.2f} bytes a token)"
    )
    if shortest["tokenizer"] == best["tokenizer"]:
        return f"{said}; none needs fewer tokens."
    return f"{said}; {shortest['tokenizer']} needs the fewest ({shortest['bytes_per_token']:.2f} bytes a token)."


def largest(comparison: Comparison) -> list[str]:
    """The tokenizer of each kind with most tokens, and every pretrained one."""
    ranked = comparison.totals.sort(["vocabulary", "tokenizer"], descending=[True, False])
    trained = ranked.filter(pl.col("kind") != "pretrained").group_by("kind", maintain_order=True).first()
    return sorted(trained["tokenizer"]) + sorted(ranked.filter(kind="pretrained")["tokenizer"])


def pictures(comparison: Comparison) -> list[str]:
    """Bytes for each token and Rényi efficiency over the size of the vocabulary, and the token tax of languages."""
    totals = comparison.totals.filter(~pl.col("tokenizer").str.contains(" digits "))
    lines = [
        plots.curves(
            {
                str(kind): [(row["vocabulary"], row[column]) for row in part.sort("vocabulary").to_dicts()]
                for (kind,), part in totals.drop_nulls(column).group_by("kind", maintain_order=True)
            },
            title=title,
            x="tokens in the vocabulary",
            y=unit,
        )
        for column, title, unit in (
            ("bytes_per_token", "Bytes a token covers: more is shorter text", "bytes per token"),
            ("renyi_efficiency", "How evenly tokens are used: Rényi efficiency of order 2.5", "share of the possible"),
        )
    ]
    return [*lines, _taxes(comparison)]


def _taxes(comparison: Comparison) -> str:
    rates = comparison.rates.filter(pl.col("language") != ALL, pl.col("characters") > 0)
    order = (
        rates.group_by("language")
        .agg(pl.col("documents").max())
        .sort(["documents", "language"], descending=[True, False])
    )
    languages = order.head(LANGUAGES)["language"].to_list()
    series = {}
    for name in largest(comparison)[:SERIES]:
        tax = dict(rates.filter(tokenizer=name).select("language", "token_tax").iter_rows())
        series[name] = [tax.get(language, float("nan")) for language in languages]
    return plots.grouped_bars(
        languages, series, title="Token tax: tokens for a character, against the language with most documents", unit="×"
    )
