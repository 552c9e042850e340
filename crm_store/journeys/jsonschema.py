"""The JSON Schema of campaign files, for editors that complete and check while one types; `rapport check` goes further.

Verbs and triggers are those that are registered, with their own help; conditions are those of segments. What each key
takes stands here once; a test compares the keys with those that are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crm_store.consent.record import STATES as CONSENT_STATES
from crm_store.content.literals import WEEKDAYS
from crm_store.journeys.campaign import STATUSES
from crm_store.journeys.steps import VERBS, Step
from crm_store.journeys.triggers import KINDS, TRIGGERS, Trigger
from crm_store.segmentation.jsonschema import (
    COMPARISONS,
    CONDITION,
    DIALECT,
    DURATION,
    EXAMPLE,
    ITEMS,
    SCALAR,
    SPAN,
    Known,
    Schema,
    condition_defs,
)
from crm_store.segmentation.times import LEAP_DAYS

TEXT: Schema = {"type": "string"}
STEPS: Schema = {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 1}
TIMES: Schema = {"type": "string", "pattern": r"^\d+ per .+$"}  # a limit: 2 per 7 days
PERCENT: Schema = {"type": "string", "pattern": r"^\d+(\.\d+)? ?%$"}


def campaign_schema(known: Known, senders: Iterable[str]) -> Schema:
    """The schema of a file in config/campaigns/."""
    steps = {f"step {verb.verb}": _step(verb, known) for verb in VERBS}
    return {
        "$schema": DIALECT,
        "title": "A campaign",
        **_object(_keys(known, senders), ["kind", "enter", "steps"]),
        "$defs": {**condition_defs(known), "step": {"anyOf": [_ref(name) for name in steps]}, **steps},
    }


def _keys(known: Known, senders: Iterable[str]) -> Schema:
    """What stands at the top of a file."""
    triggers = [_trigger(one, known) for one in TRIGGERS]
    return {
        "kind": _one_of(KINDS),
        "title": TEXT,
        "owner": TEXT,
        "was": TEXT,
        "status": _one_of(STATUSES),
        "when_ended": _one_of(["finish", "exit"]),
        "changes": _one_of(["pin", "follow"]),
        "purpose": _one_of(["marketing", "service"]),
        "basis": TEXT,
        "topic": _one_of(known.vocabulary.topics),
        "channel": _one_of(known.channels),
        "sender": _one_of(senders),
        "enter": {"anyOf": triggers},
        "again": {"type": "string", "pattern": "^(never|per .+|after .+)$"},
        "limit": TIMES,
        "runs": _object({"from": SCALAR, "until": SCALAR}),
        "audience": CONDITION,
        "exit_when": CONDITION,
        "goal": _goal(known),
        "hold_out": PERCENT,
        **_restraint(known),
        "late": _object({"within": DURATION, "otherwise": _one_of(["skip", "send", "ask"])}),
        "offers": _table(_OFFER),
        "steps": STEPS,
        "examples": _list(_EXAMPLE),
    }


def _restraint(known: Known) -> Schema:
    cap = {
        "at_most": SCALAR,
        "per": DURATION,
        "topic": _one_of(known.vocabulary.topics),
        "channel": _one_of(known.channels),
    }
    return {
        "caps": _list(_object(cap, ["at_most", "per"])),
        "when_capped": _one_of(["skip", "wait"]),
        "wait_at_most": DURATION,
        "priority": SCALAR,
        "one_per_address": {"type": "boolean"},
        "pace": TIMES,
        "hours": {"type": "string", "pattern": r"^\d{2}:\d{2}-\d{2}:\d{2}$"},
        "days": _list(_one_of(WEEKDAYS)),
        "guard": _object({"recipients": _object({"between": _BETWEEN}, ["between"])}, ["recipients"]),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _one_of(words: Iterable[str]) -> Schema:
    return {"enum": sorted(words)}


def _object(keys: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    found: Schema = {"type": "object", "properties": dict(keys), "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


def _table(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of, "minProperties": 1}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of, "minItems": 1}


def _either(*forms: Schema) -> Schema:
    return {"anyOf": list(forms)}


_BETWEEN: Schema = {"type": "array", "items": SCALAR, "minItems": 2, "maxItems": 2}
_OFFER = _object(
    {"discount": TEXT, "item": SCALAR, "gift": TEXT, "code": TEXT, "valid": TEXT},
    ["code"],
)
_MAILED = _object({"send": TEXT, "at": SCALAR}, ["send", "at"])
_TOLD = {name: form for name, form in EXAMPLE["properties"].items() if name != "member"}
_EXAMPLE = _object({**_TOLD, "until": SCALAR, "touches": {"type": "array", "items": _MAILED}, "left": TEXT})
_WAIT = _object(
    {
        "for": DURATION,
        "until": SCALAR,
        "at": SCALAR,
        "days": _list(_one_of(WEEKDAYS)),
        "if_past": _one_of(["skip", "go_on", "exit"]),
    }
)
_ARM = _object({"share": PERCENT, "then": STEPS}, ["share"])
_DECIDE = _object({"after": DURATION, "at_least": SCALAR}, ["after", "at_least"])
_WINNER = _object({"by": _one_of(["goal", "clicked"]), "decide": _DECIDE}, ["by", "decide"])
_TASK: dict[str, Schema] = {"to": TEXT, "by": TEXT, "at": SCALAR, "note": TEXT}
_PAUSED: dict[str, Schema] = {"for": DURATION, "until": CONDITION, "at_most": DURATION}
_WAY = _either(_object({"when": CONDITION, "then": STEPS}, ["when", "then"]), _object({"otherwise": STEPS}, ["otherwise"]))


def _goal(known: Known) -> Schema:
    keys = {"where": COMPARISONS, "items": ITEMS, "same": TEXT, "within": DURATION, "value": TEXT}
    return _object({"event": _one_of(known.vocabulary.events), **keys}, ["event", "within"])


def step_keys(known: Known) -> dict[str, dict[str, Schema]]:
    """By verb: the keys of a step, beside those that all have."""
    channel, topic = _one_of(known.channels), _one_of(known.vocabulary.topics)
    consent = _object({"channel": channel, "topic": topic, "state": _one_of(CONSENT_STATES)}, ["channel", "topic", "state"])
    update = {"attributes": {"type": "object"}, "stage": _one_of(known.vocabulary.stages), "consent": consent}
    return {
        "send": {"send": _one_of(known.names.templates), "offer": TEXT, "sender": TEXT, "channel": channel},
        "wait": {"wait": _either(DURATION, _WAIT)},
        "wait_for": {"wait_for": CONDITION, "at_most": DURATION, "then": STEPS, "otherwise": STEPS},
        "branch": {"branch": _list(_WAY)},
        "split": {"split": {**_table(_ARM), "properties": {"winner": _WINNER}}},
        "update": {"update": {**_object(update), "minProperties": 1}},
        "pause": {"pause": _object({"purpose": _one_of(["marketing"]), "topic": topic, **_PAUSED})},
        "follow_up": {
            "follow_up": _one_of(known.vocabulary.follow_ups),
            "to": TEXT,
            "by": TEXT,
            "at": SCALAR,
            "note": TEXT,
        },
        "exit": {"exit": TEXT},
    }


def _step(verb: type[Step], known: Known) -> Schema:
    keys = {"name": TEXT, "was": TEXT, **step_keys(known)[verb.verb]}
    keys |= {"on_error": _one_of(["continue", "stop"])} if verb.can_fail else {}
    return {"description": verb.help, **_object(keys, [verb.verb])}


def trigger_keys(known: Known) -> dict[str, dict[str, Schema]]:
    """By the word of a trigger: all its keys."""
    event, days = _one_of(known.vocabulary.events), _list(SCALAR)
    cron = {"every": _one_of(["day", "week", "month"]), "days": days, "at": SCALAR, "cron": TEXT}
    return {
        "time": {"time": SCALAR, **cron, "zone": _one_of(["company", "customer"])},
        "event": {"event": event, "where": COMPARISONS, "items": ITEMS, "quiet_for": DURATION},
        "segment": {"segment": _one_of(known.segments), "existing": _one_of(["skip", "enrol"])},
        "by_hand": {"by_hand": {"type": "boolean"}},
        "date": {"date": SCALAR, "at": SCALAR, "leap_day": _one_of(LEAP_DAYS), "years": _list(SCALAR)},
        "lapse": {"lapse": event, "after": SPAN, "items": ITEMS},
    }


def _trigger(one: type[Trigger], known: Known) -> Schema:
    said = {"description": one.help, **_object(trigger_keys(known)[one.word])}
    return {**said, "anyOf": [{"required": [word]} for word in (one.word, *one.others)]}
