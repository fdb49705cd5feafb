"""Which chunks a search may find."""

import datetime as dt
from dataclasses import dataclass

from parlance.errors import ConfigError
from parlance.speech_acts.labels import LABELS


@dataclass(frozen=True, kw_only=True)
class Where:
    """Bounds on chunks; null is no bound.

    `since` and `until` are the first and last day (UTC) on which the document was written: with either, a document
    whose time is unknown is left out. `speech_act` is the function of an utterance that the chunk touches.
    Raises ConfigError for an unknown speech act and for days in the wrong order.
    """

    source: str | None = None
    language: str | None = None
    channel: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    speech_act: str | None = None

    def __post_init__(self) -> None:
        if self.speech_act is not None and self.speech_act not in LABELS:
            raise ConfigError(f"unknown speech act {self.speech_act!r}; known: {', '.join(LABELS)}")
        if self.since and self.until and self.since > self.until:
            raise ConfigError(f"since {self.since} is after until {self.until}")

    @property
    def sql(self) -> str | None:
        """The bounds as an SQL condition; null without any.

        >>> Where(source="slack", speech_act="question").sql
        "source = 'slack' AND array_has_any(speech_acts, ['question'])"
        """
        named = {"source": self.source, "language": self.language, "channel": self.channel}
        parts = [f"{column} = {literal(value)}" for column, value in named.items() if value is not None]
        if self.since:
            parts.append(f"created_at >= {_midnight(self.since)}")
        if self.until:
            parts.append(f"created_at < {_midnight(self.until + dt.timedelta(days=1))}")
        if self.speech_act is not None:
            parts.append(f"array_has_any(speech_acts, [{literal(self.speech_act)}])")
        return " AND ".join(parts) or None


def literal(value: str) -> str:
    """`value` as a SQL string; a quote is doubled and nothing else has a meaning there."""
    return "'" + value.replace("'", "''") + "'"


def _midnight(day: dt.date) -> str:
    return f"TIMESTAMP '{day.isoformat()}T00:00:00Z'"
