"""How well a model answers what it was not trained on."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from transformers import PreTrainedTokenizerBase

from parlance.errors import ConfigError
from parlance.evaluation.overlap import overlap_scores, summed
from parlance.evaluation.reports import Evaluation
from parlance.modelling.chats import IGNORED, LabelledExample, TokenSequence, labelled_examples
from parlance.modelling.generation import answers
from parlance.modelling.loading import LanguageModel, load_model, load_tokenizer, padding_token, window
from parlance.modelling.settings import GenerationSettings
from parlance.modelling.training import Batch, collate

GROUP = "document_id"
MOST_TOKENS = 4096  # of a batch: their logits over a vocabulary of 152 thousand words are 2.5 GB


def evaluate(model: str, examples: pl.DataFrame, *, settings: GenerationSettings) -> Evaluation:
    """Scores `model` (a folder or a name on the hub) on split `test`: the reference answers, and its own.

    Needs the columns that `finetune` needs. Raises ConfigError where the split is empty or nothing of it fits.
    """
    tested(examples)
    return score(load_model(model), load_tokenizer(model), examples, settings=settings)


def tested(examples: pl.DataFrame) -> pl.DataFrame:
    """The examples of split `test`. Raises ConfigError where there is none."""
    found = examples.filter(pl.col("split") == "test")
    if found.is_empty():
        splits = sorted(examples["split"].unique())
        raise ConfigError(
            f"no example of split 'test' to evaluate on; splits of the {examples.height} examples: {splits}"
        )
    return found


def score(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, examples: pl.DataFrame, *, settings: GenerationSettings
) -> Evaluation:
    """As `evaluate`, of a loaded model."""
    rows = tested(examples)
    fitting, left_out = labelled_examples(tokenizer, rows, at_most=window(model))
    if not fitting:
        raise ConfigError(f"all {rows.height} test examples are longer than the model's {window(model)} tokens")
    sequences = [example.sequence for example in fitting]
    nats, tokens = answer_nats(model, sequences, padding=padding_token(tokenizer), batch_size=settings.batch_size)
    generated = answers(model, tokenizer, [example.prompt for example in fitting], settings=settings)
    references, written = [example.answer for example in fitting], [answer.text for answer in generated]
    characters = sum(map(len, references))
    loss = float(nats.sum()) / int(tokens.sum())
    overlaps = overlap_scores(references, written)
    measured = pl.DataFrame({"nats": nats, "tokens": tokens, "characters": list(map(len, references))})
    ids = pl.DataFrame({"id": [example.id for example in fitting], "group": _groups(rows, fitting)})
    return Evaluation(
        examples=len(fitting),
        tokens=int(tokens.sum()),
        characters=characters,
        loss=loss,
        perplexity=math.exp(loss) if loss < 700 else math.inf,
        bits_per_character=float(nats.sum()) / math.log(2) / characters if characters else math.inf,
        **summed(overlaps, references, written),
        answers=pl.DataFrame(
            {
                "id": ids["id"],
                "question": [example.prompt[-1]["content"] for example in fitting],
                "reference": references,
                "answer": written,
            }
        ),
        scores=pl.concat([ids, measured, overlaps], how="horizontal"),
        left_out=left_out,
    )


def answer_nats(
    model: LanguageModel, sequences: Sequence[TokenSequence], *, padding: int, batch_size: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """How surprised the model is by the labelled tokens of each sequence, in nats, and how many they are."""
    model.eval()
    nats, tokens = np.zeros(len(sequences)), np.zeros(len(sequences), dtype=np.int64)
    batch_of = collate(padding)
    for places in _batches([len(sequence["input_ids"]) for sequence in sequences], batch_size):
        nats[places], tokens[places] = _batch_nats(model, batch_of([sequences[place] for place in places]))
    return nats, tokens


def _batches(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Places of similar lengths: up to `batch_size`, and `MOST_TOKENS` with their padding, but at least one."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: lengths[place]):
        if len(batch) == batch_size or (batch and (len(batch) + 1) * lengths[place] > MOST_TOKENS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _batch_nats(model: LanguageModel, batch: Batch) -> tuple[list[float], list[int]]:
    """Nats and labelled tokens of each row.

    Row by row, and of what is labelled alone: the losses of a whole batch would take twice its logits once more.
    """
    given = {name: tensor.to(model.device) for name, tensor in batch.items()}
    labels = given.pop("labels")[:, 1:]
    nats, tokens = [], []
    with torch.inference_mode():
        for scores, expected in zip(model(**given).logits[:, :-1], labels, strict=True):
            learned = expected != IGNORED
            losses = torch.nn.functional.cross_entropy(scores[learned].float(), expected[learned], reduction="none")
            nats.append(float(losses.double().sum()))
            tokens.append(len(losses))
    return nats, tokens


def _groups(rows: pl.DataFrame, fitting: Sequence[LabelledExample]) -> list[str]:
    """What each example belongs to: its document, where that is known, else itself."""
    if GROUP not in rows.columns:
        return [example.id for example in fitting]
    known = dict(rows.select("id", GROUP).iter_rows())
    return [known[example.id] for example in fitting]
