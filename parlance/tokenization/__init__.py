"""Tokenizers trained on the corpus, and how well they fit it."""

from parlance.tokenization.chat import SPECIAL_TOKENS
from parlance.tokenization.comparison import LINES, Comparison, compare, largest, pictures, recommendation
from parlance.tokenization.counting import merged, pretokens
from parlance.tokenization.cuts import Cut
from parlance.tokenization.report import ALL, digits, report, round_trip, round_trips
from parlance.tokenization.training import Kind, Settings, train, train_from_counts

__all__ = [
    "ALL",
    "LINES",
    "SPECIAL_TOKENS",
    "Comparison",
    "Cut",
    "Kind",
    "Settings",
    "compare",
    "digits",
    "largest",
    "merged",
    "pictures",
    "pretokens",
    "recommendation",
    "report",
    "round_trip",
    "round_trips",
    "train",
    "train_from_counts",
]
