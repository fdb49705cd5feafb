"""The goals of the benchmark of deduplication, from figures as its runs give them."""

from benchmarks.dedup_goals import Run, goals


def _run(tool: str, *, signatures_s: float, whole_s: float, peak_bytes: float = 1e9) -> Run:
    figures = {"signatures_s": signatures_s, "whole_s": whole_s, "wall_s": whole_s, "peak_bytes": peak_bytes}
    return Run(
        tool=tool, cores=1, corpus=200_000, documents=200_000, megabytes=900, figures=figures,
        recall=0.995, precision=0.98, pair_recall=1, pair_precision=1,
    )  # fmt: skip


def test_goals_compare_runs_on_the_same_corpus() -> None:
    runs = [
        _run("Parlance", signatures_s=2, whole_s=4, peak_bytes=1.6e9),
        _run("Parlance, a tenth", signatures_s=0.2, whole_s=0.4),
        _run("daft", signatures_s=18, whole_s=30),
    ]
    found = {goal.name: (goal.value, goal.reached) for goal in goals(runs)}
    assert found == {
        "signatures MB/CPU-s: Parlance / daft": (9, False),
        "clusters MB/CPU-s: Parlance / daft": (7.5, True),
        "recall: Parlance": (0.995, True),
        "precision: Parlance": (0.98, False),
        "peak MB: Parlance": (1600, False),
        "CPU-s / those of a tenth of it: Parlance": (10, True),
    }
