"""Which lines of a site stand in many of its documents: counted on disk, in bounded memory."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import polars as pl

from parlance.dedup.lines import Unit, units
from parlance.errors import ConfigError

# Rows of (line, site) that are counted at once: some 500 MB with what Polars needs for it.
RUN_ROWS = 1_000_000
EXCERPT_CHARACTERS = 200
KEY = ["hash", "site_hash"]
COUNTED = pl.Schema(
    {
        "hash": pl.Int64,
        "site_hash": pl.Int64,
        "documents": pl.Int64,
        "documents_everywhere": pl.Int64,
        "sites": pl.Int64,
    }
)
EXAMPLES = pl.Schema(
    {"hash": pl.Int64, "site_hash": pl.Int64, "site": pl.String, "example_id": pl.String, "excerpt": pl.String}
)
SHARES = pl.Schema(
    {
        "source": pl.String,
        "documents": pl.Int64,
        "lines": pl.Int64,
        "bytes": pl.Int64,
        "all_documents": pl.Int64,
        "all_bytes": pl.Int64,
    }
)

Frames = Callable[[], Iterable[pl.DataFrame]]


def repeated(
    frames: Frames, *, unit: Unit = "line", documents: int = 6, run_rows: int = RUN_ROWS
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines (or paragraphs) in more than `documents` documents of one site, and what they are of each source.

    `frames` gives the documents (`id`, `source`, `text`, `site`), batch by batch, and is called twice: a first pass
    counts, a second one fetches excerpts. The counts have a row for each line and site: `hash`, `site`, `documents` of
    that site, `documents_everywhere`, `sites` that have it at all, `example_id` (the smallest id of the site that has
    it) and its `excerpt`, by hash and site. A document without a site counts everywhere and in no site. The shares:
    `source`, its `documents` that have such lines, the `lines` and their `bytes`, beside `all_documents` and
    `all_bytes` of the source. Neither depends on batches or order.

    Six is what Llama 3 lets stand (Grattafiori et al. 2024, 3.1.1: lines that occur more than six times in thirty
    million documents leave); here it is six of one site, because a line that many sites have once is a quotation or
    a phrase, and one that a site has on every page is its navigation. CCNet (Wenzek et al. 2020) keeps one copy
    instead; boilerplate is worth none.

    Sorted runs of at most `run_rows` rows go to a temporary folder and are merged by ranges of hashes, so that memory
    is bounded by `run_rows` and by the result.
    """
    if documents < 1:
        raise ConfigError(f"documents must be at least 1, got {documents}")
    with tempfile.TemporaryDirectory(prefix="parlance-lines-") as folder:
        runs = _runs(frames(), unit, Path(folder), run_rows)
        found = [_merged(runs, first, last, documents) for first, last in _ranges(runs, run_rows)]
    counts = pl.concat(found) if found else pl.DataFrame(schema=COUNTED)
    examples, shares = _examples(frames(), unit, counts)
    return counts.join(examples, on=KEY).sort("hash", "site"), shares


def located(frame: pl.DataFrame, unit: Unit) -> pl.DataFrame:
    """`units` of the texts of `frame` (`text`, `site`), each with the `site_hash` of its document, null without one."""
    found = units(frame["text"], unit)
    return found.with_columns(site_hash=_site_hashes(frame["site"]).gather(found["row"]))


def _site_hashes(sites: pl.Series) -> pl.Series:
    """Names of sites are hashed as lines are."""
    names = sites.unique()
    hashed = units(names).unique("row", keep="first", maintain_order=True)
    known = pl.DataFrame({"site": names.gather(hashed["row"]), "site_hash": hashed["hash"]})
    return pl.DataFrame({"site": sites}).join(known, on="site", how="left", maintain_order="left")["site_hash"]


def _runs(frames: Iterable[pl.DataFrame], unit: Unit, folder: Path, run_rows: int) -> list[Path]:
    """Parquet files of lines by site and the documents that have them, each sorted by hash."""
    runs: list[Path] = []
    waiting: list[pl.DataFrame] = []

    def write() -> None:
        runs.append(folder / f"{len(runs)}.parquet")
        rows = pl.concat(waiting).group_by(KEY).agg(documents=pl.len().cast(pl.Int64)).sort("hash")
        rows.write_parquet(runs[-1], compression="lz4", row_group_size=max(1, min(run_rows // 16, 262_144)))
        waiting.clear()

    for frame in frames:
        waiting.append(located(frame, unit).filter("first").select(KEY))
        if sum(part.height for part in waiting) >= run_rows:
            write()
    if waiting:
        write()
    return runs


def _ranges(runs: list[Path], run_rows: int) -> Iterator[tuple[int, int]]:
    """First and last hash of as many equal ranges as it takes that each has some `run_rows` rows of the runs."""
    rows = pl.scan_parquet(runs).select(pl.len()).collect().item() if runs else 0
    parts = -(-rows // run_rows)
    borders = [-(2**63) + 2**64 * part // max(parts, 1) for part in range(parts + 1)]
    for first, following in pairwise(borders):
        yield first, following - 1


def _merged(runs: list[Path], first: int, last: int, documents: int) -> pl.DataFrame:
    """`COUNTED` rows of the hashes from `first` to `last`."""
    rows = pl.scan_parquet(runs).filter(pl.col("hash").is_between(first, last))
    return (
        rows.group_by(KEY)
        .agg(pl.col("documents").sum())
        .with_columns(
            documents_everywhere=pl.col("documents").sum().over("hash"),
            sites=pl.col("site_hash").count().cast(pl.Int64).over("hash"),
        )
        .filter(pl.col("site_hash").is_not_null(), pl.col("documents") > documents)
        .collect()
        .select(*COUNTED)
    )


def _examples(frames: Iterable[pl.DataFrame], unit: Unit, counts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`EXAMPLES` of the lines in `counts`, and `SHARES` of the documents."""
    best, shares = pl.DataFrame(schema=EXAMPLES), [pl.DataFrame(schema=SHARES)]
    sites = counts["site_hash"].unique().implode()
    for batch in frames:
        frame = batch.filter(_site_hashes(batch["site"]).is_in(sites))
        hits = located(frame, unit).join(counts.select(KEY), on=KEY).sort("row", "start")
        hits = hits.with_columns(id=frame["id"].gather(hits["row"]), source=frame["source"].gather(hits["row"]))
        shares += [_share(hits, batch)]
        new = hits.sort("id", "start").unique(KEY, keep="first", maintain_order=True)
        known = new.join(best, on=KEY, how="left", maintain_order="left")["example_id"]
        new = new.filter(known.is_null() | (new["id"] < known))
        best = pl.concat([_shown(new, frame), best]).unique(KEY, keep="first", maintain_order=True)
    names = list(SHARES)[1:]
    return best, pl.concat(shares).group_by("source").agg(pl.col(names).sum()).sort("source")


def _share(hits: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    of_hits = hits.group_by("source").agg(
        documents=pl.col("row").n_unique(), lines=pl.len(), bytes=(pl.col("end") - pl.col("start")).sum()
    )
    of_all = frame.group_by("source").agg(all_documents=pl.len(), all_bytes=pl.col("text").str.len_bytes().sum())
    return of_all.join(of_hits, on="source", how="left").select(pl.col(list(SHARES)).fill_null(0)).cast(SHARES)


def _shown(hits: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    texts = frame["text"].gather(hits["row"])
    pieces = [
        text.encode()[start:end].decode() for text, start, end in zip(texts, hits["start"], hits["end"], strict=True)
    ]
    excerpt = pl.Series(pieces, dtype=pl.String).str.replace_all(r"\s+", " ").str.strip_chars()
    return hits.select(
        *KEY,
        site=frame["site"].gather(hits["row"]),
        example_id="id",
        excerpt=excerpt.str.slice(0, EXCERPT_CHARACTERS),
    )
