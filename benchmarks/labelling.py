"""The labelling functions on labelled corpora, and the label models: python -m benchmarks.labelling [folder]

The corpora lie in `folder` (../shared/data/speech_acts), which is no part of the project; the project's own labelled
utterances are always measured. Printed are:

- of each function its votes for the function of utterances, and how many of a hundred are right, in each corpus that
  has the act at all (` ` where it has not, `-` where the function never votes). What a corpus calls an act is
  often not what the annotation guide calls so: SwDA counts opinions and plans as statements, DailyDialog suggestions as
  directives and "Can you tell me" too, AMI every agreement as an assessment; judge a function by all of them.
- the labels of the majority, of the model without gold and of the model fitted on the project's labelled utterances.
- utterances per CPU-second on one core, for the whole set.
"""

import gzip
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # before Polars is loaded: figures are of one core

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from parlance.speech_acts import LABELS
from parlance.speech_acts.labelling import as_votes, fired, fit, in_conversations, summary, weak_labels
from parlance.speech_acts.labelling.label_model import majority

ROOT = Path(__file__).parents[1]
OWN = ROOT / "sample/speech_acts/labelled/mixed.jsonl"
# Where the utterances of each were said or written.
CORPORA = {
    "ami": "talk",
    "mrda": "talk",
    "noncommercial/swda": "talk",
    "noncommercial/dailydialog": "chat",
    "email_intent": "web",
    "synthetic_seed": "chat",
}
BINS = 10


def corpus(path: Path, medium: str) -> pl.DataFrame:
    """Utterances in their conversations with the mapped label as `function`, null where it has none."""
    stored = path.read_bytes()
    rows = [json.loads(line) for line in (gzip.decompress(stored) if path.suffix == ".gz" else stored).splitlines()]
    return in_conversations(
        pl.DataFrame(
            {
                "id": [f"{number:09}" for number in range(len(rows))],
                "conversation": [str(row.get("dialogue_id", number)) for number, row in enumerate(rows)],
                "position": range(len(rows)),
                "author": [row.get("speaker") for row in rows],
                "text": [row["text"] for row in rows],
                "form": None,
                "function": pl.Series([row["label"] for row in rows], dtype=pl.String),
                "lang": "en",
                "medium": medium,
            }
        )
    )


def corpora(folder: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    yield "own", in_conversations(pl.read_ndjson(OWN))
    for name, medium in CORPORA.items():
        found = [path for suffix in (".jsonl.gz", ".jsonl") if (path := folder / f"{name}{suffix}").exists()]
        if found:
            yield name.rpartition("/")[2], corpus(found[0], medium)
        else:
            print(f"SKIPPED: no corpus {name} in {folder}", file=sys.stderr)


def scores(found: pl.DataFrame, gold: pl.Series) -> list[str]:
    """Coverage, accuracy, macro-F1 over the acts of the corpus, and calibration error of what is labelled."""
    known = gold.is_not_null()
    both = found.filter(known).with_columns(gold=gold.filter(known))
    labelled = both.filter(pl.col("label").is_not_null())
    right = labelled.select(pl.col("label") == pl.col("gold")).to_series()
    f1 = []
    for act in gold.drop_nulls().unique().sort():
        told, true = labelled["label"] == act, labelled["gold"] == act
        f1.append(2 * (told & true).sum() / max(1, told.sum() + true.sum()))
    bins = (labelled["probability"] * BINS).cast(pl.Int32).clip(0, BINS - 1)
    binned = pl.DataFrame({"bin": bins, "right": right, "probability": labelled["probability"]}).group_by("bin")
    errors = binned.agg(error=(pl.col("right").mean() - pl.col("probability").mean()).abs(), rows=pl.len())
    calibration = (errors["error"] * errors["rows"]).sum() / max(1, labelled.height)
    figures = (labelled.height / max(1, both.height), right.mean() or 0.0, float(np.mean(f1)), calibration)
    return [f"{figure:.3f}" for figure in figures]


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared/data/speech_acts"
    console = Console(width=170)
    cells: dict[str, dict[str, str]] = {}
    acts: dict[str, str] = {}
    models = Table("corpus", "model", "coverage", "accuracy", "macro-F1", "ECE", title="Function, where anything votes")
    speed, names, model = 0.0, [], None
    for name, rows in corpora(folder):
        began = time.process_time()
        voted = as_votes(fired(rows), target="function")
        speed = max(speed, rows.height / (time.process_time() - began))
        gold = rows["function"]
        if model is None:
            model = fit(voted.filter(gold.is_not_null()), gold.drop_nulls())
        names.append(name)
        present = {*gold.drop_nulls()}
        for row in summary(voted, gold).iter_rows(named=True):
            acts[row["name"]] = row["act"] or acts.get(row["name"], "")
            told = "-" if not row["with_gold"] else f"{100 * row['accuracy']:.0f} of {row['with_gold']:,}"
            cells.setdefault(row["name"], {})[name] = told if row["act"] in {None, *present} else ""
        if len(present) > 1:
            labels = {"majority": majority(voted), "without gold": weak_labels(voted)}
            labels |= {} if name == "own" else {"fitted on own": weak_labels(voted, model)}
            for kind, found in labels.items():
                models.add_row(name, kind, *scores(found, gold))
    table = Table("function", "act", *names, title="Right of a hundred votes, of so many")
    for one in sorted(cells, key=lambda one: (LABELS.index(acts[one]) if acts[one] else -1, one)):
        table.add_row(one, acts[one], *(cells[one].get(name, "") for name in names))
    console.print(table, models)
    console.print(f"{speed:,.0f} utterances per CPU-second")


if __name__ == "__main__":
    main()
