"""Documents compared with what was compiled."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from parlance.errors import ConfigError, SchemaError

if TYPE_CHECKING:
    from parlance.references.evaluation import Evaluations
    from parlance.references.hosts import Hosts
    from parlance.references.quality import Classifier
    from parlance.references.words import Words

SIGNALS = {
    "blocked_host": pl.Float64,
    "blocked_words": pl.Int64,
    "contamination": pl.Float64,
    "contaminated_by": pl.String,
    "quality": pl.Float64,
}
REPORT = "report.json"
HOSTS, WORDS, ITEMS, QUALITY = "hosts.parquet", "words.parquet", "items.parquet", "quality.bin"


@dataclass(frozen=True, kw_only=True)
class References:
    """What documents are compared with; null where nothing of the kind was named."""

    hosts: "Hosts | None" = None
    words: "Words | None" = None
    evaluations: "Evaluations | None" = None
    quality: "Classifier | None" = None

    def compare(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The columns `SIGNALS` for documents with `text` and, where hosts are blocked, `url`; in their order.

        `blocked_host` is 1 where the URL's host is blocked, else 0. `blocked_words` counts listed words and phrases.
        `contamination` is the largest share of an evaluation item that stands in the document, `contaminated_by` that
        item. `quality` is the probability that the classifier gives, null for a blank text. What was not named is 0,
        `contaminated_by` and `quality` are null then.
        """
        if self.hosts is not None and "url" not in documents.columns:
            raise SchemaError("documents lack the column 'url', which is needed where hosts are blocked")
        texts, found = documents["text"], dict[str, pl.Series]()
        if self.hosts is not None:
            found["blocked_host"] = self.hosts.blocks(documents["url"])
        if self.words is not None:
            found["blocked_words"] = self.words.counts(texts)
        if self.evaluations is not None:
            found.update(self.evaluations.contamination(texts).to_dict())
        if self.quality is not None:
            found["quality"] = self.quality.scores(texts)
        nothing = {"blocked_host": 0.0, "blocked_words": 0, "contamination": 0.0}
        return pl.DataFrame(
            [
                found[name].alias(name)
                if name in found
                else pl.Series(name, [nothing.get(name)], dtype=kind).new_from_index(0, len(texts))
                for name, kind in SIGNALS.items()
            ]
        )


@lru_cache(maxsize=1)
def load(folder: Path) -> References:
    """What `compile` wrote to `folder`. A folder is read once: one that is published never changes."""
    if not (folder / REPORT).is_file():
        raise ConfigError(f"no compiled references in {str(folder)!r}: {REPORT} is not there; compile writes it")
    from parlance.references.evaluation import Evaluations  # loads the compiler
    from parlance.references.hosts import Hosts
    from parlance.references.quality import Classifier
    from parlance.references.words import Words

    is_there = {path.name for path in folder.iterdir()}
    return References(
        hosts=Hosts(pl.read_parquet(folder / HOSTS)["host"]) if HOSTS in is_there else None,
        words=Words(pl.read_parquet(folder / WORDS)["entry"]) if WORDS in is_there else None,
        evaluations=Evaluations(pl.read_parquet(folder / ITEMS)) if ITEMS in is_there else None,
        quality=Classifier(folder / QUALITY) if QUALITY in is_there else None,
    )
