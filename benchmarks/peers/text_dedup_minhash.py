"""text-dedup: `text_dedup.minhash` as its command line runs it. Third argument: its hash, `sha1` (default) or `xxh3`.

Timed are its own sections: `MinHashing` as signatures, with `Clustering` as the whole. What it does to load, to find
texts that are too short, to filter and to save is left out.
"""

import sys
import tempfile
from pathlib import Path

import polars as pl
from measuring import Clock, cores, write_report
from text_dedup import minhash
from text_dedup.utils import timer


class Section(timer.TimerContext):
    """Notes seconds of CPU beside its own."""

    def __enter__(self) -> None:
        super().__enter__()
        self.clock = Clock()

    def __exit__(self, *error: object) -> None:
        SECONDS[self.name] = (self.clock.cpu(), self.clock.wall())
        super().__exit__(*error)


SECONDS: dict[str, tuple[float, float]] = {}
timer.TimerContext = Section
count = pl.scan_parquet(sys.argv[1]).select(pl.len()).collect().item()
with tempfile.TemporaryDirectory() as folder:
    corpus = Path(folder) / "corpus"
    corpus.mkdir()
    (corpus / "texts.parquet").symlink_to(Path(sys.argv[1]).resolve())
    options = {
        "path": str(corpus), "split": "train", "cache_dir": f"{folder}/cache", "output": f"{folder}/output",
        "column": "text", "num_perm": 128, "ngram": 5, "threshold": 0.8, "hash_func": sys.argv[3],
        "num_proc": cores(),
    }  # fmt: skip
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    minhash.main.main(args=arguments, standalone_mode=False)
found = [minhash.uf.find(row) for row in range(count)]
(hashing_cpu, hashing_wall), (linking_cpu, linking_wall) = SECONDS["MinHashing"], SECONDS["Clustering"]
write_report(found, signatures_s=hashing_cpu, whole_s=hashing_cpu + linking_cpu, wall_s=hashing_wall + linking_wall)
