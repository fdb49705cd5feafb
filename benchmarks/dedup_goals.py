"""What Parlance wants to reach beside others, from the figures of one run of `benchmarks.dedup`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

CLUSTERS, SIGNATURES, TWO_CORES = "clusters MB/CPU-s", "signatures MB/CPU-s", "clusters MB/s, two cores"
FILES = "Parquet to Parquet MB/CPU-s"


@dataclass(frozen=True, kw_only=True)
class Run:
    """The figures of one tool on one corpus."""

    tool: str
    cores: int
    corpus: int  # documents of the whole corpus, of which a slow tool got a share
    documents: int
    megabytes: float
    figures: dict[str, float]
    recall: float
    precision: float
    pair_recall: float
    pair_precision: float

    @property
    def documents_per_s(self) -> float:
        return self.documents / self.figures["wall_s"]

    @property
    def signatures_mb_per_cpu_s(self) -> float | None:
        """None where a tool does not make signatures apart from the rest."""
        return self.megabytes / self.figures["signatures_s"] if "signatures_s" in self.figures else None

    @property
    def clusters_mb_per_cpu_s(self) -> float:
        return self.megabytes / self.figures["whole_s"]

    @property
    def clusters_mb_per_s(self) -> float:
        return self.megabytes / self.figures["wall_s"]

    @property
    def peak_mb(self) -> float:
        return self.figures["peak_bytes"] / 1e6


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What is measured on which corpus, what it came to, and its bound: `at_least` or `at_most`."""

    name: str
    corpus: int
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def reached(self) -> bool:
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )


OURS = ("Parlance", "Parlance, two cores", "Parlance, files")
TENTH = "Parlance, a tenth"
# Of ours and another: the figure's name, how often the other's it shall be, and the figure.
RATIOS: tuple[tuple[str, str, str, float, Callable[[Run], float | None]], ...] = (
    ("Parlance", "daft", "signatures MB/CPU-s", 10, lambda run: run.signatures_mb_per_cpu_s),
    ("Parlance", "datasketch", "signatures MB/CPU-s", 80, lambda run: run.signatures_mb_per_cpu_s),
    ("Parlance", "daft", "clusters MB/CPU-s", 6, lambda run: run.clusters_mb_per_cpu_s),
    ("Parlance", "datasketch, xxh32", "clusters MB/CPU-s", 25, lambda run: run.clusters_mb_per_cpu_s),
    ("Parlance", "datatrove", "clusters MB/CPU-s", 300, lambda run: run.clusters_mb_per_cpu_s),
    ("Parlance, two cores", "daft, two cores", "clusters MB/s", 8, lambda run: run.clusters_mb_per_s),
    ("Parlance, files", "daft, files", "MB/CPU-s", 2.5, lambda run: run.clusters_mb_per_cpu_s),
)
QUALITY = 0.99
GROWTH = 11
PEAK_MB, PEAK_FROM_DOCUMENTS = 1500, 200_000


def goals(runs: Sequence[Run]) -> list[Goal]:
    """Every goal that there are figures for, by corpus."""
    return [goal for corpus in sorted({run.corpus for run in runs}) for goal in _of_corpus(runs, corpus)]


def _of_corpus(runs: Sequence[Run], corpus: int) -> list[Goal]:
    by = {run.tool: run for run in runs if run.corpus == corpus}
    found = []
    for ours, theirs, name, factor, figure in RATIOS:
        if ours in by and theirs in by:
            mine, other = figure(by[ours]), figure(by[theirs])
            if mine is not None and other is not None:
                text = f"{name}: {ours} / {theirs}"
                found.append(Goal(name=text, corpus=corpus, value=mine / other, at_least=factor))
    for run in (by[tool] for tool in OURS if tool in by):
        found += [
            Goal(name=f"recall: {run.tool}", corpus=corpus, value=run.recall, at_least=QUALITY),
            Goal(name=f"precision: {run.tool}", corpus=corpus, value=run.precision, at_least=QUALITY),
        ]
        if corpus >= PEAK_FROM_DOCUMENTS:
            found.append(Goal(name=f"peak MB: {run.tool}", corpus=corpus, value=run.peak_mb, at_most=PEAK_MB))
    if "Parlance" in by and TENTH in by:
        growth = by["Parlance"].figures["whole_s"] / by[TENTH].figures["whole_s"]
        found.append(Goal(name="CPU-s / those of a tenth of it: Parlance", corpus=corpus, value=growth, at_most=GROWTH))
    return found
