"""`examples:` of a segment: a customer, some events, and whether she is a member; `rapport check` tries them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.clock import local_instant
from crm_store.consent.record import STATES
from crm_store.content.faults import Fault, Place
from crm_store.content.fields import Fields, items, literal, one_of, sure, text, truth
from crm_store.content.literals import Moment, parse_duration, parse_local, parse_number, read_moment
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.segmentation.language import Language

USUAL_NOW = datetime(2026, 6, 15, 12, 0)  # noqa: DTZ001  # local to the company
_AGO = re.compile(r"(?P<name>[\w-]+) (?P<span>\d+ \w+) ago")


@dataclass(frozen=True)
class ExampleEvent:
    """An event of an example, as an intake record without the customer; `at` is a moment, company time."""

    kind: str
    at: Moment
    fields: dict[str, Any]


@dataclass(frozen=True)
class Example:
    """What a segment's author expects of one customer."""

    title: str
    now: datetime  # local to the company
    customer: dict[str, Any]
    events: tuple[ExampleEvent, ...]
    member: bool
    place: Place

    def instant(self, zone: ZoneInfo) -> datetime:
        return local_instant(self.now.date(), self.now.time(), zone).astimezone(UTC)


def read_examples(node: Node, language: Language) -> tuple[Example, ...]:
    return language.faults.each(lambda item: _example(item, language), items(node))


def _example(node: Node, language: Language) -> Example:
    fields = Fields(node, language.faults, "an example", planned=("messages", "scores"))
    title = fields.get("title", text, "")
    now = fields.get("now", _local, USUAL_NOW)
    customer = fields.table("customer", lambda value: _customer(value, language))
    events = fields.several("events", lambda value: language.faults.each(lambda item: _event(item, language), items(value)))
    member = fields.need("member", lambda value: "yes" if truth(value) else "no")
    fields.close()
    return Example(title, now, customer, events, sure(member) == "yes", fields.place)


def _local(node: Node) -> datetime:
    value = parse_local(text(node), node)
    if not isinstance(value, datetime):
        raise Fault(node.place, f"'{text(node)}' must be a date with a time, e.g. 2026-06-15 12:00")
    return value


def _customer(node: Node, language: Language) -> dict[str, Any]:
    """An intake record: built-in fields as they are, the vocabulary's under `attributes`."""
    if not isinstance(node, Mapping):
        raise Fault(node.place, "must be a mapping of attributes, e.g. {country: DE}")
    record: dict[str, Any] = {"attributes": {}}
    language.faults.each(lambda entry: _set(record, entry[0], entry[1], language), node.entries)
    return record


def _set(record: dict[str, Any], name: Scalar, value: Node, language: Language) -> bool:
    """Write one key of the customer into the record. True: nothing went wrong."""
    if name.text == "consents":
        record["consents"] = language.faults.each(lambda item: _consent(item, language), items(value))
        return True
    attribute = language.vocabulary.attribute(Scalar(name.text, name.place))
    if attribute.name in ("age", "key"):
        raise Fault(name.place, f"'{attribute.name}' can't be set in an example")
    if attribute.built_in:
        record[name.text] = literal(value)
    else:
        _put(record["attributes"], attribute.name.split("."), _typed(value, attribute.type, attribute.values))
    return True


def _put(into: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        into = into.setdefault(part, {})
    into[path[-1]] = value


def _consent(node: Node, language: Language) -> dict[str, Any]:
    fields = Fields(node, language.faults, "a consent")
    channel, topic = fields.need("channel", one_of(*language.channels)), fields.need("topic", language.vocabulary.topic)
    state, at = fields.get("state", one_of(*STATES), "given"), fields.get("at", text, "2020-01-01")
    fields.close()
    return {"channel": sure(channel), "topic": sure(topic), "state": state, "at": at}


def _typed(node: Node, kind: str, values: tuple[str, ...] = ()) -> Any:
    if kind == "number":
        return parse_number(literal(node), node)
    if values:
        return one_of(*values)(node)
    return truth(node) if kind == "yes-no" else literal(node)


def _event(node: Node, language: Language) -> ExampleEvent:
    """`order 200 days ago` or {event, at, amount, currency, items, PROPERTY..}."""
    if isinstance(node, Scalar):
        return _short_event(node, language)
    fields = Fields(node, language.faults, "an event")
    kind = fields.need("event", language.vocabulary.event)
    at = fields.need("at", _moment)
    extra: dict[str, Any] = {name: fields.maybe(name, literal) for name in ("amount", "currency")}
    lines = fields.several("items", lambda value: language.faults.each(lambda item: _item(item, language), items(value)))
    properties = {
        name: fields.maybe(name, lambda value, spec=spec: _typed(value, spec))  # type: ignore[misc]  # binds the loop's value
        for name, spec in (kind.properties if kind else {}).items()
    }
    if kind is None:
        fields.known(*fields.node.names())
    fields.close()
    return ExampleEvent(
        sure(kind).name, sure(at), {**_given(extra), "items": list(lines), "properties": _given(properties)}
    )


def _short_event(node: Scalar, language: Language) -> ExampleEvent:
    match = _AGO.fullmatch(" ".join(node.text.split()))
    if not match:
        raise Fault(node.place, f"'{node.text}' is not an event; write e.g. 'order 200 days ago'")
    kind = language.vocabulary.event(Scalar(match["name"], node.place))
    parse_duration(match["span"], node)
    return ExampleEvent(kind.name, read_moment(Scalar(f"{match['span']} ago", node.place)), {"properties": {}})


def _moment(node: Node) -> Moment:
    moment = read_moment(node)
    if moment.anchor not in (None, "now"):
        raise Fault(node.place, f"'{moment}' is not a moment known here; write a date or '5 days ago'")
    return moment


def _item(node: Node, language: Language) -> dict[str, Any]:
    fields = Fields(node, language.faults, "an item")
    item: dict[str, Any] = {"product": fields.need("product", text)}
    item |= {name: fields.maybe(name, literal) for name in ("quantity", "amount", "category", "brand")}
    fields.close()
    return _given(item)


def _given(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}
