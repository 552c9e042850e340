"""A campaign in words, defaults included."""

from __future__ import annotations

from typing import Any

from console.cli.output import span
from crm_store.content.literals import Moment
from crm_store.journeys.campaign import Campaign, OfferTerms
from crm_store.journeys.schedules import Once
from crm_store.journeys.triggers.by_hand import ByHandTrigger
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.journeys.triggers.lapse import LapseTrigger
from crm_store.journeys.triggers.schedule import ScheduleTrigger
from outreach.offers.wording import benefit
from outreach.publishing import Content


def describe_campaign(content: Content, name: str) -> dict[str, Any]:
    """Everything a campaign says, a line each."""
    one = content.campaigns[name]
    late = f"more than {span(one.late.within)} after the instant due: {_LATE[one.late.otherwise]}"
    rows: dict[str, Any] = {
        "campaign": one.name,
        "title": one.title,
        "kind": one.kind,
        "owner": one.owner,
        "status": f"{one.status} (when ended: {one.when_ended})",
        "topic": one.topic,
        "channel": f"{one.channel}, sender {one.sender}",
        "entered by": one.trigger.sentence(),
        "again": _again(one),
        "limit": f"{one.limit} for each customer" if one.limit else "none",
        "occasion key": occasion_key(one),
        "runs": one.runs.written,
        "audience": one.audience.sentence() if one.audience else "everybody with consent",
        "leaves when": one.exit_when.sentence() if one.exit_when else "at the end",
        "late": late,
    }
    locale = content.workspace.settings.company.locale
    rows |= {f"offer {terms.name}": _terms(terms, locale) for terms in one.offers.values()}
    rows |= {f"step {number}": f"{step.name}: {step.sentence()}" for number, step in enumerate(one.course.steps, start=1)}
    return rows


_LATE = {"skip": "skipped", "send": "sent all the same", "ask": "held until a person accepts it"}


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
