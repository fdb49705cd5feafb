"""How well a model answers what it was not trained on."""

import math
import re
from collections.abc import Sequence

import polars as pl
import torch
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import corpus_bleu, corpus_chrf

from parlance.errors import ConfigError
from parlance.modelling.chats import IGNORED, TokenSequence, labelled_examples
from parlance.modelling.generation import answers
from parlance.modelling.loading import LanguageModel, load_model, load_tokenizer, padding_token, window
from parlance.modelling.reports import Evaluation
from parlance.modelling.settings import GenerationSettings
from parlance.modelling.training import collate

# Scripts that put no space between words: kana, Han, Thai. There each character counts as a word.
UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f"
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")


def evaluate(model: str, examples: pl.DataFrame, *, settings: GenerationSettings) -> Evaluation:
    """Scores `model` (a folder or a name on the hub) on split `test`: the reference answers, and its own.

    Needs the columns that `finetune` needs. Raises ConfigError where the split is empty or nothing of it fits.
    """
    tested = examples.filter(pl.col("split") == "test")
    if tested.is_empty():
        splits = sorted(examples["split"].unique())
        raise ConfigError(
            f"no example of split 'test' to evaluate on; splits of the {examples.height} examples: {splits}"
        )
    loaded, tokenizer = load_model(model), load_tokenizer(model)
    fitting, left_out = labelled_examples(tokenizer, tested, at_most=window(loaded))
    if not fitting:
        raise ConfigError(f"all {tested.height} test examples are longer than the model's {window(loaded)} tokens")
    sequences = [example.sequence for example in fitting]
    nats, tokens = answer_nats(loaded, sequences, padding=padding_token(tokenizer), batch_size=settings.batch_size)
    generated = answers(loaded, tokenizer, [example.prompt for example in fitting], settings=settings)
    references, written = [example.answer for example in fitting], [answer.text for answer in generated]
    characters = sum(map(len, references))
    loss = nats / tokens
    return Evaluation(
        examples=len(fitting),
        tokens=tokens,
        characters=characters,
        loss=loss,
        perplexity=math.exp(loss) if loss < 700 else math.inf,
        bits_per_character=nats / math.log(2) / characters if characters else math.inf,
        **overlap(references, written),
        answers=pl.DataFrame(
            {
                "id": [example.id for example in fitting],
                "question": [example.prompt[-1]["content"] for example in fitting],
                "reference": references,
                "answer": written,
            }
        ),
        left_out=left_out,
    )


def answer_nats(
    model: LanguageModel, sequences: Sequence[TokenSequence], *, padding: int, batch_size: int
) -> tuple[float, int]:
    """How surprised the model is by the labelled tokens, summed in nats, and how many they are."""
    model.eval()
    ordered = sorted(sequences, key=lambda sequence: len(sequence["input_ids"]))
    batch_of, nats, tokens = collate(padding), 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(ordered), batch_size):
            batch = {
                name: tensor.to(model.device) for name, tensor in batch_of(ordered[start : start + batch_size]).items()
            }
            labels = batch.pop("labels")[:, 1:]
            logits = model(**batch).logits[:, :-1].float()
            losses = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
            )
            nats += losses.double().sum().item()
            tokens += int((labels != IGNORED).sum())
    return nats, tokens


def overlap(references: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """ROUGE F1 (mean over the answers, 0 to 1), BLEU and chrF (of all answers together, 0 to 100).

    An answer without a word or digit, such as an emoji alone, has no ROUGE: it counts 0.
    """
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=_Words())
    scores = [scorer.score(reference, answer) for reference, answer in zip(references, written, strict=True)]
    means = {name: sum(score[name].fmeasure for score in scores) / len(scores) for name in scorer.rouge_types}
    return {
        "rouge1": means["rouge1"],
        "rouge2": means["rouge2"],
        "rouge_l": means["rougeL"],
        "bleu": float(corpus_bleu(written, [references]).score),
        "chrf": float(corpus_chrf(written, [references]).score),
    }


class _Words:
    """Words of any script; rouge-score's own tokenizer keeps only a-z and 0-9."""

    def tokenize(self, text: str) -> list[str]:
        return WORD.findall(text.lower())
