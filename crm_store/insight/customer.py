"""One customer in one place."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from crm_store.journeys.published import runnable
from crm_store.ledger.find import Wanted, touches
from crm_store.ledger.material import customer_values, of_customer
from crm_store.ledger.pauses import END_OF_PAUSE, FOR_EVER
from crm_store.money import to_major
from crm_store.schema import consent, customer_change, enrolment, event, pause, suppression, zone

_SHOWN = 20


def overview(conn: Connection, key: str, now: datetime) -> dict[str, Any] | None:
    """Details, consents, pauses, events, enrolments, touches and changes of a customer.

    Facts after `now` do not show; details are as stored, and changes say when a machine stored them.
    """
    row = of_customer(conn, key)
    if row is None:
        return None
    found = touches(conn, Wanted(customer=key, limit=_SHOWN, until=now))
    shown = ("id", "campaign", "occasion", "step", "state", "reason", "due_at", "sent_at", "offer")
    return {
        "details": {
            **customer_values(row),
            "local time by": _zone(conn, row.zone_id),
            "suppressed": _suppressed(conn, row, now),
        },
        "consents": _consents(conn, row.id, now),
        "pauses": _pauses(conn, row.id, now),
        "events": _events(conn, row.id, now),
        "enrolments": _enrolments(conn, row.id, now),
        "touches": [{name: one[name] for name in shown} for one in found],
        "changes": _changes(conn, row.id),
    }


def _zone(conn: Connection, zone_id: int) -> str:
    return conn.execute(select(zone.c.name).where(zone.c.id == zone_id)).scalar() or "the company's zone"


def _suppressed(conn: Connection, row: Any, now: datetime) -> str | None:
    reasons = select(suppression.c.reason).where(suppression.c.address == row.email_key, suppression.c.at <= now)
    return ", ".join(conn.execute(reasons).scalars()) or None


def _consents(conn: Connection, customer_id: int, now: datetime) -> list[dict[str, Any]]:
    columns = consent.c.channel, consent.c.topic, consent.c.state, consent.c.at, consent.c.basis, consent.c.source
    chosen = select(*columns).where(consent.c.customer_id == customer_id, consent.c.at <= now)
    return [dict(row._mapping) for row in conn.execute(chosen.order_by(consent.c.at, consent.c.id))]


def _events(conn: Connection, customer_id: int, now: datetime) -> list[dict[str, Any]]:
    counted = (
        select(
            event.c.kind,
            func.count().label("count"),
            func.sum(event.c.amount).label("amount"),
            event.c.currency,
            func.min(event.c.at).label("first"),
            func.max(event.c.at).label("last"),
        )
        .where(event.c.customer_id == customer_id, event.c.at <= now)
        .group_by(event.c.kind, event.c.currency)
        .order_by(event.c.kind)
    )
    rows = [dict(row._mapping) for row in conn.execute(counted)]
    for row in rows:
        if row["currency"]:
            row["amount"] = to_major(int(row["amount"] or 0), row["currency"])
    return rows


def _pauses(conn: Connection, customer_id: int, now: datetime) -> list[dict[str, Any]]:
    """Those that last as of `now`. `by`: the step that began it, or a person, whom the log knows."""
    columns = pause.c.topic, pause.c.since, pause.c.until, pause.c.lifts, pause.c.step, enrolment.c.campaign
    chosen = select(*columns).outerjoin(enrolment, enrolment.c.id == pause.c.enrolment_id)
    lasts = pause.c.customer_id == customer_id, pause.c.since <= now, now < END_OF_PAUSE
    return [_paused(row) for row in conn.execute(chosen.where(*lasts).order_by(pause.c.since, pause.c.id))]


def _paused(row: Any) -> dict[str, Any]:
    of_step = row.step is not None
    return {
        "of": f"topic {row.topic}" if row.topic else "all marketing",
        "since": row.since,
        "until": None if row.until == FOR_EVER else row.until,
        "may_end_sooner": of_step and row.lifts,
        "by": f"step '{row.step}' of {row.campaign}" if of_step else "a person",
    }


_ENROLLED = (
    "campaign",
    "occasion",
    "state",
    "reason",
    "step",
    "variant",
    "entered_at",
    "next_at",
    "finished_at",
    "left_at",
)


def _enrolments(conn: Connection, customer_id: int, now: datetime) -> list[dict[str, Any]]:
    """Where she is in each campaign; `doing`: what the step says, in the version she follows."""
    more = enrolment.c.goal_at, enrolment.c.held_out_at.is_not(None).label("held_out"), enrolment.c.definition_id
    chosen = select(*(enrolment.c[name] for name in _ENROLLED), *more)
    chosen = chosen.where(enrolment.c.customer_id == customer_id, enrolment.c.entered_at <= now)
    found = [dict(row._mapping) for row in conn.execute(chosen.order_by(enrolment.c.entered_at.desc()).limit(_SHOWN))]
    return [{**row, "doing": _doing(conn, row.pop("definition_id"), row)} for row in found]


def _doing(conn: Connection, definition_id: int, row: dict[str, Any]) -> str | None:
    if row["state"] != "in" or row["step"] is None:
        return None
    return runnable(conn, definition_id).campaign.course.step(row["step"]).sentence()


def _changes(conn: Connection, customer_id: int) -> list[dict[str, Any]]:
    columns = customer_change.c.at, customer_change.c.name, customer_change.c.old, customer_change.c.new
    chosen = select(*columns, customer_change.c.source).where(customer_change.c.customer_id == customer_id)
    return [dict(row._mapping) for row in conn.execute(chosen.order_by(customer_change.c.id.desc()).limit(_SHOWN))]
