"""`config/vocabulary.yaml`: the company's own words. A word in a segment or campaign that is not here is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar

from crm_store.content.faults import Fault, Faults, Unnamed, did_you_mean, every
from crm_store.content.fields import Fields, items, literal, one_of, sure, text, truth
from crm_store.content.literals import Duration, read_date, read_duration
from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import Node, Scalar
from crm_store.content.sources import VOCABULARY, Sources

T = TypeVar("T")
STAGES = ("identified", "acquired", "nurtured", "retained", "advocate", "lapsed")
VALUE_TYPES = ("text", "number", "money", "date", "instant", "yes-no", "list", "text path")
NO_KEYS = ("money", "list")  # nothing is told apart by values of these

# Facts every store has about a customer: (type, title). `birthday` is a yearly date, `age` follows from it.
BUILT_IN = MappingProxyType(
    {
        "key": ("text", "key"),
        "email": ("text", "e-mail address"),
        "phone": ("text", "telephone number"),
        "first_name": ("text", "first name"),
        "last_name": ("text", "last name"),
        "locale": ("text", "locale"),
        "time_zone": ("text", "time zone"),
        "country": ("text", "country"),
        "region": ("text", "region"),
        "city": ("text", "city"),
        "postal_code": ("text", "postal code"),
        "latitude": ("number", "latitude"),
        "longitude": ("number", "longitude"),
        "birthday": ("yearly", "birthday"),
        "age": ("number", "age"),
        "joined_on": ("date", "joining date"),
        "stage": ("text", "stage"),
    }
)


@dataclass(frozen=True)
class Attribute:
    """A fact about a customer: `type` is one of VALUE_TYPES, or `yearly` for birthday; `values` if only these may stand."""

    name: str
    type: str
    title: str
    values: tuple[str, ...] = ()
    built_in: bool = False


@dataclass(frozen=True)
class UsualGap:
    """How the median gap between a customer's events is made usable: with fewer than `events` of them it is `otherwise`."""

    events: int
    at_least: Duration | None
    at_most: Duration | None
    otherwise: Duration


@dataclass(frozen=True)
class EventKind:
    """Something customers do; `happens` is `once`, `repeatedly` or `per PROPERTY`.

    `fresh`: if the newest is older than that, the feed is stale.
    """

    name: str
    title: str
    happens: str
    amount: bool
    properties: Mapping[str, str]
    usual_gap: UsualGap | None = None
    fresh: Duration | None = None


@dataclass(frozen=True)
class Rates:
    """What other currencies are worth: currency -> (first day, units of `base` for one), by day."""

    base: str
    by_day: Mapping[str, tuple[tuple[date, Decimal], ...]]


@dataclass(frozen=True)
class FollowUpKind:
    """A kind of task for a person, and the outcomes it can have (none named: any)."""

    name: str
    title: str
    outcomes: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """All words of a company."""

    attributes: Mapping[str, Attribute]
    events: Mapping[str, EventKind]
    topics: Mapping[str, str]
    stages: tuple[str, ...] = STAGES
    currencies: tuple[str, ...] = ()
    rates: Rates | None = None
    follow_ups: Mapping[str, FollowUpKind] = field(default_factory=dict)
    scores: Mapping[str, str] = field(default_factory=dict)

    def attribute(self, node: Node) -> Attribute:
        return look_up(node, self.attributes, "attribute")

    def event(self, node: Node) -> EventKind:
        return look_up(node, self.events, "event")

    def topic(self, node: Node) -> str:
        look_up(node, self.topics, "topic")
        return text(node)


def look_up(node: Node, known: Mapping[str, T], what: str, where: str = VOCABULARY) -> T:
    """The thing of that name. Raises a Fault that names the nearest known one."""
    name = text(node)
    if name not in known:
        raise Fault(node.place, f"{what} '{name}' is not known in {where}{did_you_mean(name, known)}")
    return known[name]


def load_vocabulary(sources: Sources, faults: Faults) -> Vocabulary:
    """The vocabulary, built-in attributes included. Raises Incomplete with the faults collected."""
    root = sources.parse(VOCABULARY, faults) if VOCABULARY in sources.files else None
    if root is None:
        return Vocabulary(_built_in(STAGES), {}, {})
    fields = Fields(root, faults, "the vocabulary")
    stages = fields.several("stages", _names) or STAGES
    attributes = fields.table("attributes", _table(_attribute, faults))
    events = fields.table("events", _table(_event, faults))
    topics = fields.table("topics", _table(_topic, faults))
    currencies = fields.several("currencies", _currencies)
    rates = fields.maybe("currencies", _rates) if currencies else None
    follow_ups = fields.table("follow_ups", _table(_follow_up, faults))
    scores = fields.table("scores", _table(lambda name, node, _: _titled(name, node, faults, "score"), faults))
    fields.close()
    return Vocabulary(
        {**attributes, **_built_in(stages)}, events, topics, stages, currencies, rates if rates and rates.by_day else None,
        follow_ups, scores,
    )  # fmt: skip


def _built_in(stages: tuple[str, ...]) -> dict[str, Attribute]:
    return {
        name: Attribute(name, kind, title, stages if name == "stage" else (), built_in=True)
        for name, (kind, title) in BUILT_IN.items()
    }


def _table(read: Callable[[str, Node, Faults], T], faults: Faults) -> Callable[[Node], dict[str, T]]:
    """A reader of `NAME: {..}` lines."""

    def read_table(node: Node) -> dict[str, T]:
        if not isinstance(node, MappingNode):
            raise Unnamed(node, "must be a mapping of names")
        entries = faults.each(lambda entry: (_name(entry[0]), read(entry[0].text, entry[1], faults)), node.entries)
        return dict(entries)

    return read_table


def _name(node: Scalar) -> str:
    """A name that both databases can look up in JSON, where dots lead into nested values."""
    if not can_be_name(node.text):
        raise Fault(node.place, f"{node.text!r} can't be a name; leave out quotes, backslashes and empty parts")
    return node.text


def can_be_name(word: str) -> bool:
    """Whether the vocabulary can name an attribute or property so."""
    return not re.search(r"[\x00-\x1f\"\\]", word) and all(part.strip() for part in word.split("."))


def _attribute(name: str, node: Node, faults: Faults) -> Attribute:
    if name in BUILT_IN:
        raise Fault(node.place, f"'{name}' is built in; take it out")
    fields = Fields(node, faults, f"attribute '{name}'", planned=("personal",))
    kind = fields.need("type", _value_type)
    title = fields.get("title", text, name.replace("_", " "))
    values = fields.several("values", _names)
    if values and kind not in (None, "text", "text path", "list"):
        fields.fault(fields.place_of("values"), f"'values' go with texts, not with type '{kind}'")
    fields.close()
    return Attribute(name, sure(kind), title, values)


def _event(name: str, node: Node, faults: Faults) -> EventKind:
    fields = Fields(node, faults, f"event '{name}'", planned=("nets",))
    title = fields.get("title", text, name.replace("_", " "))
    properties = fields.table("properties", _table(lambda _, value, __: _value_type(value), faults))
    happens = fields.get("happens", lambda value: _happens(value, fields), "repeatedly")
    amount = fields.maybe("amount", truth) or False
    usual_gap = fields.maybe("usual_gap", lambda value: _usual_gap(value, faults))
    fresh = fields.maybe("fresh", _fixed)
    fields.close()
    return EventKind(name, title, happens, amount, properties, usual_gap, fresh)


def _usual_gap(node: Node, faults: Faults) -> UsualGap:
    fields = Fields(node, faults, "'usual_gap'")
    events = fields.get("from", _number_of_events, 3)
    at_least, at_most = fields.maybe("at_least", _fixed), fields.maybe("at_most", _fixed)
    otherwise = fields.need("otherwise", _fixed)
    fields.close()
    if at_least and at_most and at_least.fixed() > at_most.fixed():
        raise Fault(node.place, f"from {at_least} to {at_most} is empty; the shorter comes first")
    return UsualGap(events, at_least, at_most, sure(otherwise))


def _fixed(node: Node) -> Duration:
    duration = read_duration(node)
    if duration.is_calendar:
        raise Fault(node.place, f"'{duration}': months and years differ in length; write days")
    return duration


def _number_of_events(node: Node) -> int:
    match = re.fullmatch(r"(\d{1,4}) events?", text(node))
    if not match or int(match[1]) < 2:
        raise Fault(node.place, f"'{text(node)}' must be 2 events or more, e.g. 3 events")
    return int(match[1])


def _topic(name: str, node: Node, faults: Faults) -> str:
    return _titled(name, node, faults, "topic")


def _titled(name: str, node: Node, faults: Faults, what: str) -> str:
    fields = Fields(node, faults, f"{what} '{name}'")
    title = fields.get("title", text, name)
    fields.close()
    return title


def _follow_up(name: str, node: Node, faults: Faults) -> FollowUpKind:
    fields = Fields(node, faults, f"follow-up '{name}'")
    title, outcomes = fields.get("title", text, name.replace("_", " ")), fields.several("outcomes", _names)
    fields.close()
    return FollowUpKind(name, title, outcomes)


def _happens(node: Node, fields: Fields) -> str:
    word = " ".join(text(node).split())
    if not word.startswith("per "):
        return one_of("once", "repeatedly")(node)
    name, properties = word[len("per ") :], fields.node.get("properties")
    known = properties.names() if isinstance(properties, MappingNode) else ()
    if name not in known:
        raise Fault(node.place, f"property '{name}' is not one of this event's{did_you_mean(name, known)}")
    return word


def _value_type(node: Node) -> str:
    return one_of(*VALUE_TYPES)(node)


def _names(node: Node) -> tuple[str, ...]:
    return every(literal, items(node))


def _currencies(node: Node) -> tuple[str, ...]:
    if isinstance(node, MappingNode):
        return every(_currency, [name for name, _ in node.entries])
    return every(_currency, items(node))


def _rates(node: Node) -> Rates:
    """`{USD: , EUR: {2026-01-01: 1.05 USD}}`: the first is what the others are counted in."""
    names = _currencies(node)
    others = node.entries[1:] if isinstance(node, MappingNode) else ()
    if others and not _is_empty(node, names[0]):
        raise Fault(node.place, f"{names[0]} is what the others are counted in; give it no rates")
    return Rates(names[0], {name.text: _by_day(value, names[0]) for name, value in others})


def _is_empty(node: Node, name: str) -> bool:
    value = node.get(name) if isinstance(node, MappingNode) else None
    return isinstance(value, Scalar) and value.empty


def _by_day(node: Node, base: str) -> tuple[tuple[date, Decimal], ...]:
    if not isinstance(node, MappingNode) or not node.entries:
        raise Fault(node.place, f"needs rates by their first day, e.g. {{2026-01-01: 1.05 {base}}}")
    return tuple(sorted(every(lambda entry: (read_date(entry[0]), _rate(entry[1], base)), node.entries)))


def _rate(node: Node, base: str) -> Decimal:
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?) ([A-Z]{3})", text(node))
    if not match or match[2] != base or not Decimal(match[1]):
        raise Fault(node.place, f"'{text(node)}' is not a rate; write e.g. 1.05 {base}, with 6 decimals at most")
    return Decimal(match[1])


def _currency(node: Node) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text(node)):
        raise Fault(node.place, f"'{text(node)}' is not an ISO 4217 currency; write e.g. EUR")
    return text(node)
