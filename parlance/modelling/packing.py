"""Several chats in one sequence, none of which sees another.

What stands in a sequence is told by `chats`: 1, 2, ... for the tokens of the first chat, the second and so on, 0 for
padding.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np
import torch

from parlance.errors import ConfigError
from parlance.modelling.chats import IGNORED, TokenSequence
from parlance.modelling.loading import LanguageModel

# Logits of a chat packed and alone differ by rounding; by as much as without a mask where the mask is not obeyed.
MOST_SEEN = 0.1


def packed(sequences: Sequence[TokenSequence], *, length: int) -> list[TokenSequence]:
    """`sequences` in as few of up to `length` tokens as best fit finds, the longest first; equal input, equal packs.

    No token is learned across a border: the first label of each chat is `IGNORED`, as no chat predicts its first token.
    """
    bins = best_fit([len(sequence["input_ids"]) for sequence in sequences], length=length)
    return [_joined([sequences[index] for index in members]) for members in bins]


def best_fit(lengths: Sequence[int], *, length: int) -> list[list[int]]:
    """Positions of `lengths` in bins of `length`; each goes where the least room is left after it.

    >>> best_fit([3, 5, 4, 2, 6], length=8)
    [[4, 3], [1, 0], [2]]
    """
    bins: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # room left and the bin, in order
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        place = bisect_left(rooms, (lengths[index], -1))
        if place == len(rooms):
            bins.append([])
            room, target = length, len(bins) - 1
        else:
            room, target = rooms.pop(place)
        bins[target].append(index)
        insort(rooms, (room - lengths[index], target))
    return bins


def positions(chats: torch.Tensor) -> torch.Tensor:
    """The place of each token in its chat: `(batch, length)`, like `chats`.

    >>> positions(torch.tensor([[1, 1, 1, 2, 2, 0]]))
    tensor([[0, 1, 2, 0, 1, 0]])
    """
    places = torch.arange(chats.shape[1], device=chats.device).expand_as(chats)
    starts = torch.zeros_like(chats, dtype=torch.bool)
    starts[:, 1:] = chats[:, 1:] != chats[:, :-1]
    return places - torch.where(starts, places, 0).cummax(dim=1).values


def block_diagonal(chats: torch.Tensor) -> torch.Tensor:
    """Which token sees which, `(batch, 1, length, length)` bool: those before it in its own chat, and itself.

    Padding sees padding, so that no row is empty: the softmax of an empty row is no number.
    """
    same = chats[:, None, :, None] == chats[:, None, None, :]
    return same & torch.ones_like(same).tril()


def require_packing(model: LanguageModel) -> None:
    """Raises ConfigError where `model` could not be held from seeing across chats.

    A mask says it to attention alone, and to no layer with a window or a state of its own; whether it does is tried.
    """
    config = model.config.get_text_config()
    layers = set(getattr(config, "layer_types", None) or []) - {"full_attention"}
    windowed = getattr(config, "sliding_window", None) is not None and getattr(config, "use_sliding_window", True)
    implementation = config._attn_implementation
    if layers or windowed or implementation != "sdpa" or not _blind(model):
        found = ", ".join([implementation, *sorted(layers), *(["sliding_window"] if windowed else [])])
        raise ConfigError(
            f"packing true, but a {config.model_type} model ({found}) cannot be held from seeing across chats; "
            "set packing false"
        )


@torch.no_grad()
def _blind(model: LanguageModel) -> bool:
    """Whether a chat's neighbour hardly changes its logits under the mask, as against without it.

    Without is the measure, since an untrained model hardly looks at anything.
    """
    size = model.get_input_embeddings().num_embeddings
    tokens = torch.arange(1, 9, device=model.device)[None] * 7919 % size
    chats = torch.tensor([[1, 1, 1, 2, 2, 2, 2, 2]], device=model.device)
    was_training = model.training
    model.eval()
    masked = model(
        input_ids=tokens, position_ids=positions(chats), attention_mask=block_diagonal(chats), use_cache=False
    ).logits
    seeing = model(input_ids=tokens, use_cache=False).logits
    alone = torch.cat([model(input_ids=part, use_cache=False).logits for part in (tokens[:, :3], tokens[:, 3:])], dim=1)
    model.train(was_training)
    return bool((masked - alone).abs().max() <= MOST_SEEN * (seeing - alone).abs().max())


def _joined(sequences: Sequence[TokenSequence]) -> TokenSequence:
    lengths = [len(sequence["input_ids"]) for sequence in sequences]
    labels = np.concatenate([np.asarray(sequence["labels"], dtype=np.int32) for sequence in sequences])
    labels[np.cumsum([0, *lengths[:-1]])] = IGNORED
    return {
        "input_ids": np.concatenate([np.asarray(sequence["input_ids"], dtype=np.int32) for sequence in sequences]),
        "labels": labels,
        "chats": np.repeat(np.arange(1, len(lengths) + 1, dtype=np.int32), lengths),
    }
