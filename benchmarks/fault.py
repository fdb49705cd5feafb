"""One injected fault and what it cost."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`readable` counts what could still be read in spite of the fault, `got` what was; their difference is lost."""

    area: str
    what: str
    unit: str
    readable: int
    got: int
    note: str = ""

    @property
    def lost(self) -> int:
        return self.readable - self.got
