"""`examples:` of a segment: a customer, some events, and whether she is a member; `rapport check` tries them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.clock import local_instant
from crm_store.consent.record import STATES
from crm_store.content.faults import Fault, Place, Unnamed
from crm_store.content.fields import Fields, items, literal, one_of, sure, text, truth
from crm_store.content.literals import Moment, parse_duration, parse_local, parse_number, read_moment
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.content.vocabulary import look_up
from crm_store.segmentation.language import Language
from crm_store.segmentation.messages import ACTORS, FACTS

USUAL_NOW = datetime(2026, 6, 15, 12, 0)  # noqa: DTZ001  # local to the company
_TOLD = re.compile(r"(?P<fact>[a-z]+) (?P<name>[\w-]+) (?P<span>\d+ \w+) ago")
_AGO = re.compile(r"(?P<name>[\w-]+) (?P<span>\d+ \w+) (?P<way>ago|from now)")


@dataclass(frozen=True)
class ExampleEvent:
    """An event of an example, as an intake record without the customer; `at` is a moment, company time."""

    kind: str
    at: Moment
    fields: dict[str, Any]


@dataclass(frozen=True)
class ExampleMessage:
    """A fact about a message of an example: what became of a mail of some template, campaign, step and so on."""

    fact: str
    at: Moment
    of: dict[str, str]


@dataclass(frozen=True)
class Story:
    """One customer, and what happened to her."""

    title: str
    now: datetime  # local to the company
    customer: dict[str, Any]
    events: tuple[ExampleEvent, ...]
    messages: tuple[ExampleMessage, ...]
    scores: dict[str, float]
    place: Place

    def instant(self, zone: ZoneInfo) -> datetime:
        return local_instant(self.now.date(), self.now.time(), zone).astimezone(UTC)


@dataclass(frozen=True)
class Example(Story):
    """What a segment's author expects of one customer."""

    member: bool


def read_examples(node: Node, language: Language) -> tuple[Example, ...]:
    return language.faults.each(lambda item: _example(item, language), items(node))


def _example(node: Node, language: Language) -> Example:
    fields = Fields(node, language.faults, "an example")
    story = read_story(fields, language)
    member = fields.need("member", lambda value: "yes" if truth(value) else "no")
    fields.close()
    return Example(**vars(story), member=sure(member) == "yes")


def read_story(fields: Fields, language: Language) -> Story:
    """The keys that say what happened; whoever expects something of it takes the others."""
    title = fields.get("title", text, "")
    now = fields.get("now", read_local, USUAL_NOW)
    customer = fields.table("customer", lambda value: _customer(value, language))
    events = fields.several("events", lambda value: language.faults.each(lambda item: _event(item, language), items(value)))
    messages = fields.several(
        "messages", lambda value: language.faults.each(lambda one: _message(one, language), items(value))
    )
    scores = fields.table("scores", lambda value: _scores(value, language))
    return Story(title, now, customer, events, messages, scores, fields.place)


def read_local(node: Node) -> datetime:
    """A date with a time of day."""
    value = parse_local(text(node), node)
    if not isinstance(value, datetime):
        raise Fault(node.place, f"'{text(node)}' must be a date with a time, e.g. 2026-06-15 12:00")
    return value


def _customer(node: Node, language: Language) -> dict[str, Any]:
    """An intake record: built-in fields as they are, the vocabulary's under `attributes`."""
    if not isinstance(node, Mapping):
        raise Unnamed(node, "must be a mapping of attributes, e.g. {country: DE}")
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
        name: fields.maybe(name, partial(_typed, kind=type_)) for name, type_ in (kind.properties if kind else {}).items()
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
    at = read_moment(Scalar(f"{match['span']} {match['way']}", node.place))
    return ExampleEvent(kind.name, at, {"properties": {}})


def _messages(node: Node, language: Language) -> tuple[ExampleMessage, ...]:
    return language.faults.each(lambda item: _message(item, language), items(node))


def _message(node: Node, language: Language) -> ExampleMessage:
    """`opened newsletter 3 days ago` (a template), or a mapping that says more."""
    if isinstance(node, Scalar):
        return _short_message(node, language)
    fields = Fields(node, language.faults, "a message")
    fact, at = fields.need("message", one_of(*FACTS)), fields.need("at", _moment)
    readers: dict[str, Callable[[Node], str]] = {
        **{name: _name_of(name, language) for name in ("template", "campaign", "step")},
        "topic": language.vocabulary.topic,
        "channel": one_of(*language.channels),
        "variant": text,
        "link": text,
        "by": one_of(*ACTORS),
    }
    of = {name: fields.maybe(name, read) for name, read in readers.items()}
    fields.close()
    return ExampleMessage(sure(fact), sure(at), _given(of))


def _name_of(what: str, language: Language) -> Callable[[Node], str]:
    return lambda node: language.names.known(node, what, f"{what}s")


def _short_message(node: Scalar, language: Language) -> ExampleMessage:
    match = _TOLD.fullmatch(" ".join(node.text.split()))
    if not match:
        raise Fault(node.place, f"'{node.text}' is not a message; write e.g. 'opened newsletter 3 days ago'")
    fact = one_of(*FACTS)(Scalar(match["fact"], node.place))
    template = language.names.known(Scalar(match["name"], node.place), "template", "templates")
    parse_duration(match["span"], node)
    return ExampleMessage(fact, read_moment(Scalar(f"{match['span']} ago", node.place)), {"template": template})


def _scores(node: Node, language: Language) -> dict[str, float]:
    if not isinstance(node, Mapping):
        raise Unnamed(node, "must be a mapping of scores, e.g. {churn: 0.7}")
    return dict(language.faults.each(lambda entry: _score(entry[0], entry[1], language), node.entries))


def _score(name: Scalar, value: Node, language: Language) -> tuple[str, float]:
    look_up(name, language.vocabulary.scores, "score")
    return name.text, float(parse_number(literal(value), value))


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
