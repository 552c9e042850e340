"""Issuing an offer: one code per enrolment and offer name, so that a reminder repeats it; in the claiming transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Connection, bindparam, literal, select, update
from sqlalchemy import cast as sql_cast

from crm_store.clock import EPOCH, local_date, local_instant, start_of_day, zone_or_none
from crm_store.content.literals import Duration, Moment
from crm_store.dialect import insert
from crm_store.journeys.campaign import OfferTerms
from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Send
from crm_store.many import ids_of, pairs
from crm_store.schema import customer, enrolment, offer, touch, zone
from crm_store.schema.types import Instant, Words
from crm_store.segmentation.anchors import StepAnchor


def issue_offers(
    conn: Connection,
    version: Runnable,
    step: Send,
    touch_ids: Sequence[int],
    now: datetime,
    new_codes: Iterator[str],
) -> None:
    """Issue the codes of these touches' enrolments that have none yet, if the step has an offer."""
    if step.offer is None or not touch_ids:
        return
    terms = version.campaign.offers[step.offer]
    for until, enrolment_ids in _ends(conn, terms, touch_ids, now, version.settings.company.zone).items():
        codes = {enrolment_id: terms.code or next(new_codes) for enrolment_id in enrolment_ids}
        _issue(conn, version.campaign.name, terms, codes, now, until)


def offered(version: Runnable, step: Send) -> dict[str, ColumnElement[Any]]:
    """What the claim writes of the codes of the step's touches: each UPDATE is a new row in all indexes on PostgreSQL."""
    if step.offer is None:
        return {}
    terms = version.campaign.offers[step.offer]
    code = select(offer.c.id).where(offer.c.enrolment_id == touch.c.enrolment_id, offer.c.name == terms.name)
    return {"offer_id": code.scalar_subquery()}


def _ends(
    conn: Connection, terms: OfferTerms, touch_ids: Sequence[int], now: datetime, company_zone: ZoneInfo
) -> dict[datetime | None, list[int]]:
    """The touches' enrolments that have no code yet, by the end of the code that they get: few ends for many of them."""
    of_each = isinstance(terms.valid, Moment) and terms.valid.anchor is not None
    issued = select(offer.c.id).where(offer.c.enrolment_id == enrolment.c.id, offer.c.name == terms.name).exists()
    rows = conn.execute(
        select(enrolment.c.id, zone.c.name, *(_counted_from(terms) if of_each else ()))
        .join(touch, touch.c.enrolment_id == enrolment.c.id)
        .join(customer, customer.c.id == enrolment.c.customer_id)
        .join(zone, zone.c.id == customer.c.zone_id)
        .where(touch.c.id.in_(ids_of(touch_ids)), ~issued)
    ).all()
    alike: dict[Enrolled, list[int]] = {}
    for enrolment_id, zone_name, *counted in rows:
        alike.setdefault(Enrolled(zone_name, *(counted or (now, now, None))), []).append(enrolment_id)
    found: dict[datetime | None, list[int]] = {}
    for enrolled, enrolment_ids in alike.items():
        found.setdefault(valid_until(terms, enrolled, now, company_zone), []).extend(enrolment_ids)
    return found


def _counted_from(terms: OfferTerms) -> tuple[ColumnElement[Any], ...]:
    """What the end of a code may be counted from, of the enrolment."""
    anchor, own = terms.valid.base if isinstance(terms.valid, Moment) else None, touch.alias()
    of_step = own.c.enrolment_id == enrolment.c.id, own.c.step == (anchor.step if isinstance(anchor, StepAnchor) else "")
    step_at = select(own.c.due_at).where(*of_step).correlate(enrolment).scalar_subquery()
    return enrolment.c.entered_at, enrolment.c.trigger_at, enrolment.c.occurs_on, step_at


def end_at_step(conn: Connection, version: Runnable, step: str, enrolment_ids: Sequence[int]) -> None:
    """Codes that are valid until a step, and had no end before its touches were written."""
    until = [(terms, terms.valid.base) for terms in version.campaign.offers.values() if isinstance(terms.valid, Moment)]
    for terms, anchor in until:
        if not (isinstance(anchor, StepAnchor) and anchor.step == step):
            continue
        chosen = select(enrolment.c.id, zone.c.name, *_counted_from(terms))
        chosen = chosen.join(customer, customer.c.id == enrolment.c.customer_id).join(zone, zone.c.id == customer.c.zone_id)
        rows = conn.execute(chosen.where(enrolment.c.id.in_(ids_of(enrolment_ids)))).all()
        where, now = version.settings.company.zone, EPOCH  # nothing here is counted from now
        ends = [{"of": row[0], "end": valid_until(terms, Enrolled(*row[1:]), now, where)} for row in rows]
        ours = offer.c.enrolment_id == bindparam("of"), offer.c.name == terms.name, offer.c.valid_until.is_(None)
        if ends:
            conn.execute(update(offer).where(*ours).values(valid_until=bindparam("end", type_=Instant())), ends)


def _issue(
    conn: Connection, campaign: str, terms: OfferTerms, codes: Mapping[int, str], now: datetime, until: datetime | None
) -> None:
    """Write these codes, by enrolment, in one statement."""
    given = pairs(conn, codes)
    values: dict[str, ColumnElement[Any]] = {
        "enrolment_id": enrolment.c.id,
        "customer_id": enrolment.c.customer_id,
        "campaign": literal(campaign, Words),
        "name": literal(terms.name, Words),
        "code": given.c.value,
        "is_unique": literal(terms.code is None),
        "issued_at": literal(now, Instant()),
        "valid_until": literal(until, Instant()),
    }
    chosen = select(*values.values()).where(enrolment.c.id == sql_cast(given.c.key, BigInteger))
    written = insert(conn, offer).from_select(list(values), chosen)
    conn.execute(written.on_conflict_do_nothing(index_elements=["enrolment_id", "name"]))


@dataclass(frozen=True)
class Enrolled:
    """What the end of a code may be counted from, and the customer's zone."""

    zone_name: str | None
    entered_at: datetime
    trigger_at: datetime
    occurs_on: date | None
    step_at: datetime | None = None


def valid_until(terms: OfferTerms, row: Enrolled, now: datetime, company_zone: ZoneInfo) -> datetime | None:
    """The instant at which the code ends: a duration after `now`, a moment of the company's, or the end of a local day
    of the customer's."""
    where = zone_or_none(row.zone_name) or company_zone
    if isinstance(terms.valid, Duration):
        return terms.valid.shift(now, 1, where)
    if not isinstance(terms.valid, Moment):
        return None
    if isinstance(terms.valid.base, datetime):
        return local_instant(terms.valid.base.date(), terms.valid.base.time(), company_zone)
    if isinstance(terms.valid.base, StepAnchor) and row.step_at is None:
        return None
    return start_of_day(_last_day(terms.valid, row, where) + timedelta(days=1), where)


def _last_day(until: Moment, row: Enrolled, where: ZoneInfo) -> date:
    if isinstance(until.base, date):
        return until.base
    if until.anchor in ("entered", "trigger"):
        start = row.entered_at if until.anchor == "entered" else row.trigger_at
        return until.shifted_date(local_date(start, where))
    if row.step_at is not None:
        return until.shifted_date(local_date(row.step_at, where))
    return until.shifted_date(row.occurs_on or local_date(row.entered_at, where))
