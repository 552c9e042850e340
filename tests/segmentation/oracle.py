"""Who belongs to a segment, worked out customer by customer in plain Python: a second opinion on the compiler.

Written from the grammar (its words, windows, edges and missing values) and from nothing else: it imports nothing of
Rapport's. Conditions are the plain dicts and texts that a YAML file holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from math import ceil
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from tests.segmentation.oracle_asked import Asked
from tests.segmentation.oracle_attributes import attribute, attribute_number
from tests.segmentation.oracle_events import MEASURES, event, event_number, sequence
from tests.segmentation.oracle_facts import Condition, Event, Line, Person, Words
from tests.segmentation.oracle_messages import message
from tests.segmentation.oracle_people import (
    campaign,
    consent,
    follow_up,
    followed,
    near,
    offer,
    reachable,
    sample,
    score,
    score_number,
    suppressed,
)

__all__ = ["Condition", "Event", "Line", "Oracle", "Person", "Words"]
Kind: TypeAlias = Callable[[Asked, Condition], bool]
KINDS: Mapping[str, Kind] = {
    "attribute": attribute, "event": event, "message": message, "sequence": sequence, "reachable": reachable,
    "campaign": campaign, "offer": offer, "follow_up": follow_up, "score": score, "consent": consent,
    "suppressed": suppressed, "near": near,
}  # fmt: skip
NUMBERS: Mapping[str, Callable[[Asked, Condition], Fraction | None]] = {
    "attribute": attribute_number, "event": event_number, "score": score_number,
}  # fmt: skip


@dataclass(frozen=True)
class Oracle:
    """People, the words about them, and where the company is; `name` is the segment's that is asked for."""

    people: Sequence[Person]
    words: Words
    zone: ZoneInfo
    segments: Mapping[str, Condition] = field(default_factory=dict)
    name: str = "x"
    _ranked: dict[str, set[str]] = field(default_factory=dict)

    def members(self, who: Condition, now: datetime) -> list[str]:
        """The keys of those for whom the condition holds, in order."""
        self._ranked.clear()
        return sorted(person.key for person in self.present if self.holds(who, person, now))

    @property
    def present(self) -> list[Person]:
        return [person for person in self.people if not person.erased]

    def holds(self, who: Condition, person: Person, now: datetime) -> bool:
        asked = Asked(person, now, self.words, self.zone)
        ranking = rank_of(who)
        if ranking:
            return person.key in self.ranked(who, ranking, now)
        around: dict[str, Callable[[], bool]] = {
            "all": lambda: all(self.holds(part, person, now) for part in who["all"]),
            "any": lambda: any(self.holds(part, person, now) for part in who["any"]),
            "not": lambda: not self.holds(who["not"], person, now),
            "segment": lambda: self.segment(asked, who),
            "sample": lambda: sample(asked, who, self.name),
            "list": lambda: who["list"] in person.lists,
        }
        kind = next(key for key in who if key in around or key in KINDS)
        return around[kind]() if kind in around else KINDS[kind](asked, who)

    def segment(self, asked: Asked, who: Condition) -> bool:
        if len(who) > 1:
            return followed(asked, who)
        other = replace(self, name=who["segment"])
        return other.holds(self.segments[who["segment"]], asked.person, asked.now)

    def ranked(self, who: Condition, ranking: Condition, now: datetime) -> set[str]:
        """The keys of those at the top or the bottom."""
        name = json.dumps(who)
        if name not in self._ranked:
            self._ranked[name] = self.rank(who, ranking, now)
        return self._ranked[name]

    def rank(self, who: Condition, ranking: Condition, now: datetime) -> set[str]:
        number = NUMBERS[next(kind for kind in NUMBERS if kind in who)]
        asked = [(person.key, number(Asked(person, now, self.words, self.zone), who)) for person in self.present]
        word, operand = next((word, ranking[word]) for word in ("top", "bottom") if word in ranking)
        sign = -1 if word == "top" else 1
        values = sorted((sign * value, key) for key, value in asked if value is not None)
        size, percent, _ = operand.partition(" %")
        wanted = ceil(Fraction(size) * len(values) / 100) if percent else int(size)
        last = values[:wanted][-1][0] if values[:wanted] else None
        tied = [one for one in values[wanted:] if ranking.get("tie") == "all" and one[0] == last]
        return {key for _, key in values[:wanted] + tied}


def rank_of(who: Condition) -> Any:
    """The comparison that asks for the top or the bottom, if one does."""
    parts = [who, *(who[name] for name in MEASURES if isinstance(who.get(name), Mapping))]
    return next((part for part in parts if "top" in part or "bottom" in part), None)
