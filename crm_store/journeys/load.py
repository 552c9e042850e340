"""Campaign files: read, checked, with all their faults at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from crm_store.content.faults import Fault, Faults, Incomplete, did_you_mean, nearest
from crm_store.content.fields import Fields, one_of, sure, text
from crm_store.content.literals import (
    Duration,
    Moment,
    parse_duration,
    read_duration,
    read_moment,
    read_money,
    read_percent,
)
from crm_store.content.names import Names
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.content.places import load_places
from crm_store.content.settings import Settings
from crm_store.content.sources import CAMPAIGNS, Sources
from crm_store.content.vocabulary import EventKind, Vocabulary
from crm_store.journeys.again import NEVER, OWN, Again, read_again
from crm_store.journeys.campaign import STATUSES, Campaign, Late, OfferTerms
from crm_store.journeys.steps import read_steps
from crm_store.journeys.triggers import KINDS, PLANNED_KINDS, Trigger, read_trigger
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.journeys.triggers.event import EventTrigger
from crm_store.journeys.triggers.lapse import LapseTrigger
from crm_store.segmentation.conditions import read_condition
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.language import UNKNOWN_EVENT, Language

UNIQUE = "unique"
PLANNED_KEYS = (
    "runs",
    "was",
    "purpose",
    "basis",
    "one_per_address",
    "limit",
    "caps",
    "when_capped",
    "wait_at_most",
    "priority",
    "pace",
    "hours",
    "days",
    "goal",
    "hold_out",
    "guard",
    "changes",
    "examples",
)


@dataclass(frozen=True)
class Reading:
    """What is known while a campaign is read."""

    language: Language
    settings: Settings

    def of_enrolments(self, trigger: Trigger | None, offers: Collection[str]) -> Language:
        """The language of conditions that may refer to the enrolment, and to these offers of the file."""
        event = trigger.event() if trigger else UNKNOWN_EVENT
        return replace(self.language, in_campaign=True, trigger_event=event, own_offers=frozenset(offers))


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
    read = {name: faults.attempt(_load, name, path, sources, reading) for name, path in sources.names(CAMPAIGNS)}
    return {name: campaign for name, campaign in read.items() if campaign is not None}


def _load(name: str, path: str, sources: Sources, reading: Reading) -> Campaign:
    faults, settings = reading.language.faults, reading.settings
    root = sources.parse(path, faults)
    fields = Fields(root, faults, "a campaign", planned=PLANNED_KEYS)
    kind = fields.need("kind", _kind)
    trigger = fields.need("enter", lambda node: _enter(node, kind, reading.language))
    offers = fields.table("offers", lambda node: _offers(node, trigger, reading))
    again = fields.get("again", lambda node: _again(node, trigger, reading), _usual_again(trigger))
    named = _names(root.get("offers"))
    steps = fields.need("steps", lambda node: read_steps(node, trigger, named, reading.language))
    topic = fields.need("topic", reading.language.vocabulary.topic)
    audience, exit_when = _conditions(fields, trigger, named, reading)
    title, owner = fields.get("title", text, name), fields.maybe("owner", text)
    status = fields.get("status", one_of(*STATUSES), "draft")
    when_ended = fields.get("when_ended", one_of("finish", "exit"), "finish")
    channel = fields.get("channel", _name_of(settings.channels, "channel"), "email")
    sender = fields.get("sender", _name_of(settings.senders, "sender"), "default")
    late = fields.get("late", lambda node: _late(node, faults), Late())
    fields.close()
    return Campaign(
        name, sure(kind), title, owner, status, when_ended, sure(topic), channel, sender, sure(trigger), again,
        audience, exit_when, late, offers, sure(steps),
    )  # fmt: skip


def _names(node: Node | None) -> tuple[str, ...]:
    """The offers a file names, those with faults too: a step that uses one has none of its own."""
    return node.names() if isinstance(node, Mapping) else ()


def _kind(node: Node) -> str:
    if text(node) in PLANNED_KINDS:
        raise Fault(node.place, f"kind '{text(node)}' is not built yet; use one of {', '.join(KINDS)}")
    return one_of(*KINDS)(node)


def _enter(node: Node, kind: str | None, language: Language) -> Trigger:
    if kind is None:  # of an unknown kind there is no telling what may enter
        raise Incomplete
    return read_trigger(node, kind, language)


def _name_of(known: Collection[str], what: str) -> Callable[[Node], str]:
    def read(node: Node) -> str:
        if text(node) not in known:
            raise Fault(node.place, f"{what} '{text(node)}' is not in config/rapport.yaml{did_you_mean(text(node), known)}")
        return text(node)

    return read


def _conditions(
    fields: Fields, trigger: Trigger | None, offers: Collection[str], reading: Reading
) -> tuple[Condition | None, Condition | None]:
    audience = fields.maybe("audience", lambda node: read_condition(node, reading.language))
    language = reading.of_enrolments(trigger, offers)
    return audience, fields.maybe("exit_when", lambda node: read_condition(node, language))


def _usual_again(trigger: Trigger | None) -> Again:
    return OWN if trigger is not None and _has_own_keys(trigger) else NEVER


def _has_own_keys(trigger: Trigger) -> bool:
    return isinstance(trigger, (DateTrigger, LapseTrigger))


def _again(node: Node, trigger: Trigger | None, reading: Reading) -> Again:
    if trigger is None:
        return NEVER
    if _has_own_keys(trigger):
        raise Fault(node.place, "occasions come once per date and win-backs once per lapse; take `again` out")
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


def _offers(node: Node, trigger: Trigger | None, reading: Reading) -> dict[str, OfferTerms]:
    if not isinstance(node, Mapping) or not node.entries:
        raise Fault(node.place, "must be a mapping of offers, e.g. {treat: {discount: 15 %, code: unique}}")
    read = reading.language.faults.each(lambda entry: _offer(entry[0].text, entry[1], trigger, reading), node.entries)
    return {terms.name: terms for terms in read}


def _offer(name: str, node: Node, trigger: Trigger | None, reading: Reading) -> OfferTerms:
    fields = Fields(node, reading.language.faults, f"offer '{name}'", planned=("budget",))
    terms = OfferTerms(name)
    benefits = [key for key in ("discount", "item", "gift") if fields.has(key)]
    if len(benefits) != 1:
        fields.fault(node.place, f"offer '{name}' needs exactly one of discount, item, gift")
    terms = fields.get("discount", lambda value: _discount(terms, value, reading), terms)
    terms = replace(terms, item=fields.maybe("item", text), gift=fields.maybe("gift", text))
    code = fields.need("code", _code)
    valid = fields.maybe("valid", lambda value: _valid(value, trigger))
    fields.close()
    return replace(terms, code=None if code == UNIQUE else code, valid=valid)


def _discount(terms: OfferTerms, node: Node, reading: Reading) -> OfferTerms:
    if text(node).rstrip().endswith("%"):
        return replace(terms, percent=read_percent(node))
    money = read_money(node)
    known = {reading.settings.company.currency, *reading.language.vocabulary.currencies}
    if money.currency not in known:
        raise Fault(node.place, f"'{text(node)}' is not in a currency of the company{did_you_mean(money.currency, known)}")
    return replace(terms, money=money)


def _code(node: Node) -> str:
    """`unique`, or a code for all that nobody can take for a mistyped word."""
    word = text(node)
    if word != UNIQUE and not re.fullmatch(r"[A-Z0-9][A-Z0-9-]*", word):
        what = f"'{word}' is no code; write `unique`, or one for all in capital letters, digits and '-'"
        raise Fault(node.place, what + nearest(word, [UNIQUE]))
    return word


def _valid(node: Node, trigger: Trigger | None) -> Duration | Moment:
    """A duration, or `until MOMENT`: the end of that day."""
    word = text(node)
    if not word.startswith("until "):
        return parse_duration(word, node)
    moment = read_moment(Scalar(word[len("until ") :], node.place))
    if trigger is None:
        return moment
    own = trigger.moment.anchor if isinstance(trigger, DateTrigger) else None
    known = [anchor for anchor in ("entered", "trigger", own) if anchor]
    if moment.anchor is not None and moment.anchor not in known:
        raise Fault(node.place, f"'{moment}' is not built yet or not known here{did_you_mean(moment.anchor, known)}")
    return moment
