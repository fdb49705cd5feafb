"""The Pile: `train/00.jsonl.zst` to `29.jsonl.zst`, JSON lines in many zstd frames with a large window.

    {"text": "...", "meta": {"pile_set_name": "StackExchange"}}

https://arxiv.org/abs/2101.00027, https://pile.eleuther.ai. Documents have no key: a hash of their text stands for it.
"""

from parlance.sources.formats import Format, Head
from parlance.sources.json_rows import object_rows


def recognise(head: Head) -> int:
    meta = (head.record or {}).get("meta")
    return 100 if isinstance(meta, dict) and "pile_set_name" in meta else 0


FORMAT = Format(name="pile", suffixes=(), recognise=recognise, rows=object_rows)
