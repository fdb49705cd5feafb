"""Search over chunks: by meaning, by words, or by both, with filters.

`python -m parlance.search URI QUERY` is the command.
"""

from parlance.search.conditions import Where
from parlance.search.finding import HITS, MAX_K, Mode, nearest, search
from parlance.search.store import Store

__all__ = ["HITS", "MAX_K", "Mode", "Store", "Where", "nearest", "search"]
