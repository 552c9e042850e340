"""What an import did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """Counts of an import; `late` are records only the store could refuse: (index in the chunk, reason)."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    items: int = 0
    stubs: int = 0
    consents: int = 0
    not_resubscribed: int = 0
    zones_unknown: int = 0
    rejected: int = 0
    late: list[tuple[int, str]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, other: Outcome) -> None:
        for name in ("new", "changed", "unchanged", "items", "stubs", "consents", "not_resubscribed", "zones_unknown"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def reject(self, reason: str) -> None:
        self.rejected += 1
        self.reasons[reason] += 1
