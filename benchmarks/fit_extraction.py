"""Fits the rule that chooses between extractors, and says how good it is on pages that it was not fitted on.

    python -m benchmarks.fit_extraction

Ridge regression of each candidate's word F1 on the features of a page: the pages of wcxb, and those of ScrapingHub
with a weight of 0.3, so that plain articles stay what they are. The result stands in `parlance/extraction_choice.py`.
"""

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled_pages import pages, segment_f1, shingle_f1, word_f1
from parlance.extraction import candidates
from parlance.extraction_choice import CANDIDATES, MARGIN, features

ALPHA, SIDE_WEIGHT, FOLDS, SEEDS = 300.0, 0.3, 5, 6
Matrix = NDArray[np.float64]


def fitted(x: Matrix, y: Matrix, weights: Matrix) -> Matrix:
    """Weights of the features as they are, `(features, candidates)`; the last feature is the constant."""
    mean, spread = np.average(x[:, :-1], axis=0, weights=weights), x[:, :-1].std(axis=0) + 1e-12
    z = (x[:, :-1] - mean) / spread
    middle = np.average(y, axis=0, weights=weights)
    w = np.linalg.solve(
        (z * weights[:, None]).T @ z + ALPHA * np.eye(z.shape[1]), (z * weights[:, None]).T @ (y - middle)
    )
    w /= spread[:, None]
    return np.vstack([w, middle - mean @ w])


def best(x: Matrix, w: Matrix) -> NDArray[np.int64]:
    guessed = x @ w
    guessed[:, 0] += MARGIN
    return guessed.argmax(axis=1)


def main() -> None:
    sets = {name: pages(name) for name in ("wcxb", "scrapinghub", "trafilatura-eval")}
    texts = {name: [candidates(page.html, url=page.url) for page in found] for name, found in sets.items()}
    x = {n: np.array([features(p.html, t) for p, t in zip(sets[n], texts[n], strict=True)]) for n in sets}
    y = {
        n: np.array([[word_f1(t[c], p.text) for c in CANDIDATES] for p, t in zip(sets[n], texts[n], strict=True)])
        for n in ("wcxb", "scrapinghub")
    }
    both = (np.vstack([x["wcxb"], x["scrapinghub"]]), np.vstack([y["wcxb"], y["scrapinghub"]]))
    weight = np.concatenate([np.ones(len(x["wcxb"])), np.full(len(x["scrapinghub"]), SIDE_WEIGHT)])
    kinds = np.array([page.kind for page in sets["wcxb"]])
    scores = []
    for seed in range(SEEDS):
        fold = np.random.default_rng(seed).permutation(len(both[0])) % FOLDS
        taken = np.empty(len(both[0]), dtype=np.int64)
        for k in range(FOLDS):
            w = fitted(both[0][fold != k], both[1][fold != k], weight[fold != k])
            taken[fold == k] = best(both[0][fold == k], w)
        score = y["wcxb"][np.arange(len(kinds)), taken[: len(kinds)]]
        side = [
            (texts["scrapinghub"][i][CANDIDATES[c]], page.text)
            for i, (page, c) in enumerate(zip(sets["scrapinghub"], taken[len(kinds) :], strict=True))
        ]
        scores.append([score.mean(), *(score[kinds == kind].mean() for kind in sorted(set(kinds))), shingle_f1(side)])
    names = ["wcxb", *sorted(set(kinds)), "scrapinghub"]
    print("held out:", ", ".join(f"{n} {s:.3f}" for n, s in zip(names, np.mean(scores, axis=0), strict=True)))
    w = fitted(*both, weight)
    taken = best(x["trafilatura-eval"], w)
    names = [CANDIDATES[c] for c in taken]
    found = zip(texts["trafilatura-eval"], names, sets["trafilatura-eval"], strict=True)
    judged = [(given[name], page) for given, name, page in found]
    print(f"never fitted on: trafilatura-eval {segment_f1(judged):.3f}")
    for name, column in zip(CANDIDATES, w.T, strict=True):
        print(f'    "{name}": ({", ".join(f"{value:.4g}" for value in column)}),')


if __name__ == "__main__":
    main()
