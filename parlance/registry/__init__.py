"""The registry of models: what each was made from, how it does, which is the candidate and which is in use.

Importing this package does not load MLflow.
"""

from parlance.registry.cards import card
from parlance.registry.records import Record, record_of
from parlance.registry.versions import CANDIDATE, CHAMPION, Registered, Registry

__all__ = ["CANDIDATE", "CHAMPION", "Record", "Registered", "Registry", "card", "record_of"]
