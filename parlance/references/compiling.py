"""What was named, read and checked, as files that `load` opens."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from parlance.errors import ConfigError
from parlance.references.loading import HOSTS, ITEMS, QUALITY, REPORT, WORDS
from parlance.references.named import Named

SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was compiled.

    `lines_without_host` are those of host lists that name no host, of which `examples` are a few. `sets` has a row for
    each evaluation set: `set`, `items`, `too_short` (left out) and `sequences` of words. `quality` are the figures of
    `parlance.references.quality.QualityReport` and `unreadable`, records that could not be read; null without a
    classifier.
    """

    hosts: int = 0
    lines_without_host: int = 0
    examples: list[str] = field(default_factory=list)
    words: int = 0
    sets: list[dict[str, Any]] = field(default_factory=list)
    quality: dict[str, Any] | None = None


def compile(named: Named, folder: Path) -> Report:
    """Writes all that `named` names to `folder`, and trains the classifier of quality.

    Raises ConfigError for lists and sets that are empty or cannot be read, and classes with too few texts.
    """
    report = Report(
        **_hosts(named, folder),
        words=_words(named, folder),
        sets=_sets(named, folder),
        quality=_quality(named, folder),
    )
    (folder / REPORT).write_text(json.dumps(asdict(report), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return report


def read_report(folder: Path) -> Report:
    """What `compile` said when it wrote `folder`."""
    return Report(**json.loads((folder / REPORT).read_text(encoding="utf-8")))


def _hosts(named: Named, folder: Path) -> dict[str, Any]:
    if not named.blocked_hosts:
        return {}
    from parlance.references.hosts import listed
    from parlance.references.lists import entries

    hosts, others = listed(entries(named.blocked_hosts))
    if hosts.is_empty():
        raise ConfigError(
            f"blocked_hosts: no line of {list(named.blocked_hosts)} names a host, such as {others[0]!r}; "
            "allowed: hosts such as example.org, one a line"
        )
    hosts.to_frame("host").write_parquet(folder / HOSTS)
    return {"hosts": len(hosts), "lines_without_host": len(others), "examples": others.head(SHOWN).to_list()}


def _words(named: Named, folder: Path) -> int:
    if not named.blocked_words:
        return 0
    from parlance.references.lists import entries
    from parlance.references.words import Words

    listed = entries(named.blocked_words).str.to_lowercase().unique().sort()
    Words(listed)  # checks them
    listed.to_frame("entry").write_parquet(folder / WORDS)
    return len(listed)


def _sets(named: Named, folder: Path) -> list[dict[str, Any]]:
    if not named.evaluation_sets:
        return []
    from parlance.references.evaluation import FEWEST_WORDS, Evaluations, items, long_enough

    found = items(named.evaluation_sets)
    kept = long_enough(found)
    if empty := sorted(set(found["set"]) - set(kept["set"])):
        raise ConfigError(
            f"evaluation set {empty[0]!r}: no item has {FEWEST_WORDS} words or more; allowed: at least one that has"
        )
    kept.write_parquet(folder / ITEMS)
    counts = found.group_by("set", maintain_order=True).agg(items=pl.len())
    left = kept.group_by("set").agg(kept=pl.len()).join(Evaluations(kept).sequences(), on="set")
    counted = counts.join(left, on="set", maintain_order="left")
    return counted.select(
        "set", "items", pl.col("items").sub(pl.col("kept")).alias("too_short"), "sequences"
    ).to_dicts()


def _quality(named: Named, folder: Path) -> dict[str, Any] | None:
    if not named.positive:
        return None
    from parlance.references.quality import train

    (positive, lost), (negative, lost_too) = _documents(named.positive), _documents(named.negative)
    return {**asdict(train(positive, negative, folder / QUALITY)), "unreadable": lost + lost_too}


def _documents(paths: Sequence[str]) -> tuple[pl.Series, int]:
    """The texts of dumps in any format, and the number of records that give none."""
    from parlance.sources import dumps

    texts, lost = [pl.Series([], dtype=pl.String)], 0
    for path in paths:
        for batch, rejected in dumps.documents(dumps.raw(path, partition="default")):
            texts.append(pl.Series(batch.column("text")))
            lost += rejected.num_rows
    return pl.concat(texts), lost
