"""A question about one person at one instant, for the oracle: her day, windows, anchors, and values of her attributes.

Like the oracle it imports nothing of Rapport's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from tests.segmentation.oracle_facts import Condition, Person, Words
from tests.segmentation.oracle_times import WINDOWS, Missing, age, in_days, in_window, midnight, moved
from tests.segmentation.oracle_values import deep, holds, money_holds, typed

# Countries of the tests that have one zone only; of the others there is no telling.
ONLY_ZONE = {"JP": "Asia/Tokyo", "NU": "Pacific/Niue", "WS": "Pacific/Apia", "FR": "Europe/Paris"}
ZONES = available_timezones()
FACTS = {"latitude": "number", "longitude": "number"}


@dataclass(frozen=True)
class Asked:
    """`zone` is the company's."""

    person: Person
    now: datetime
    words: Words
    zone: ZoneInfo

    # Times

    @property
    def own_zone(self) -> ZoneInfo:
        """Her own, else her country's only one, else the company's."""
        own = self.person.facts["time_zone"]
        if own in ZONES:
            return ZoneInfo(own)
        only = ONLY_ZONE.get(self.person.facts["country"] or "")
        return ZoneInfo(only) if only else self.zone

    @property
    def today(self) -> date:
        return self.now.astimezone(self.own_zone).date()

    def day_of(self, instant: datetime) -> date:
        """The company's."""
        return instant.astimezone(self.zone).date()

    def ago(self, duration: str) -> datetime:
        return moved(self.now, duration, -1, self.zone)

    def in_windows(self, instant: datetime | None, who: Condition) -> bool:
        """Whether it lies in all windows that stand there; one that is missing lies in none."""
        windows = [(word, who[word]) for word in WINDOWS if word in who]
        return all(
            instant is not None and in_window(instant, word, operand, self.now, self.zone, self.anchor)
            for word, operand in windows
        )

    def anchor(self, name: str) -> datetime:
        which, _, kind = name.partition(" ")
        if kind:
            return (max if which == "last" else min)(self.instants_of(kind))
        sort, value = self.value(name)
        if value is None:
            raise Missing
        return midnight(value, self.own_zone) if sort == "date" else value

    def instants_of(self, kind: str) -> list[datetime]:
        """Of her events up to now. Raises Missing if there are none."""
        found = [one.at for one in self.person.events if one.kind == kind and one.at <= self.now]
        if not found:
            raise Missing
        return found

    def anchor_day(self, name: str) -> date:
        _, value = self.value(name)
        if value is None:
            raise Missing
        day: date = value
        return day

    # Values

    def value(self, name: str) -> tuple[str, Any]:
        """The type and value of an attribute; None if it is missing."""
        person = self.person
        own = {
            "birthday": ("yearly", person.born),
            "age": ("number", age(person.born, self.today)),
            "joined_on": ("date", person.joined_on),
            **{fact: (FACTS.get(fact, "text"), value) for fact, value in person.facts.items()},
        }
        if name in own:
            return own[name]
        kind = self.words.attributes[name]
        return kind, typed(deep(person.attributes, name.split(".")), kind)

    def satisfies(self, kind: str, value: Any, test: Condition, day: date) -> bool:
        """Whether a value of a type passes a comparison; `day` is that of its rates."""
        if kind == "money":
            minor, currency = (value["minor"], value["currency"]) if value else (None, None)
            return money_holds(self.words, minor, currency, day, test)
        if kind not in ("date", "instant") or "is_set" in test:
            return holds(value, test)
        if value is None:
            return False
        if kind == "instant":
            return self.in_windows(value, test)
        return all(in_days(value, word, operand, self.today, self.anchor_day) for word, operand in test.items())
