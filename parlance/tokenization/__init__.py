"""Tokenizers trained on the corpus, and how well they fit it."""

from parlance.tokenization.chat import SPECIAL_TOKENS
from parlance.tokenization.report import ALL, digits, report, round_trip
from parlance.tokenization.training import Kind, train

__all__ = ["ALL", "SPECIAL_TOKENS", "Kind", "digits", "report", "round_trip", "train"]
