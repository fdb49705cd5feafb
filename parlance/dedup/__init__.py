"""Exact and near duplicates: signatures, bands, clusters and the copy that survives."""

from parlance.dedup.clustering import clusters
from parlance.dedup.comparing import near_duplicates, pairs
from parlance.dedup.minhash import bands, content_hashes, signatures

__all__ = ["bands", "clusters", "content_hashes", "near_duplicates", "pairs", "signatures"]
