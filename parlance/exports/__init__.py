"""Instruct examples as files: every layout as JSON lines and Parquet, what trainers are told about them, their card."""

from parlance.exports.card import card
from parlance.exports.facts import Facts
from parlance.exports.ordering import in_order
from parlance.exports.trainers import write_trainer_files
from parlance.exports.writing import write

__all__ = ["Facts", "card", "in_order", "write", "write_trainer_files"]
