"""A campaign in words, defaults included."""

from __future__ import annotations

from typing import Any

from crm_store.clock import span
from crm_store.content.literals import Moment
from crm_store.journeys.campaign import Campaign, OfferTerms
from crm_store.journeys.context import Runnable
from crm_store.journeys.schedules import Once
from crm_store.journeys.speaking import wait_at_most
from crm_store.journeys.triggers.by_hand import ByHandTrigger
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.journeys.triggers.lapse import LapseTrigger
from crm_store.journeys.triggers.schedule import ScheduleTrigger
from crm_store.ledger.opening import hours_of
from crm_store.restraint.guard import NEVER_HELD, TIMES, USUAL_RUNS
from outreach.offers.wording import benefit
from outreach.publishing import Content


def describe_campaign(content: Content, name: str) -> dict[str, Any]:
    """Everything a campaign says but its steps, a line each."""
    one = content.campaigns[name]
    late = f"more than {span(one.late.within)} after the instant due: {_LATE[one.late.otherwise]}"
    rows: dict[str, Any] = {
        "campaign": one.name,
        "title": one.title,
        "kind": one.kind,
        "owner": one.owner,
        "status": f"{one.status} (when ended: {one.when_ended})",
        "purpose": _purpose(one),
        "channel": f"{one.channel}, sender {one.sender}",
        "entered by": one.trigger.sentence() + (" (first steps at once, with the event)" if one.begins_at_once else ""),
        "again": _again(one),
        "limit": f"{one.limit} for each customer" if one.limit else "none",
        "occasion key": occasion_key(one),
        "runs": one.runs.written,
        "audience": _audience(one),
        "leaves when": one.exit_when.sentence() if one.exit_when else "at the end",
        "late": late,
        "caps": _caps(content.runnable(name)),
        "priority": one.restraint.priority,
        "hours": str(hours_of(content.runnable(name), one.is_service)),
        "pace": f"{one.restraint.pace}, all customers together" if one.restraint.pace else "any",
        "shared address": _shared(one),
        "put off": f"at most for {span(wait_at_most(content.runnable(name)))}",
        "goal": one.goal.sentence() if one.goal else "none",
        "held out": _held_out(content.runnable(name)),
        "changes": _CHANGES[one.changes],
        "guard": _guard(one),
    }
    locale = content.workspace.settings.company.locale
    rows |= {f"offer {terms.name}": _terms(terms, locale) for terms in one.offers.values()}
    return rows


_CHANGES = {
    "pin": "those under way stay in the version they entered with (pin)",
    "follow": "those under way go over to the new version (follow)",
}
_LATE = {"skip": "skipped", "send": "sent all the same", "ask": "held until a person accepts it"}


def _purpose(campaign: Campaign) -> str:
    return f"service, basis: {campaign.purpose.basis}" if campaign.is_service else f"marketing, topic {campaign.topic}"


def _caps(version: Runnable) -> str:
    """All that hold for what the campaign sends, the company's too."""
    one = version.campaign
    caps = one.restraint.caps_of(version.settings.caps, one.topic, one.channel)
    if not caps:
        return "none: it is service" if one.is_service else "none"
    capped = {"skip": "what is one too many is skipped", "wait": "what is one too many waits"}[one.restraint.when_capped]
    return f"{', '.join(map(str, caps))}; {capped}"


def _shared(campaign: Campaign) -> str:
    """What customers get who share an address."""
    if campaign.restraint.one_per_address:
        return "one mail for each step and occasion"
    return "a mail for each customer"


def _guard(campaign: Campaign) -> str:
    """When a run is held."""
    guard = campaign.restraint.guard
    if guard is not None:
        return f"a run is held unless it has {guard.least:,} to {guard.most:,} recipients"
    return f"a run over {NEVER_HELD} recipients is held if it has over {TIMES} times the median of the last {USUAL_RUNS}"


def _held_out(version: Runnable) -> str:
    """How many of those who enter get nothing."""
    if version.campaign.is_service:
        return "nobody: it is service"
    of_all = version.settings.hold_out
    return f"{version.campaign.hold_out} %" + (f", and {of_all} % of all customers in every campaign" if of_all else "")


def _audience(campaign: Campaign) -> str:
    if campaign.audience:
        return campaign.audience.sentence()
    return "everybody" if campaign.is_service else "everybody with consent"


def _again(campaign: Campaign) -> str:
    """As `again` says, or the campaign's kind for itself."""
    if isinstance(campaign.trigger, DateTrigger):
        return "per year" if campaign.trigger.is_yearly else "per date"
    own = {LapseTrigger: "per lapse", ScheduleTrigger: "per time", ByHandTrigger: "per request"}
    return own.get(type(campaign.trigger), str(campaign.again))


def occasion_key(campaign: Campaign) -> str:
    """What makes an enrolment distinct."""
    trigger = campaign.trigger
    if isinstance(trigger, DateTrigger):
        return "the year of the occurrence" if trigger.is_yearly else "the date"
    if isinstance(trigger, LapseTrigger):
        return f"the id of the last {trigger.kind.title}"
    if isinstance(trigger, ScheduleTrigger):
        return "once" if isinstance(trigger.schedule, Once) else "the local time"
    return "the key of the request" if isinstance(trigger, ByHandTrigger) else campaign.again.occasion()


def _terms(terms: OfferTerms, locale: str) -> str:
    code = f"code {terms.code} for all" if terms.code else "a unique code for each enrolment"
    until = "until " if isinstance(terms.valid, Moment) else ""
    valid = f", valid {until}{terms.valid}" if terms.valid else ""
    return f"{benefit(terms, locale)}, {code}{valid}"
