"""Features of threads and authors as they were known at a time: for training without leakage, and for serving."""

from parlance.features.export import export_feast
from parlance.features.retrieval import AUTHORS, THREADS, as_of, latest

__all__ = ["AUTHORS", "THREADS", "as_of", "export_feast", "latest"]
