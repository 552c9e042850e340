"""Campaign files: read, checked, with all their faults at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from crm_store.content.faults import Fault, Faults, Incomplete
from crm_store.content.fields import Fields, one_of, sure, text
from crm_store.content.literals import read_duration, read_times
from crm_store.content.names import Names
from crm_store.content.nodes import Mapping, Node
from crm_store.content.places import load_places
from crm_store.content.settings import Settings, read_hold_out
from crm_store.content.sources import CAMPAIGNS, Sources
from crm_store.content.vocabulary import EventKind, Vocabulary
from crm_store.journeys.again import NEVER, OWN, Again, read_again
from crm_store.journeys.campaign import STATUSES, Campaign, Late
from crm_store.journeys.example import read_examples
from crm_store.journeys.frequency import check_frequency
from crm_store.journeys.goal import read_goal
from crm_store.journeys.offers import read_offers
from crm_store.journeys.purpose import SERVICE, read_purpose
from crm_store.journeys.reading import Reading, configured, touching_steps
from crm_store.journeys.running import ALWAYS, read_runs
from crm_store.journeys.steps import read_course
from crm_store.journeys.triggers import KINDS, Trigger, read_trigger
from crm_store.journeys.triggers.event import EventTrigger
from crm_store.restraint.caps import check_names
from crm_store.restraint.policy import read_policy
from crm_store.segmentation.conditions import read_condition
from crm_store.segmentation.language import Language


def load_campaigns(
    sources: Sources,
    segments: Collection[str],
    settings: Settings,
    vocabulary: Vocabulary,
    faults: Faults,
    names: Names | None = None,
) -> dict[str, Campaign]:
    """Every campaign that can be read, by name; the faults of the others are collected.

    `names`: those that conditions may refer to, unless said those of the files.
    """
    places = Faults().attempt(load_places, sources, Faults()) or {}  # who loads the segments reports the faults
    names = names or Names(sources)
    language = Language(vocabulary, faults, frozenset(segments), frozenset(settings.channels), names=names, places=places)
    reading = Reading(language, settings)
    check_names(settings.caps, vocabulary.topics, settings.channels, faults)
    read = {name: faults.attempt(_load, name, path, sources, reading) for name, path in sources.names(CAMPAIGNS)}
    return {name: campaign for name, campaign in read.items() if campaign is not None}


def _load(name: str, path: str, sources: Sources, reading: Reading) -> Campaign:
    faults, settings = reading.language.faults, reading.settings
    root = sources.parse(path, faults)
    if not root.entries:
        raise Fault(root.place, "a campaign file that is empty; write kind, enter, steps and topic, or remove it")
    fields = Fields(root, faults, "a campaign")
    kind = fields.need("kind", one_of(*KINDS))
    trigger = fields.need("enter", lambda node: _enter(node, kind, reading.language))
    reading = replace(
        reading, trigger=trigger, offers=_names(root.get("offers")), touching=touching_steps(root.get("steps"))
    )
    reading = replace(reading, has_goal=root.get("goal") is not None)
    offers = fields.table("offers", lambda node: read_offers(node, reading))
    again = fields.get("again", lambda node: _again(node, trigger, reading), _usual_again(trigger))
    course = fields.need("steps", lambda node: read_course(node, reading))
    purpose = read_purpose(fields, reading.language.vocabulary)
    restraint = read_policy(fields, kind, purpose.word == SERVICE, settings, reading.language.vocabulary, faults)
    goal = fields.maybe("goal", lambda node: read_goal(node, reading))
    hold_out = fields.get("hold_out", read_hold_out, Decimal(0))
    audience = fields.maybe("audience", lambda node: read_condition(node, reading.language))
    exit_when = fields.maybe("exit_when", lambda node: read_condition(node, reading.of_enrolments))
    title, owner = fields.get("title", text, name), fields.maybe("owner", text)
    status = fields.get("status", one_of(*STATUSES), "draft")
    when_ended = fields.get("when_ended", one_of("finish", "exit"), "finish")
    channel = fields.get("channel", configured(settings.channels, "channel"), "email")
    sender = fields.get("sender", configured(settings.senders, "sender"), "default")
    late = fields.get("late", lambda node: _late(node, faults), Late())
    limit = fields.maybe("limit", read_times)
    runs = fields.get("runs", lambda node: read_runs(node, settings.company.zone, faults), ALWAYS)
    check_frequency(fields, trigger, again, limit, course, settings)
    changes = fields.get("changes", one_of("pin", "follow"), "pin")
    was = fields.maybe("was", lambda node: _was(node, reading.language))
    examples = fields.several("examples", lambda node: read_examples(node, course, reading.language))
    fields.close()
    return Campaign(
        name, sure(kind), title, owner, status, when_ended, purpose, channel, sender, sure(trigger), again,
        audience, exit_when, late, offers, sure(course),
        restraint=restraint, limit=limit, runs=runs, goal=goal, hold_out=hold_out,
        changes=changes, was=was, examples=examples,
    )  # fmt: skip


def _was(node: Node, language: Language) -> str:
    """The name a campaign had before; nothing may have it now."""
    if text(node) in language.names.campaigns:
        raise Fault(node.place, f"campaign '{text(node)}' is still there; remove its file, or take `was` out")
    return text(node)


def _names(node: Node | None) -> tuple[str, ...]:
    """The offers a file names, those with faults too: a step that uses one has none of its own."""
    return node.names() if isinstance(node, Mapping) else ()


def _enter(node: Node, kind: str | None, language: Language) -> Trigger:
    if kind is None:  # of an unknown kind there is no telling what may enter
        raise Incomplete
    return read_trigger(node, kind, language)


def _usual_again(trigger: Trigger | None) -> Again:
    return OWN if trigger is not None and trigger.own_keys else NEVER


def _again(node: Node, trigger: Trigger | None, reading: Reading) -> Again:
    if trigger is None:
        return NEVER
    if trigger.own_keys:
        what = "broadcasts come once per time, occasions once per date, win-backs once per lapse, by hand once per request"
        raise Fault(node.place, f"{what}; take `again` out")
    kind: EventKind | None = None
    if isinstance(trigger, EventTrigger):
        kind = reading.language.vocabulary.events[trigger.kind.name]
    return read_again(node, kind)


def _late(node: Node, faults: Faults) -> Late:
    fields = Fields(node, faults, "'late'")
    within = fields.get("within", _elapsed, Late().within)
    otherwise = fields.get("otherwise", one_of("skip", "send", "ask"), "skip")
    fields.close()
    return Late(within, otherwise)


def _elapsed(node: Node) -> timedelta:
    duration = read_duration(node)
    if duration.is_calendar:
        raise Fault(node.place, f"'{duration}': months and years are not exact here; use days")
    return duration.fixed()
