"""The network that reads an utterance in its conversation. Importing this imports torch.

The first layers of the embedding model, fine-tuned, read the words of each utterance; over what they say of the
utterances of one conversation run two recurrent layers, forward and backward, that know who speaks and how far the talk
is: a hierarchical encoder (Kumar et al. 2018) on a pretrained Transformer. An utterance has the same probabilities
whatever it is computed together with: every shape depends on the utterance and its conversation alone.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from parlance.embedding import weights
from parlance.errors import ConfigError
from parlance.speech_acts.forms import CUES, cues

BASE: Final = "minilm"
LAYERS: Final = 4
HIDDEN: Final = 96
# An utterance is read up to 62 tokens, the first 40 and the last 22, and padded to the next of these lengths.
TOKENS: Final = (8, 16, 32, 64)
_FIRST, _LAST = 40, 22
# Long conversations are read in windows with some utterances around them.
WINDOW: Final = 64
AROUND: Final = 8
_LENGTHS: Final = (1, 8, 24, WINDOW + 2 * AROUND)
_UTTERANCES_AT_ONCE, _SEQUENCES_AT_ONCE = 64, 16
_SAME, _OTHER, _OPENING = 0, 1, 2
_PLACES: Final = 8
_UNLABELLED: Final = -100
_EPOCHS: Final = 4
_UPDATES: Final = 20_000  # utterances that small sets are read for
# In training: utterances in a batch, and of a conversation in one piece.
_READ_TOGETHER: Final = 96
_STRETCH: Final = 30
_LOG_LINES: Final = 20

Probabilities = NDArray[np.float32]


class Utterances(NamedTuple):
    """What the network reads: `tokens` by utterance, (utterances, cues) `marks`, who speaks, and (start, end) of each
    conversation."""

    tokens: Sequence[Sequence[int]]
    marks: Tensor
    speaker: Tensor
    place: Tensor
    conversations: Sequence[tuple[int, int]]


class ContextNetwork(nn.Module):
    """Logits of each target for each utterance of sequences."""

    def __init__(self, targets: Mapping[str, int], *, layers: int = LAYERS, hidden: int = HIDDEN) -> None:
        super().__init__()
        from transformers import AutoModel

        self.words = AutoModel.from_pretrained(
            weights.locate(BASE), use_safetensors=True, local_files_only=True, dtype=torch.float32
        )
        self.words.encoder.layer = self.words.encoder.layer[:layers]
        self.words.pooler = None
        # Its table of words has seen far more text than any labelled set; left alone it also costs no training time.
        self.words.embeddings.requires_grad_(False)
        width = self.words.config.hidden_size
        self.project = nn.Linear(3 * width + len(CUES), 2 * hidden)
        self.speaker = nn.Embedding(3, 8)
        self.place = nn.Embedding(_PLACES, 8)
        self.forward_pass = nn.GRU(2 * hidden + 16, hidden, batch_first=True)
        self.backward_pass = nn.GRU(2 * hidden + 16, hidden, batch_first=True)
        self.heads = nn.ModuleDict({name: nn.Linear(4 * hidden, labels) for name, labels in targets.items()})
        self.dropout = nn.Dropout(0.2)

    def read(self, ids: Tensor, mask: Tensor, marks: Tensor) -> Tensor:
        """(utterances, features) of (utterances, tokens) `ids`."""
        states = self.words(input_ids=ids, attention_mask=mask.long()).last_hidden_state.float()
        kept = mask.unsqueeze(-1)
        mean = (states * kept).sum(1) / kept.sum(1)
        most = states.masked_fill(~kept, -1e4).amax(1)
        return functional.relu(self.project(self.dropout(torch.cat([states[:, 0], mean, most, marks], 1))))

    def judge(self, read: Tensor, speaker: Tensor, place: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """Logits, (sequences, utterances, labels) by target; sequences are padded at their ends to one length."""
        told = torch.cat([self.dropout(read), self.speaker(speaker), self.place(place)], 2)
        onward, _ = self.forward_pass(told)
        # Each sequence is turned round within its own length, so that the padding never comes before it.
        steps = torch.arange(read.shape[1]).unsqueeze(0)
        turned = torch.where(steps < lengths.unsqueeze(1), lengths.unsqueeze(1) - 1 - steps, steps)
        back, _ = self.backward_pass(_taken(told, turned))
        state = self.dropout(torch.cat([read, onward, _taken(back, turned)], 2))
        return {name: head(state) for name, head in self.heads.items()}


def utterances(rows: pl.DataFrame) -> Utterances:
    """The `rows` (columns conversation, author, text), those of a conversation together and in their order."""
    starts = rows["conversation"].rle_id().to_numpy()
    edges = np.flatnonzero(np.diff(starts, prepend=-1, append=-1))
    conversations = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)) if rows.height else []
    speaker = np.where(rows["author"].ne_missing(rows["author"].shift(1)).to_numpy(), _OTHER, _SAME)
    place = np.arange(rows.height)
    for start, end in conversations:
        speaker[start] = _OPENING
        place[start:end] -= start
    texts = rows["text"].to_list()
    known = {name: column for column, name in enumerate(CUES)}
    marks = torch.zeros((len(texts), len(CUES)))
    for row, text in enumerate(texts):
        marks[row, [known[name] for name in cues(text)]] = 1
    places = torch.from_numpy(np.minimum(place, _PLACES - 1))
    return Utterances(_tokens(texts), marks, torch.from_numpy(speaker), places, conversations)


class Network:
    """A trained network; `targets` names the labels of each of its heads."""

    def __init__(self, module: ContextNetwork, targets: Mapping[str, Sequence[str]]) -> None:
        self.module = module.eval()
        self.targets = targets

    def probabilities(self, rows: pl.DataFrame) -> tuple[dict[str, Probabilities], dict[str, Probabilities]]:
        """(utterances, labels) by target, for each utterance in its conversation, and for each as if it stood alone."""
        read = utterances(rows)
        with torch.inference_mode():
            features = _read(self.module, read)
            windows = [window for start, end in read.conversations for window in _windows(start, end)]
            alone = [(row, row + 1, row, row + 1) for row in range(rows.height)]
            opening = read._replace(speaker=torch.full_like(read.speaker, _OPENING), place=torch.zeros_like(read.place))
            return self._judged(features, read, windows), self._judged(features, opening, alone)

    def save(self, file: Path) -> None:
        """Writes the layers that were trained, in half precision."""
        save_file({name: value.half() for name, value in _trained(self.module).items()}, file)

    def _judged(
        self, features: Tensor, read: Utterances, windows: Sequence[tuple[int, int, int, int]]
    ) -> dict[str, Probabilities]:
        found = {
            name: np.zeros((len(features), len(labels)), dtype=np.float32) for name, labels in self.targets.items()
        }
        for length, own in _by_length(windows, [end - start for start, end, _, _ in windows], _LENGTHS):
            for batch in _batches(own, _SEQUENCES_AT_ONCE):
                spans = [(start, end) for start, end, _, _ in batch]
                logits = self.module.judge(*_sequences(features, read, spans, length, _SEQUENCES_AT_ONCE))
                for name, values in logits.items():
                    shares = torch.softmax(values, -1).numpy()
                    for row, (start, _, first, last) in enumerate(batch):
                        found[name][first:last] = shares[row, first - start : last - start]
        return found


def load(file: Path, targets: Mapping[str, Sequence[str]]) -> Network:
    """The network that `Network.save` wrote."""
    module = ContextNetwork({name: len(labels) for name, labels in targets.items()})
    saved = {name: value.float() for name, value in load_file(file).items()}
    if set(saved) != set(_trained(module)):
        raise ConfigError(f"{str(file)!r} is of another version; train it again")
    module.load_state_dict(saved, strict=False)
    return Network(module, targets)


def fit(
    rows: pl.DataFrame,
    targets: Mapping[str, Sequence[str]],
    *,
    seed: int,
    epochs: int | None = None,
    start: Path | None = None,
    log: Callable[[str], None] | None = None,
) -> Network:
    """Trained on `rows` as `utterances` reads them, with a column of labels for each target.

    A null label teaches nothing. `epochs` None means as many as the number of rows asks for. Training goes on from the
    layers in the file `start`, but for heads of other targets. `log` gets some twenty lines of progress. Equal rows in
    equal order give an equal network on one machine.
    """
    epochs = epochs or min(20, max(_EPOCHS, _UPDATES // max(rows.height, 1)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = ContextNetwork({name: len(labels) for name, labels in targets.items()})
        if start is not None:
            saved = {name: value.float() for name, value in load_file(start).items() if not name.startswith("heads.")}
            module.load_state_dict(saved, strict=False)
        started = time.monotonic()
        learning = _learning(module, utterances(rows), _codes(rows, targets), np.random.default_rng(seed), epochs)
        for step, steps, loss in learning:
            if log is not None and step % max(1, steps // _LOG_LINES) == 0:
                left = (time.monotonic() - started) * (steps / step - 1)
                log(f"network: {step:,} of {steps:,} steps, loss {loss.item():.3f}, about {left:,.0f} s left")
    return Network(module, targets)


def _learning(
    module: ContextNetwork, read: Utterances, gold: Mapping[str, Tensor], random: np.random.Generator, epochs: int
) -> Iterator[tuple[int, int, Tensor]]:
    """Learns as it is read: after each step its number, how many there are, and the loss."""
    below = [value for value in module.words.parameters() if value.requires_grad]
    above = [value for name, value in module.named_parameters() if not name.startswith("words.")]
    rates = (1.5e-4, 1.5e-3)
    optimizer = torch.optim.AdamW([{"params": below}, {"params": above}], weight_decay=0.01)
    plan = [batch for _ in range(epochs) for batch in _shuffled(read.conversations, random)]
    warming = min(60, 1 + len(plan) // 10)
    module.train()
    for step, spans in enumerate(plan):
        scale = min(1.0, (step + 1) / warming) * max(0.01, 1 - step / len(plan))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * scale
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_has_bfloat16()):
            loss = _loss(module, read, gold, spans)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        yield step + 1, len(plan), loss.detach()


def _loss(
    module: ContextNetwork, read: Utterances, gold: Mapping[str, Tensor], spans: Sequence[tuple[int, int]]
) -> Tensor:
    rows = sorted((row for start, end in spans for row in range(start, end)), key=lambda row: len(read.tokens[row]))
    features = torch.cat(
        [module.read(*_padded(read, part, _longest(read, part))) for part in _batches(rows, _READ_TOGETHER)]
    )
    places = torch.empty(max(rows) + 1, dtype=torch.long)
    places[rows] = torch.arange(len(rows))
    length = max(end - start for start, end in spans)
    at, lengths, inside = _positions(spans, length, len(spans))
    logits = module.judge(
        features[places[at.clamp(min=min(rows))]] * inside.unsqueeze(-1), read.speaker[at], read.place[at], lengths
    )
    losses = []
    for name, values in logits.items():
        wanted = gold[name][at].masked_fill(~inside, _UNLABELLED).flatten()
        summed = functional.cross_entropy(
            values.float().flatten(0, 1), wanted, ignore_index=_UNLABELLED, reduction="sum"
        )
        losses.append(summed / (wanted != _UNLABELLED).sum().clamp(min=1))
    return torch.stack(losses).sum()


def _shuffled(conversations: Sequence[tuple[int, int]], random: np.random.Generator) -> Iterator[list[tuple[int, int]]]:
    """Stretches of conversations, cut elsewhere each time, those of like length together in batches of some 100."""
    offset = int(random.integers(0, _STRETCH))
    spans = [
        (max(start, first), min(end, first + _STRETCH))
        for start, end in conversations
        for first in range(start - offset, end, _STRETCH)
        if first + _STRETCH > start
    ]
    random.shuffle(spans)
    noise = random.random(len(spans))
    order = sorted(range(len(spans)), key=lambda place: (spans[place][1] - spans[place][0]) // 6 + 2 * noise[place])
    batches: list[list[tuple[int, int]]] = [[]]
    for place in order:
        if sum(end - start for start, end in batches[-1]) >= _READ_TOGETHER:
            batches.append([])
        batches[-1].append(spans[place])
    random.shuffle(batches)
    yield from (batch for batch in batches if batch)


def _read(module: ContextNetwork, read: Utterances) -> Tensor:
    """What the words say, (utterances, features)."""
    features = torch.zeros((len(read.tokens), module.project.out_features))
    rows = list(range(len(read.tokens)))
    for length, own in _by_length(rows, [len(tokens) for tokens in read.tokens], TOKENS):
        for batch in _batches(own, _UTTERANCES_AT_ONCE):
            # Filled up with its own rows, so that each batch has one shape.
            filled = [batch[place % len(batch)] for place in range(_UTTERANCES_AT_ONCE)]
            features[batch] = module.read(*_padded(read, filled, length))[: len(batch)]
    return features


def _sequences(
    features: Tensor, read: Utterances, spans: Sequence[tuple[int, int]], length: int, sequences: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `ContextNetwork.judge` takes for `spans` of utterances, filled up with empty sequences."""
    at, lengths, inside = _positions(spans, length, sequences)
    return features[at] * inside.unsqueeze(-1), read.speaker[at], read.place[at], lengths


def _positions(spans: Sequence[tuple[int, int]], length: int, sequences: int) -> tuple[Tensor, Tensor, Tensor]:
    """(sequences, length) row numbers, the lengths, and which positions are inside."""
    starts = torch.tensor([start for start, _ in spans] + [spans[0][0]] * (sequences - len(spans)))
    lengths = torch.tensor([end - start for start, end in spans] + [0] * (sequences - len(spans)))
    steps = torch.arange(length).unsqueeze(0)
    inside = steps < lengths.unsqueeze(1)
    return torch.where(inside, starts.unsqueeze(1) + steps, starts.unsqueeze(1)), lengths, inside


def _padded(read: Utterances, rows: Sequence[int], length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Token numbers, which of them are there, and marks of `rows`."""
    ids = torch.zeros((len(rows), length), dtype=torch.long)
    mask = torch.zeros((len(rows), length), dtype=torch.bool)
    for place, row in enumerate(rows):
        own = read.tokens[row]
        ids[place, : len(own)] = torch.tensor(own)
        mask[place, : len(own)] = True
    return ids, mask, read.marks[rows]


def _windows(start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Stretches of a conversation: what is read (start, end), and of that what is judged (first, last)."""
    for first in range(start, end, WINDOW):
        last = min(first + WINDOW, end)
        yield max(first - AROUND, start), min(last + AROUND, end), first, last


def _by_length(items: Sequence[Any], lengths: Sequence[int], bounds: Sequence[int]) -> Iterator[tuple[int, list[Any]]]:
    """`items` by the least of `bounds` that holds their length."""
    places = np.searchsorted(bounds, lengths)
    for place, bound in enumerate(bounds):
        if own := [item for item, at in zip(items, places, strict=True) if at == place]:
            yield bound, own


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def _taken(states: Tensor, order: Tensor) -> Tensor:
    """`states` (sequences, steps, features), each sequence in its `order` of steps."""
    return torch.take_along_dim(states, order.unsqueeze(-1), dim=1)


def _tokens(texts: Sequence[str]) -> list[list[int]]:
    tokenizer = weights.tokenizer(weights.locate(BASE))
    found = []
    for encoding in tokenizer.encode_batch_fast(list(texts)):
        ids = encoding.ids
        if len(ids) > TOKENS[-1]:
            ids = [*ids[: 1 + _FIRST], *ids[-1 - _LAST :]]
        found.append(ids)
    return found


def _longest(read: Utterances, rows: Sequence[int]) -> int:
    return max(len(read.tokens[row]) for row in rows)


def _codes(rows: pl.DataFrame, targets: Mapping[str, Sequence[str]]) -> dict[str, Tensor]:
    codes = {}
    for name, labels in targets.items():
        places = rows[name].replace_strict(list(labels), list(range(len(labels))), return_dtype=pl.Int64)
        codes[name] = torch.from_numpy(places.fill_null(_UNLABELLED).to_numpy().copy())
    return codes


def _trained(module: ContextNetwork) -> dict[str, Tensor]:
    """What training changes: all but the table of words."""
    return {name: value for name, value in module.state_dict().items() if not name.startswith("words.embeddings.")}


def _has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 by itself; elsewhere it is slower than float32."""
    return torch.backends.cpu.get_cpu_capability() in {"AVX512", "AMX"} and torch.ops.mkldnn._is_mkldnn_bf16_supported()
