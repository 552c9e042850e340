"""`event` and `sequence` for the oracle: which events are meant, and what is measured of them.

Like the oracle it imports nothing of Rapport's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tests.segmentation.oracle_asked import Asked
from tests.segmentation.oracle_facts import Condition, Event, Line
from tests.segmentation.oracle_times import moved
from tests.segmentation.oracle_values import compare, currency_of, deep, exact, holds, major, money_holds, typed

MEASURES = ("count", "sum", "avg", "min", "max", "distinct", "first", "last", "regular")
TICK = timedelta(microseconds=1)


def event(asked: Asked, who: Condition) -> bool:
    who, found = meant(asked, who)
    name = next((word for word in MEASURES if word in who), None)
    if name is None:
        return bool(found)
    if name in ("first", "last"):
        return bool(found) and asked.in_windows(found[0 if name == "first" else -1].at, who[name])
    if name == "regular":
        return regular(asked, who["regular"], [one.at for one in found])
    test = {word: operand for word, operand in who[name].items() if word != "of"}
    ((word, operand),) = test.items()
    value = measured(asked, who, name, found, currency_of(operand))
    return value is not None and compare(value, word, major(operand))


def event_number(asked: Asked, who: Condition) -> Fraction | None:
    """What `top` and `bottom` rank by: of those with an event that matches."""
    who, found = meant(asked, who)
    name = next(word for word in MEASURES if word in who)
    return measured(asked, who, name, found, None) if found else None


def meant(asked: Asked, who: Condition) -> tuple[Condition, list[Event]]:
    """The events that pass all filters, in order; and the condition with its usual gaps written out."""
    known = happened(asked, who)
    passing = [one for one in known if passes(asked, one, who)]
    who = with_gap(who, usual_gap(asked, passing, kinds_of(who)[0]))
    if "among" in who:
        few = among(asked, who["among"], known)
        passing = [one for one in passing if any(one is other for other in few)]
    if "after_silence" in who:
        pairs = pairwise(passing)
        passing = [one for before, one in pairs if before.at <= moved(one.at, who["after_silence"], -1, asked.zone)]
    return who, [one for one in passing if asked.in_windows(one.at, who)]


def kinds_of(who: Condition) -> list[str]:
    return [who["event"]] if isinstance(who["event"], str) else who["event"]


def happened(asked: Asked, who: Condition) -> list[Event]:
    """Her events of these kinds up to now, in order; those of one instant as they came in."""
    found = [one for one in asked.person.events if one.kind in kinds_of(who) and one.at <= asked.now]
    return sorted(found, key=lambda one: one.at)


def passes(asked: Asked, one: Event, who: Condition) -> bool:
    return where(asked, one, who.get("where", {})) and items(asked, one, who.get("items", {}))


def among(asked: Asked, said: Any, known: Sequence[Event]) -> Sequence[Event]:
    if isinstance(said, str):
        which, number = said.split()
    else:
        which, number = next((word, said[word]) for word in ("first", "last") if word in said)
        known = [one for one in known if passes(asked, one, said)]
    return known[: int(number)] if which == "first" else known[-int(number) :]


def where(asked: Asked, one: Event, tests: Mapping[str, Condition]) -> bool:
    day = asked.day_of(one.at)
    for name, test in tests.items():
        if name == "amount":
            holds_here = money_holds(asked.words, one.amount, one.currency, day, test)
        else:
            holds_here = asked.satisfies(*the_property(asked, one, name), test, day)
        if not holds_here:
            return False
    return True


def the_property(asked: Asked, one: Event, name: str) -> tuple[str, Any]:
    kind = asked.words.properties[one.kind][name]
    return kind, typed(deep(one.properties, name.split(".")), kind)


def items(asked: Asked, one: Event, tests: Mapping[str, Condition]) -> bool:
    """All the tests hold for one line of it."""
    return not tests or bool(lines(asked, one, tests))


def lines(asked: Asked, one: Event, tests: Mapping[str, Condition]) -> list[Line]:
    return [found for found in one.lines if all(line(asked, one, found, name, test) for name, test in tests.items())]


def line(asked: Asked, one: Event, found: Line, name: str, test: Condition) -> bool:
    if name in ("amount", "price"):
        currency = one.currency if name == "amount" else found.price_currency
        return money_holds(asked.words, getattr(found, name), currency, asked.day_of(one.at), test)
    return holds(getattr(found, name), test)


# Usual gaps


def usual_gap(asked: Asked, passing: Sequence[Event], kind: str) -> timedelta | None:
    """The median gap between these, within bounds; something else if they are too few."""
    words = asked.words.gaps.get(kind)
    if words is None:
        return None
    if len(passing) < words.events:
        return span(words.otherwise)
    gaps = sorted(later.at - earlier.at for earlier, later in pairwise(passing))
    middle = len(gaps) // 2
    gap = gaps[middle] if len(gaps) % 2 else (gaps[middle - 1] + gaps[middle]) // TICK // 2 * TICK
    gap = max(gap, span(words.at_least)) if words.at_least else gap
    return min(gap, span(words.at_most)) if words.at_most else gap


def span(text: str) -> timedelta:
    number, unit = text.split()
    return timedelta(**{unit.removesuffix("s") + "s": int(number)})


def with_gap(said: Any, gap: timedelta | None) -> Any:
    """The same with `2 usual gaps` as so many microseconds."""
    if isinstance(said, Mapping):
        return {name: with_gap(part, gap) if name not in ("where", "items") else part for name, part in said.items()}
    if isinstance(said, list):
        return [with_gap(part, gap) for part in said]
    ticks = 0 if gap is None else gap // TICK
    return re.sub(r"(\d+) usual gaps?", lambda match: f"{int(match[1]) * ticks} microseconds", said)


# Measures


def measured(asked: Asked, who: Condition, name: str, found: Sequence[Event], into: str | None) -> Fraction | None:
    """A count, a sum and the like; money in major units. None if there is nothing to tell."""
    if name == "count":
        return Fraction(len(found))
    if name == "distinct":
        return Fraction(len(set(texts(asked, who, found))))
    values = list(numbers(asked, who, name, found, into or asked.words.currency))
    if name == "sum":
        return sum(values, Fraction())
    if not values:
        return None
    return {"avg": sum(values, Fraction()) / len(values), "min": min(values), "max": max(values)}[name]


def texts(asked: Asked, who: Condition, found: Sequence[Event]) -> list[str]:
    of = who["distinct"]["of"]
    if of == "items.product":
        return [line.product for one in found for line in lines(asked, one, who.get("items", {}))]
    values = [the_property(asked, one, of)[1] for one in found]
    return [value for value in values if value is not None]


def numbers(asked: Asked, who: Condition, name: str, found: Sequence[Event], into: str) -> list[Fraction]:
    """The values that there are."""
    of, values = who[name]["of"], []
    for one in found:
        day = asked.day_of(one.at)
        if of == "amount":
            values.append(asked.words.worth(one.amount, one.currency, day, into))
        elif of.startswith("items."):
            few = lines(asked, one, who.get("items", {}))
            values += [
                exact(line.quantity) if of == "items.quantity" else asked.words.worth(line.amount, one.currency, day, into)
                for line in few
            ]
        else:
            kind, value = the_property(asked, one, of)
            is_money = kind == "money" and value is not None
            values.append(asked.words.worth(value["minor"], value["currency"], day, into) if is_money else value)
    return [exact(value) for value in values if value is not None]


def regular(asked: Asked, said: Condition, instants: Sequence[datetime]) -> bool:
    """In so many of the last units, that end now, there is an event."""
    number, unit = said["of_last"].split()
    edges = [asked.ago(f"{back} {unit}") for back in range(int(number) + 1)]
    full = [any(start < at <= end for at in instants) for end, start in pairwise(edges)]
    return sum(full) >= int(said["at_least"])


# Sequences


def sequence(asked: Asked, who: Condition) -> bool:
    """Whether there is a chain of events; each strictly later than the one before."""
    return goes_on(asked, who, who["sequence"], [])


def goes_on(asked: Asked, who: Condition, parts: Sequence[Condition], chain: Sequence[Event]) -> bool:
    nots = []
    while parts and "not" in parts[0]:
        nots.append(parts[0]["not"])
        parts = parts[1:]
    if not parts:
        return not any(between(asked, who, part, chain, None) for part in nots)
    return any(
        may_follow(asked, who, parts[0], chain, one)
        and not any(between(asked, who, part, chain, one) for part in nots)
        and goes_on(asked, who, parts[1:], [*chain, one])
        for one in happened(asked, parts[0])
    )


def may_follow(asked: Asked, who: Condition, part: Condition, chain: Sequence[Event], one: Event) -> bool:
    if not (passes(asked, one, part) and asked.in_windows(one.at, who) and alike(asked, who, chain, one)):
        return False
    if not chain:
        return True
    before = chain[-1].at
    return before < one.at and ("within" not in part or one.at <= moved(before, part["within"], 1, asked.zone))


def between(asked: Asked, who: Condition, part: Condition, chain: Sequence[Event], one: Event | None) -> bool:
    """Whether something that must not be lies between the last of the chain and the next, or now."""
    return any(
        chain[-1].at < other.at and (one is None or other.at < one.at)
        and passes(asked, other, part) and alike(asked, who, chain, other)
        for other in happened(asked, part)
    )  # fmt: skip


def alike(asked: Asked, who: Condition, chain: Sequence[Event], one: Event) -> bool:
    """It has the property that must be the same, with the value that the chain has."""
    if "same" not in who:
        return True
    values = [the_property(asked, each, who["same"])[1] for each in [*chain[:1], one]]
    return None not in values and values[0] == values[-1]
