"""JSON Schemas of segment and vocabulary files, for editors that complete and check while one types.

Made from the kinds of conditions, their fields, and the names that a workspace knows. A schema lets through what needs
more than it can say (values of an attribute, words that don't go with a type): `rapport check` has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_store.consent.record import STATES as CONSENT_STATES
from crm_store.content.literals import CALENDAR_UNITS, FIXED_UNITS, PERIODS
from crm_store.content.names import Names
from crm_store.content.places import GeoPlace
from crm_store.content.vocabulary import VALUE_TYPES, Vocabulary
from crm_store.segmentation.comparisons import WORDS
from crm_store.segmentation.conditions import KINDS, campaign, follow_up, offer
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.conditions.consent import NEVER
from crm_store.segmentation.eventfilters import ItemFilter
from crm_store.segmentation.messages import FACTS, SUBJECTS
from crm_store.segmentation.times import LEAP_DAYS

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCALAR: Schema = {"type": ["string", "number", "boolean"]}
UNITS = "|".join([*FIXED_UNITS, *CALENDAR_UNITS])
DURATION: Schema = {"type": "string", "pattern": rf"^\d+ ({UNITS})s?$"}
SPAN: Schema = {"type": "string", "pattern": rf"^\d+ ({UNITS}|usual gap)s?$"}
WHOLE: Schema = {"type": ["string", "integer"]}
CONDITION: Schema = {"$ref": "#/$defs/condition"}
EXAMPLE: Schema = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "now": SCALAR,
        "customer": {"type": "object"},
        "events": {"type": "array"},
        "messages": {"type": "array"},
        "scores": {"type": "object"},
        "member": {"type": "boolean"},
    },
    "required": ["member"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Known:
    """What a workspace's files name."""

    vocabulary: Vocabulary
    names: Names
    segments: frozenset[str]
    places: Mapping[str, GeoPlace]
    channels: frozenset[str]


def segment_schema(known: Known) -> Schema:
    """The schema of a file in segments/."""
    keys: Schema = {name: {"type": "string"} for name in ("title", "question", "owner", "was")}
    keys |= {"who": CONDITION, "examples": {"type": "array", "items": EXAMPLE}}
    return {"$schema": DIALECT, "title": "A segment", **_object(keys, ["who"]), "$defs": condition_defs(known)}


def condition_defs(known: Known) -> Schema:
    """What CONDITION refers to: every kind by its name, and any of them."""
    forms = _forms(known)
    kinds = {kind.kind: _kind(kind, forms) for kind in KINDS}
    return {"condition": {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in kinds]}, **kinds}


def _kind(kind: type[Condition], forms: Mapping[str, Schema]) -> Schema:
    """A kind of condition: its keys from its fields; a field that names several words gives each its own form."""
    keys: Schema = {}
    for field in kind.fields:
        for name in field.name.split(", "):
            keys[name] = _either(keys[name], _form(name, field, forms)) if name in keys else _form(name, field, forms)
    return {"description": f"{kind.help}; e.g. {kind.example}", **_object(keys, [kind.kind])}


def _form(name: str, field: FieldHelp, forms: Mapping[str, Schema]) -> Schema:
    words = {"comparison words": _COMPARED, "number words": _COMPARED, "window words": _WINDOWS}.get(field.form)
    if field.form == "ranking":
        return {"description": field.help, **SCALAR}
    return {"description": field.help, **(words[name] if words else forms[field.form])}


def _either(one: Schema, other: Schema) -> Schema:
    return {"anyOf": [one, other]}


def _object(keys: Schema, required: Iterable[str] = ()) -> Schema:
    found: Schema = {"type": "object", "properties": keys, "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of, "minItems": 1}


def _pair(of: Schema) -> Schema:
    return {"type": "array", "items": of, "minItems": 2, "maxItems": 2}


def _one_or_list(of: Schema) -> Schema:
    return _either(of, _list(of))


def _one_of(words: Iterable[str]) -> Schema:
    return {"enum": sorted(words)}


_WINDOWS: dict[str, Schema] = {
    "is": SCALAR,
    "before": SCALAR,
    "since": SCALAR,
    "between": _pair(SCALAR),
    "in_last": SPAN,
    "in_next": DURATION,
    "during": _one_of(PERIODS),
}
_COMPARED: dict[str, Schema] = {
    **{word.name: SCALAR for word in WORDS},
    **{name: _list(SCALAR) for name in ("in", "not_in", "includes_any", "includes_all")},
    "between": _pair(SCALAR),
    "is_set": {"type": "boolean"},
    "length": {"type": "object"},
    "top": SCALAR,
    "bottom": SCALAR,
    "tie": _one_of(["all"]),
    "ignoring": _one_of(["case"]),
}
WINDOW = {**_object(dict(_WINDOWS)), "minProperties": 1, "maxProperties": 1}
TEST = {**_object(dict(_COMPARED)), "minProperties": 1}
# Of a property that is compared as a time or as a value, as the vocabulary says.
VALUE_TEST = {**_object({**_WINDOWS, **_COMPARED, "between": _pair(SCALAR)}), "minProperties": 1}


ITEMS = _object({name: TEST for name in ItemFilter.COLUMNS})
COMPARISONS: Schema = {"type": "object", "additionalProperties": VALUE_TEST, "minProperties": 1}
WHICH: Schema = {"type": "string", "pattern": r"^(first|last) \d+$"}
ANNIVERSARY = {name: _WINDOWS[name] for name in ("is", "in_last", "in_next", "during")}
# Forms that are the same in every workspace.
_PLAIN: dict[str, Schema] = {
    "condition": CONDITION,
    "conditions": _list(CONDITION),
    "case": _one_of(["case"]),
    "anniversary": _object({**ANNIVERSARY, "years": _list(WHOLE), "leap_day": _one_of(LEAP_DAYS)}),
    "at least": _object({"at_least": DURATION}, ["at_least"]),
    "text": SCALAR,
    "texts": _one_or_list(SCALAR),
    "truth": {"type": "boolean"},
    "window": WINDOW,
    "among": _either(WHICH, _object({"first": WHOLE, "last": WHOLE, "where": COMPARISONS, "items": ITEMS})),
    "comparisons": COMPARISONS,
    "items": ITEMS,
    "span": SPAN,
    "duration": DURATION,
    "number test": TEST,
    "text test": TEST,
    "summary": _object({"of": {"type": "string"}, **_COMPARED}, ["of"]),
    "regular": _object({"at_least": WHOLE, "of_last": DURATION}, ["at_least", "of_last"]),
    "message facts": _one_or_list(_one_of(FACTS)),
    "last or first": WHICH,
    "spans": {"type": "object", "minProperties": 1, "maxProperties": 1},
    "campaign state": _one_of(campaign.STATES),
    "offer state": _one_of(offer.STATES),
    "follow-up state": _one_of(follow_up.STATES),
    "consent state": _one_of([*CONSENT_STATES, NEVER]),
    "distance": {"type": "string", "pattern": r"^\d+(\.\d+)? ?(m|km|mi)$"},
    "percent": {"type": "string", "pattern": r"^\d+(\.\d+)? ?%$"},
}


def _forms(known: Known) -> dict[str, Schema]:
    """The schema of each form that a field can have."""
    vocabulary, names, channel = known.vocabulary, known.names, _one_of(known.channels)
    pair = {"channel": channel, "topic": _one_of(vocabulary.topics)}
    return {
        **_PLAIN,
        "attribute": _one_of(vocabulary.attributes),
        "events": _one_or_list(_one_of(vocabulary.events)),
        "links": _links(_one_of(vocabulary.events)),
        "message subjects": _subjects(known),
        "segment": _one_of(known.segments),
        "campaigns": _one_or_list(_one_of([*names.campaigns, "any"])),
        "offers": _one_or_list(_one_of([*names.offers, "any"])),
        "follow-up": _one_of([*vocabulary.follow_ups, "any"]),
        "score": _one_of(vocabulary.scores),
        "pair": _object(pair, ["channel", "topic"]),
        "channel": _object({"channel": channel}, ["channel"]),
        "near": _near(known),
    }


def _links(event: Schema) -> Schema:
    """The events of a sequence."""
    link = {"event": _one_or_list(event), "where": COMPARISONS, "items": ITEMS}
    return _list(_either(_object({**link, "within": DURATION}, ["event"]), _object({"not": _object(link, ["event"])})))


def _subjects(known: Known) -> Schema:
    """What messages may be `of`."""
    names = known.names
    subjects = {"campaign": names.campaigns, "step": names.steps, "template": names.templates}
    subjects |= {"topic": frozenset(known.vocabulary.topics), "channel": known.channels}
    of = {name: _one_or_list(_one_of(subjects[name]) if name in subjects else SCALAR) for name in SUBJECTS}
    return {**_object(of), "minProperties": 1}


def _near(known: Known) -> Schema:
    kinds = {place.kind for place in known.places.values() if place.kind}
    near = {"place": _one_of(known.places), "places": _one_of(kinds), "attribute": _one_of(known.vocabulary.attributes)}
    return {**_object(near), "minProperties": 1, "maxProperties": 1}


def vocabulary_schema() -> Schema:
    """The schema of config/vocabulary.yaml."""
    title: Schema = {"type": "string"}
    texts, named = _list(SCALAR), _object({"title": title})
    attribute = _object({"type": _one_of(VALUE_TYPES), "title": title, "values": texts}, ["type"])
    rates = {"type": "object", "additionalProperties": {"type": ["object", "null"]}}
    keys = {
        "stages": texts,
        "attributes": _table(attribute),
        "events": _table(_event()),
        "topics": _table(named),
        "currencies": _either(texts, rates),
        "follow_ups": _table(_object({"title": title, "outcomes": texts})),
        "scores": _table(named),
    }
    return {"$schema": DIALECT, "title": "The company's words", **_object(keys)}


def _event() -> Schema:
    gap = {"from": {"type": "string"}, "at_least": DURATION, "at_most": DURATION, "otherwise": DURATION}
    return _object(
        {
            "title": {"type": "string"},
            "happens": {"type": "string"},
            "amount": {"type": "boolean"},
            "properties": _table(_one_of(VALUE_TYPES)),
            "usual_gap": _object(gap, ["otherwise"]),
            "fresh": DURATION,
        }
    )


def _table(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}
