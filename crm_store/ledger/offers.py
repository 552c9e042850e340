"""Issuing an offer: one code per enrolment and offer name, so that a reminder repeats it; in the claiming transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, bindparam, select, update

from crm_store.clock import EPOCH, local_date, local_instant, start_of_day, zone_or_none
from crm_store.content.literals import Duration, Moment
from crm_store.dialect import insert
from crm_store.journeys.campaign import OfferTerms
from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Send
from crm_store.many import ids_of
from crm_store.schema import customer, enrolment, offer, touch, zone
from crm_store.schema.types import Instant
from crm_store.segmentation.anchors import StepAnchor


def issue_offers(
    conn: Connection,
    version: Runnable,
    step: Send,
    touch_ids: Sequence[int],
    now: datetime,
    new_code: Callable[[], str],
) -> None:
    """Give each touch of a step with an offer its enrolment's code, issued now if it has none yet."""
    if step.offer is None or not touch_ids:
        return
    terms = version.campaign.offers[step.offer]
    rows = [
        {
            "enrolment_id": row.id,
            "customer_id": row.customer_id,
            "campaign": version.campaign.name,
            "name": terms.name,
            "code": terms.code or new_code(),
            "is_unique": terms.code is None,
            "issued_at": now,
            "valid_until": valid_until(terms, _enrolled(row), now, version.settings.company.zone),
        }
        for row in _without_code(conn, touch_ids, terms)
    ]
    if rows:
        conn.execute(insert(conn, offer).on_conflict_do_nothing(index_elements=["enrolment_id", "name"]), rows)
    code = select(offer.c.id).where(offer.c.enrolment_id == touch.c.enrolment_id, offer.c.name == terms.name)
    conn.execute(update(touch).where(touch.c.id.in_(ids_of(touch_ids))).values(offer_id=code.scalar_subquery()))


_ENROLLED = tuple(enrolment.c[name] for name in ("id", "customer_id", "entered_at", "trigger_at", "occurs_on"))


def _without_code(conn: Connection, touch_ids: Sequence[int], terms: OfferTerms) -> Sequence[Row[Any]]:
    issued = select(offer.c.id).where(offer.c.enrolment_id == enrolment.c.id, offer.c.name == terms.name).exists()
    of_touch = touch.c.id.in_(ids_of(touch_ids)), touch.c.enrolment_id == enrolment.c.id
    return conn.execute(_enrolments(terms).where(select(touch.c.id).where(*of_touch).exists(), ~issued)).all()


def _enrolments(terms: OfferTerms) -> Select[Any]:
    """What the end of a code is counted from, for each enrolment."""
    anchor = terms.valid.base if isinstance(terms.valid, Moment) else None
    own = touch.alias()
    of_step = own.c.enrolment_id == enrolment.c.id, own.c.step == (anchor.step if isinstance(anchor, StepAnchor) else "")
    step_at = select(own.c.due_at).where(*of_step).correlate(enrolment).scalar_subquery()
    chosen: Select[Any] = select(*_ENROLLED, zone.c.name.label("zone_name"), step_at.label("step_at"))
    return chosen.join(customer, customer.c.id == enrolment.c.customer_id).join(zone, zone.c.id == customer.c.zone_id)


def end_at_step(conn: Connection, version: Runnable, step: str, enrolment_ids: Sequence[int]) -> None:
    """Codes that are valid until a step, and had no end before its touches were written."""
    until = [(terms, terms.valid.base) for terms in version.campaign.offers.values() if isinstance(terms.valid, Moment)]
    for terms, anchor in until:
        if not (isinstance(anchor, StepAnchor) and anchor.step == step):
            continue
        rows = conn.execute(_enrolments(terms).where(enrolment.c.id.in_(ids_of(enrolment_ids)))).all()
        zone_, now = version.settings.company.zone, EPOCH  # nothing here is counted from now
        ends = [{"of": row.id, "end": valid_until(terms, _enrolled(row), now, zone_)} for row in rows]
        ours = offer.c.enrolment_id == bindparam("of"), offer.c.name == terms.name, offer.c.valid_until.is_(None)
        if ends:
            conn.execute(update(offer).where(*ours).values(valid_until=bindparam("end", type_=Instant())), ends)


@dataclass(frozen=True)
class Enrolled:
    """What the end of a code may be counted from, and the customer's zone."""

    zone_name: str | None
    entered_at: datetime
    trigger_at: datetime
    occurs_on: date | None
    step_at: datetime | None = None


def _enrolled(row: Row[Any]) -> Enrolled:
    return Enrolled(row.zone_name, row.entered_at, row.trigger_at, row.occurs_on, row.step_at)


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
