"""What a watch finds: a value beside what was expected, its bounds and a verdict."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import polars as pl

from parlance.monitoring.noise import Bound


class Verdict(StrEnum):
    """`unknown` where there is too little history to judge, or a count that is needed was cut off."""

    FINE = "fine"
    ALARM = "alarm"
    GROSS = "gross"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One number of one partition; `subject` is what it is about, such as a channel, `size` what it was taken of."""

    partition: str
    subject: str
    value: float
    expected: float | None
    bound: float | None
    gross_bound: float | None
    size: int
    verdict: Verdict


SCHEMA = {
    "partition": pl.String,
    "subject": pl.String,
    "value": pl.Float64,
    "expected": pl.Float64,
    "bound": pl.Float64,
    "gross_bound": pl.Float64,
    "size": pl.Int64,
    "verdict": pl.String,
}
WORST = [Verdict.GROSS, Verdict.ALARM, Verdict.UNKNOWN, Verdict.FINE]


def judged(partition: str, subject: str, value: float, bound: Bound, *, size: float) -> Finding:
    """The finding of a value that is bad where it is above its bound."""
    verdict = Verdict.GROSS if value > bound.gross else Verdict.ALARM if value > bound.warn else Verdict.FINE
    return Finding(
        partition=partition,
        subject=subject,
        value=value,
        expected=bound.expected,
        bound=bound.warn,
        gross_bound=bound.gross,
        size=int(size),
        verdict=verdict,
    )


def unknown(partition: str, subject: str, value: float, *, size: float) -> Finding:
    """The finding of a value without a history to judge it by."""
    return Finding(
        partition=partition,
        subject=subject,
        value=value,
        expected=None,
        bound=None,
        gross_bound=None,
        size=int(size),
        verdict=Verdict.UNKNOWN,
    )


def frame(findings: Iterable[Finding]) -> pl.DataFrame:
    """Findings as rows, the worst first."""
    rows = pl.DataFrame([asdict(one) for one in findings], schema=SCHEMA)
    order = pl.col("verdict").replace_strict([str(one) for one in WORST], range(len(WORST)), return_dtype=pl.Int8)
    ratio = pl.col("value") / pl.col("bound")
    return rows.sort(order, -ratio.fill_null(0), "partition", "subject")


def worst(findings: Sequence[Finding]) -> Verdict:
    """The worst verdict; fine where nothing was found."""
    found = {one.verdict for one in findings}
    return next((one for one in WORST if one in found), Verdict.FINE)
