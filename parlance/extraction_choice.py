"""Which extractor's text to take for a page, from what the page and the texts look like.

A linear rule guesses each candidate's word F1 and takes the best. It was fitted by `benchmarks/fit_extraction.py`
(ridge regression on labelled pages of seven kinds); trafilatura is preferred unless another is better by a margin,
since what it gives has the least beside the main text.
"""

import math
from collections.abc import Mapping

Candidate = str

CANDIDATES = ("trafilatura", "resiliparse", "whole page")
MARGIN = 0.08
COUNTED = ("comment", "post", "reply", "author", "product", "price", "blockquote")

# In the order of `features`, as `benchmarks/fit_extraction.py` prints them.
WEIGHTS: dict[Candidate, tuple[float, ...]] = {
    "trafilatura": (
        0.02878, 0.007336, 0.02374, 0.01644, -1.202e-05, -1.007e-05, -1.743e-05, -0.001431, -0.01366, -0.005647,
        -0.001128, -0.006239, -0.01473, 0.00498, -0.002087, -0.004414, 0.001658, 0.06515, -0.04908, 0.6549,
    ),
    "resiliparse": (
        -0.03364, 0.01925, 0.008335, 0.01506, 1.043e-05, 5.149e-06, -1.002e-05, -0.0006251, 0.002343, -0.005448,
        -3.279e-05, -0.004649, -0.002021, 0.004028, -0.003353, -0.01435, 0.0017, 0.03388, -0.02434, 0.6593,
    ),
    "whole page": (
        0.001534, 0.0008993, 0.001925, 0.02283, -1.718e-05, -2.324e-05, -2.344e-05, 0.0006845, -0.002362, 0.008757,
        -0.002651, -0.007323, -0.005654, 0.004299, -0.01172, -0.007193, 0.002006, 0.0304, -0.03965, 0.4583,
    ),
}  # fmt: skip


def features(html: str, texts: Mapping[Candidate, str]) -> list[float]:
    """Figures of a page: how long the candidates are beside each other, what its markup has how often, a constant.

    Logarithms of ratios and counts; densities are per hundred characters of the whole page's text.
    """
    main, other, whole = (len(texts[name]) + 1 for name in CANDIDATES)
    low = html.lower()
    hundreds = whole / 100
    counts = {word: math.log1p(low.count(word)) for word in COUNTED}
    return [
        math.log(main / other),
        math.log(other / whole),
        math.log(main / whole),
        math.log(whole),
        low.count("<p") / hundreds,
        low.count("<a ") / hundreds,
        low.count("<li") / hundreds,
        float(low.count("<article")),
        math.log1p(low.count("<time") + low.count("datetime=")),
        math.log1p(low.count("<h2") + low.count("<h3")),
        *counts.values(),
        float('"article"' in low or 'og:type" content="article' in low),
        float("discussionforumposting" in low or "qapage" in low),
        1.0,
    ]


def chosen(html: str, texts: Mapping[Candidate, str]) -> Candidate:
    """The candidate whose text is taken."""
    figures = features(html, texts)
    guessed = {name: sum(w * x for w, x in zip(WEIGHTS[name], figures, strict=True)) for name in CANDIDATES}
    guessed[CANDIDATES[0]] += MARGIN
    return max(CANDIDATES, key=guessed.__getitem__)
