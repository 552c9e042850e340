"""A campaign in words, defaults included."""

from __future__ import annotations

from typing import Any

from console.cli.output import span
from crm_store.content.literals import Moment
from crm_store.journeys.campaign import Campaign, OfferTerms
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.journeys.triggers.lapse import LapseTrigger
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
        "occasion key": occasion_key(one),
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
    return "per lapse" if isinstance(campaign.trigger, LapseTrigger) else str(campaign.again)


def occasion_key(campaign: Campaign) -> str:
    """What makes an enrolment distinct."""
    if isinstance(campaign.trigger, DateTrigger):
        return "the year of the occurrence" if campaign.trigger.is_yearly else "the date"
    if isinstance(campaign.trigger, LapseTrigger):
        return f"the id of the last {campaign.trigger.kind.title}"
    return campaign.again.occasion()


def _terms(terms: OfferTerms, locale: str) -> str:
    code = f"code {terms.code} for all" if terms.code else "a unique code for each enrolment"
    until = "until " if isinstance(terms.valid, Moment) else ""
    valid = f", valid {until}{terms.valid}" if terms.valid else ""
    return f"{benefit(terms, locale)}, {code}{valid}"
