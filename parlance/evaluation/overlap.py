"""How much of a reference stands in an answer: ROUGE, BLEU, chrF, exact match and F1 of words."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

# Scripts that put no space between words: kana, Han, Thai. There each character counts as a word.
UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f"
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
ORDERS = 4  # of BLEU's n-grams
MEANS = ["rouge1", "rouge2", "rouge_l", "exact_match", "f1"]
# What an answer adds to BLEU: matches and n-grams by order, its length and that of its reference.
BLEU_COLUMNS = [
    *(f"matches_{order}" for order in range(1, ORDERS + 1)),
    *(f"ngrams_{order}" for order in range(1, ORDERS + 1)),
    "length",
    "reference_length",
]


def words(text: str) -> list[str]:
    """The words of any script, in small letters.

    >>> words("Größe: 3 m")
    ['größe', '3', 'm']
    """
    return WORD.findall(unicodedata.normalize("NFC", text).lower())


def exact_match(reference: str, answer: str) -> bool:
    """Whether both have the same words, or no words and the same characters.

    >>> exact_match("Twelve days.", "twelve days"), exact_match("🙂", ""), exact_match("a", "")
    (True, False, False)
    """
    asked, said = words(reference), words(answer)
    return asked == said if asked or said else reference.strip() == answer.strip()


def f1(reference: str, answer: str) -> float:
    """Harmonic mean of precision and recall of words, as for SQuAD (Rajpurkar et al. 2016, section 6.1).

    >>> f1("the cat sat", "the dog sat down")
    0.5714285714285714
    """
    asked, said = Counter(words(reference)), Counter(words(answer))
    shared = (asked & said).total()
    return 2 * shared / (asked.total() + said.total()) if shared else float(exact_match(reference, answer))


def overlap(references: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """ROUGE F1, exact match and F1 (means over the answers, 0 to 1), BLEU and chrF (of all together, 0 to 100).

    An answer without a word or digit, such as an emoji alone, has no ROUGE: it counts 0.
    """
    return summed(overlap_scores(references, written), references, written)


def summed(scores: pl.DataFrame, references: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """The figures of `overlap` from its scores."""
    from sacrebleu import corpus_chrf

    means = dict(zip(MEANS, scores.select(MEANS).to_numpy().mean(axis=0).tolist(), strict=True))
    statistics = scores.select(BLEU_COLUMNS).to_numpy().sum(axis=0)
    return means | {"bleu": bleu(statistics), "chrf": float(corpus_chrf(written, [references]).score)}


def overlap_scores(references: Sequence[str], written: Sequence[str]) -> pl.DataFrame:
    """What each answer adds: rouge1, rouge2, rouge_l, exact_match, f1 and `BLEU_COLUMNS`."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.bleu import BLEU

    rouge = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=_Words())
    counting = BLEU(effective_order=True)
    rows = []
    for reference, answer in zip(references, written, strict=True):
        found = rouge.score(reference, answer)
        counted = counting.sentence_score(answer, [reference])
        rows.append(
            (
                *(found[name].fmeasure for name in ("rouge1", "rouge2", "rougeL")),
                float(exact_match(reference, answer)),
                f1(reference, answer),
                *counted.counts,
                *counted.totals,
                counted.sys_len,
                counted.ref_len,
            )
        )
    return pl.DataFrame(rows, schema=dict.fromkeys([*MEANS, *BLEU_COLUMNS], pl.Float64), orient="row")


def bleu(statistics: Any) -> float:
    """BLEU of summed `BLEU_COLUMNS`, by sacrebleu with its own smoothing."""
    from sacrebleu.metrics.bleu import BLEU

    counts = [round(value) for value in np.asarray(statistics).tolist()]
    score = BLEU.compute_bleu(
        correct=counts[:ORDERS],
        total=counts[ORDERS : 2 * ORDERS],
        sys_len=counts[-2],
        ref_len=counts[-1],
        smooth_method="exp",
    )
    return float(score.score)


class _Words:
    """Words of any script; rouge-score's own tokenizer keeps only a-z and 0-9."""

    def tokenize(self, text: str) -> list[str]:
        return WORD.findall(text.lower())
