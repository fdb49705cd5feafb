"""The classifier of speech acts beside what else could label utterances: `python -m benchmarks.speech_acts`.

One process trains all of them on the project's labelled utterances and reads the held-out gold, which two annotators
labelled, and the mapped test splits of SwDA, MRDA and DailyDialog, which nothing here was trained on. With `--splits`
the network and the peers are also trained on the standard training splits of these three, with their own labels.
Corpora are read from `../shared/data/speech_acts`, or from the folder that is given; without them their parts are
skipped, loudly.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, precision_score

from benchmarks.act_corpora import CORPORA, Corpus, read_corpus
from benchmarks.act_peers import PEERS, Peer, first_match, plain_fasttext
from benchmarks.acts_judged import Judged
from parlance import plots
from parlance.speech_acts import LABELS, light, train
from parlance.speech_acts.calibration import CHAT_SHARES
from parlance.speech_acts.classifier import NETWORK, Classifier, mixed
from parlance.speech_acts.labels import SpeechAct
from parlance.stages.speech_act_model import labelled_rows

ROOT = Path(__file__).parent.parent
LABELLED, GOLD = ROOT / "sample/speech_acts/labelled", ROOT / "sample/speech_acts/gold.jsonl"
DRAWN = ROOT / "sample/speech_acts/drawn.jsonl"
CURVE = ROOT / "docs/speech_acts_coverage.svg"
TARGETS = ("function", "form")
COVERAGE = 0.8
BINS = 10

Said = NDArray[np.str_]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpora", nargs="?", type=Path, default=ROOT.parent / "shared/data/speech_acts")
    arguments.add_argument(
        "--splits", nargs="*", choices=list(CORPORA), help="train on these corpora too (all: --splits)"
    )
    arguments.add_argument("--model", type=Path, default=ROOT / ".parlance/benchmark_speech_acts")
    arguments.add_argument("--reuse", action="store_true", help="do not train again what is in the model's folder")
    given = arguments.parse_args()
    console = Console(width=150)
    rows, gold = labelled_rows(str(LABELLED)), pl.read_ndjson(GOLD, infer_schema_length=None)
    console.print(f"{rows['form'].count():,} labelled utterances, {gold.height:,} of gold")
    console.print(agreement(gold))
    if not given.reuse:
        started = time.process_time(), time.perf_counter()
        train(rows, str(given.model))
        spent = time.process_time() - started[0], time.perf_counter() - started[1]
        console.print(f"trained in {spent[0]:,.0f} CPU-s, {spent[1]:,.0f} s")
    peers = {name: make(rows) for name, make in PEERS.items()}
    own_gold(console, rows, gold, str(given.model), peers)
    sample_corpus(console, str(given.model), peers)
    tests = {name: corpus for name in CORPORA if (corpus := read_corpus(given.corpora, name)) is not None}
    for name in CORPORA:
        if name not in tests:
            print(f"SKIPPED: no corpus {name} in {given.corpora}", file=sys.stderr)
    transfer(console, tests, str(given.model), peers)
    if given.splits is not None:
        for name, corpus in tests.items():
            if name in (given.splits or CORPORA):
                standard_split(console, name, corpus, str(given.model))


def agreement(gold: pl.DataFrame) -> Table:
    """How far the two annotators of the gold agreed before the third decided."""
    table = Table("target", "agreement", "Cohen's kappa", *LABELS, title="Two annotators (kappa, and F1 by act)")
    for target in TARGETS:
        one, other = gold[f"{target}_1"].to_list(), gold[f"{target}_2"].to_list()
        by_act = f1_score(one, other, labels=LABELS, average=None)
        figures = (accuracy_score(one, other), cohen_kappa_score(one, other), *by_act)
        table.add_row(target, *(f"{figure:.3f}" for figure in figures))
    return table


def own_gold(console: Console, rows: pl.DataFrame, gold: pl.DataFrame, model: str, peers: Mapping[str, Peer]) -> None:
    """Every classifier on the held-out gold, by form and by function; calibration, coverage and speed of ours."""
    full, light = Classifier(model), Classifier(model, level="light")
    # Gold and labelled utterances hold every act about equally often.
    said_by_us = ours(full, light, gold, None)
    for target in TARGETS:
        table = Table("classifier", "accuracy", "macro-F1", *LABELS, title=f"Own gold, {target}")
        common = rows[target].drop_nulls().mode().sort()[0]
        table.add_row("majority", *_figures(gold[target], np.full(gold.height, common)))
        table.add_row("first match of rules", *_figures(gold[target], first_match(gold, target)))
        for name, peer in peers.items():
            table.add_row(name, *_figures(gold[target], peer(gold, target).labels))
        for name, by_target in said_by_us.items():
            if target in by_target:
                table.add_row(name, *_figures(gold[target], by_target[target].labels))
        console.print(table)
    said = said_by_us["Parlance"]["function"]
    right = said.labels == gold["function"].to_numpy()
    precision = precision_score(
        gold["function"].to_list(), said.labels, labels=[str(SpeechAct.DECLARATION)], average="macro"
    )
    console.print(
        f"declarations: precision {precision:.3f}; expected calibration error {calibration_error(said, right):.3f}; "
        f"accuracy at {COVERAGE:.0%} coverage {curve(said, right)[COVERAGE]:.3f}"
    )
    shares = curve(said, right)
    title = "Accuracy of the surest part of the gold, by function"
    CURVE.write_text(
        plots.curves({"function": list(shares.items())}, title=title, x="share of utterances", y="accuracy"),
        encoding="utf-8",
    )
    console.print({f"{share:.0%}": f"{value:.3f}" for share, value in shares.items()}, f"plot: {CURVE}")
    many = pl.concat([gold.with_columns(pl.col("conversation") + f"#{copy}") for copy in range(10)])
    for name, classifier, text in (("light", light, many), ("full", full, gold)):
        started = time.process_time()
        classifier.acts(text)
        console.print(f"{name}: {text.height / (time.process_time() - started):,.0f} utterances per CPU-second")


def sample_corpus(console: Console, model: str, peers: Mapping[str, Peer]) -> None:
    """Accuracy on utterances that were drawn at random from the sample's corpus, with up to three before each."""
    rows = labelled_rows(str(DRAWN))
    known = rows["function"].is_not_null()
    gold, said = rows.filter(known), Classifier(model).acts(rows, expected=CHAT_SHARES).filter(known)
    table = Table("classifier", *TARGETS, "share", title=f"Accuracy on {gold.height} utterances of the sample's corpus")
    for name, peer in peers.items():
        right = [accuracy_score(gold[target], peer(rows, target).labels[known.to_numpy()]) for target in TARGETS]
        table.add_row(name, *(f"{value:.3f}" for value in right), "1.00")
    sure = ~said["abstained"]
    for name, part in (("Parlance", sure | True), ("Parlance, where it does not abstain", sure)):
        right = [accuracy_score(gold.filter(part)[target], said.filter(part)[target]) for target in TARGETS]
        table.add_row(name, *(f"{value:.3f}" for value in right), f"{part.mean():.2f}")
    console.print(table)


def ours(
    full: Classifier, light: Classifier, rows: pl.DataFrame, expected: Mapping[str, float] | None
) -> dict[str, dict[str, Judged]]:
    """The levels of the classifier by target, for text with the `expected` shares of acts.

    Of utterances that are read alone there is only the function.
    """
    found, alone = full.probabilities(rows)
    return {
        "Parlance, light": _judged(light, light.probabilities(rows)[0], expected),
        "Parlance, each utterance alone": _judged(full, {"function": alone}, expected),
        "Parlance": _judged(full, found, expected),
    }


def _judged(
    classifier: Classifier, raw: Mapping[str, NDArray[np.float64]], expected: Mapping[str, float] | None
) -> dict[str, Judged]:
    judged = {}
    for target, found in classifier.calibrated(raw, expected).items():
        best = classifier.chosen(found, target)
        judged[target] = Judged(np.array(LABELS)[best], found[np.arange(len(found)), best])
    return judged


def transfer(console: Console, tests: Mapping[str, Corpus], model: str, peers: Mapping[str, Peer]) -> None:
    """Macro-F1 over the acts that occur in mapped test splits of corpora that nothing was trained on.

    What a corpus has no label for counts as representative, whoever says it. Ours expects the shares of acts that
    `annotate` does where it is told of no others.
    """
    table = Table("classifier", *tests, title="Macro-F1, mapped to seven acts and none; trained on the project's own")
    full, light = Classifier(model), Classifier(model, level="light")
    scores: dict[str, list[float]] = {}
    for corpus in tests.values():
        said: dict[str, Said] = {"first match of rules": first_match(corpus.test, "function")}
        said |= {name: peer(corpus.test, "function").labels for name, peer in peers.items()}
        said |= _of_turns(full, light, corpus.test) if corpus.turns else _of_utterances(full, light, corpus.test)
        known = corpus.test["function"].is_not_null().to_numpy()
        gold = corpus.test["function"].drop_nulls()
        for name, labels in said.items():
            folded = np.where(np.isin(labels, list(corpus.acts)), labels, str(SpeechAct.REPRESENTATIVE))
            scores.setdefault(name, []).append(_macro(gold, folded[known]))
    for name, values in scores.items():
        table.add_row(name, *(f"{value:.3f}" for value in values))
    beside = [name for name in scores if not name.startswith("Parlance")]
    margins = [scores["Parlance"][at] - max(scores[name][at] for name in beside) for at in range(len(tests))]
    table.add_row("above the best beside it", *(f"{margin:+.3f}" for margin in margins))
    console.print(table)


def _of_utterances(full: Classifier, light: Classifier, rows: pl.DataFrame) -> dict[str, Said]:
    return {name: judged["function"].labels for name, judged in ours(full, light, rows, CHAT_SHARES).items()}


def _of_turns(full: Classifier, light: Classifier, rows: pl.DataFrame) -> dict[str, Said]:
    """Each turn has the label of the last of its utterances that wants a reaction; representative where none does."""
    wanting = [SpeechAct.QUESTION, SpeechAct.DIRECTIVE, SpeechAct.COMMISSIVE]
    turns = pl.DataFrame({"row": np.arange(rows.height, dtype=np.uint32)})

    def annotated(classifier: Classifier) -> pl.DataFrame:
        return classifier.annotate(rows["text"], conversations=rows["conversation"], authors=rows["author"])

    def judged(found: pl.DataFrame, column: str) -> Said:
        last = found.filter(pl.col(column).is_in(wanting)).group_by("row").agg(pl.col(column).last().alias("act"))
        acts = turns.join(last, on="row", how="left", maintain_order="left")["act"]
        return acts.fill_null(SpeechAct.REPRESENTATIVE).to_numpy()

    found = annotated(full)
    return {
        "Parlance, light": judged(annotated(light), "function"),
        "Parlance, each utterance alone": judged(found, "function_alone"),
        "Parlance": judged(found, "function"),
    }


def standard_split(console: Console, name: str, corpus: Corpus, default: str) -> None:
    """Accuracy on the corpus' own test split and labels, trained on its own training split.

    Ours is the network, which goes on from the `default` classifier, and fastText, mixed as in every classifier.
    """
    labels = sorted(corpus.train["label"].unique())
    table = Table("classifier", "accuracy", "macro-F1", "CPU-s", title=f"{name}: {len(labels)} labels, standard split")
    gold = corpus.test["label"]
    rows, test = (part.with_columns(form="label", function="label") for part in (corpus.train, corpus.test))
    started = time.process_time()
    # On 190,000 utterances with 41 labels TF-IDF's solver takes hours.
    table.add_row("fastText", *_pair(gold, plain_fasttext(rows)(test, "function").labels), _since(started))
    started = time.process_time()
    read = _trained_network(corpus, labels, default)
    table.add_row("Parlance, the network", *_pair(gold, np.array(labels)[read.argmax(axis=1)]), _since(started))
    both = mixed(_trained_light(rows, test, labels), read)
    table.add_row("Parlance", *_pair(gold, np.array(labels)[both.argmax(axis=1)]), _since(started))
    console.print(table)


def _trained_network(corpus: Corpus, labels: Sequence[str], default: str) -> NDArray[np.float32]:
    from parlance.speech_acts import network

    trained = network.fit(corpus.train, {"label": labels}, seed=1, epochs=corpus.epochs, start=Path(default, NETWORK))
    return trained.probabilities(corpus.test)[0]["label"]


def _trained_light(rows: pl.DataFrame, test: pl.DataFrame, labels: Sequence[str]) -> NDArray[np.float64]:
    # fastText takes a label as far as the next space.
    names = {label: str(number) for number, label in enumerate(labels)}
    coded = rows.with_columns(pl.col("form", "function").replace(names))
    with tempfile.TemporaryDirectory() as folder:
        light.fit(coded, Path(folder), seed=1, epochs=None, dim=16, buckets=2_000_000)
        models = light.load(Path(folder))
        found, _ = light.probabilities(models, test["text"].to_list(), light.previous(test), list(names.values()))
    return found["function"]


def _since(started: float) -> str:
    return f"{time.process_time() - started:,.0f}"


def calibration_error(said: Judged, right: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins of equal width (Guo et al. 2017, equation 3)."""
    assert said.scores is not None
    bins = np.minimum((said.scores * BINS).astype(int), BINS - 1)
    parts = [(bins == number) for number in range(BINS)]
    return float(sum(part.mean() * abs(right[part].mean() - said.scores[part].mean()) for part in parts if part.any()))


def curve(said: Judged, right: NDArray[np.bool_]) -> dict[float, float]:
    """Accuracy of the share of utterances with the highest scores, by that share."""
    assert said.scores is not None
    ordered = right[np.argsort(-said.scores, kind="stable")]
    shares = [number / 20 for number in range(4, 21)]
    return {share: float(ordered[: max(1, round(share * len(ordered)))].mean()) for share in shares}


def _figures(gold: pl.Series, said: Sequence[str] | Said) -> list[str]:
    by_act = f1_score(gold.to_list(), said, labels=LABELS, average=None, zero_division=0)
    return [*_pair(gold, said), *(f"{value:.3f}" for value in by_act)]


def _pair(gold: pl.Series, said: Sequence[str] | Said) -> list[str]:
    return [f"{accuracy_score(gold.to_list(), said):.3f}", f"{_macro(gold, said):.3f}"]


def _macro(gold: pl.Series, said: Sequence[str] | Said) -> float:
    """Over the labels that occur in the gold."""
    labels = sorted(gold.unique())
    return float(f1_score(gold.to_list(), said, labels=labels, average="macro", zero_division=0))


if __name__ == "__main__":
    main()
