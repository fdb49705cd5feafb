"""Exact and near duplicates: signatures, bands, clusters and the copy that survives.

Importing the package compiles and loads nothing, so that code that only names it stays light.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parlance.dedup.clustering import clusters
    from parlance.dedup.comparing import near_duplicates, pairs
    from parlance.dedup.minhash import bands, content_hashes, signatures
    from parlance.dedup.streaming import near_duplicates_in

__all__ = [
    "bands",
    "clusters",
    "content_hashes",
    "near_duplicates",
    "near_duplicates_in",
    "pairs",
    "signatures",
]

_MODULES = {
    "bands": "minhash",
    "clusters": "clustering",
    "content_hashes": "minhash",
    "near_duplicates": "comparing",
    "near_duplicates_in": "streaming",
    "pairs": "comparing",
    "signatures": "minhash",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
