"""What comes next in a campaign, and what has come of it: for whoever plays a clock forward, instant by instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, insert, literal, select

from crm_store.clock import zone_or_none
from crm_store.dialect import insert as upsert
from crm_store.intake.zones import zone_ids
from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.triggers import Window
from crm_store.ledger.states import DUE
from crm_store.schema import customer, enrolment, entry_request, event, touch, zone
from crm_store.schema.types import Instant

_TICK = timedelta(microseconds=1)
_GONE = "somebody who is gone"


@dataclass(frozen=True)
class Turned:
    """A touch as it turned out; `at` is the local time at which it was due, without its zone."""

    step: str
    at: datetime
    state: str
    reason: str | None


def next_due(conn: Connection, now: datetime) -> datetime | None:
    """The first instant after `now` at which a step's turn comes or a touch is due, of whatever campaign."""
    turns = select(func.min(enrolment.c.next_at)).where(enrolment.c.state == "in", enrolment.c.next_at > now)
    dues = select(func.min(touch.c.due_at)).where(touch.c.state == DUE, touch.c.due_at > now)
    found = [conn.execute(chosen).scalar() for chosen in (turns, dues)]
    return min((at for at in found if at is not None), default=None)


def next_entry(conn: Connection, version: Runnable, stands: Standing, now: datetime, until: datetime) -> datetime | None:
    """The first instant in (now, until] at which the trigger enters somebody, as far as the store knows by `until`.

    A segment's members are those it had when it was last refreshed: whoever joins it by then is not foreseen.
    """
    campaign, live_since = version.campaign, stands.live_since or now
    window, scope = Window(now + _TICK, until, live_since), version.scope(conn, until)
    found = campaign.trigger.candidates(conn, campaign.name, campaign.again, window, scope).subquery("candidate")
    same = enrolment.c.customer_id == found.c.customer_id, enrolment.c.occasion == found.c.occasion
    enrolled = select(enrolment.c.id).where(enrolment.c.campaign == campaign.name, *same).correlate(found).exists()
    first = conn.execute(select(func.min(found.c.entered_at)).where(~enrolled, found.c.entered_at > now)).scalar()
    return first if isinstance(first, datetime) else None


def ask_for_everybody(conn: Connection, campaign: str, at: datetime) -> None:
    """Enter all customers by hand, under one request; campaigns that are entered otherwise know nothing of it."""
    asked = select(literal(campaign), literal("everybody"), customer.c.id, literal(at, Instant()), literal("a play"))
    columns = ["campaign", "request", "customer_id", "at", "who"]
    conn.execute(insert(entry_request).from_select(columns, asked))


def keep_fresh(conn: Connection, version: Runnable, now: datetime) -> None:
    """A sign of life, as of `now`, of each feed that must be fresh, from somebody who is gone: she is in no campaign and in
    no segment. An example tells of one customer; the shop around her goes on."""
    kinds = [kind.name for kind in version.vocabulary.events.values() if kind.fresh is not None]
    if not kinds:
        return
    whose = conn.execute(select(customer.c.id).where(customer.c.key == _GONE)).scalar()
    if whose is None:
        (zone_id,) = zone_ids(conn, [(None, None)]).values()
        gone = {"key": _GONE, "attributes": {}, "zone_id": zone_id, "created_at": now, "updated_at": now, "erased_at": now}
        whose = conn.execute(insert(customer).returning(customer.c.id), gone).scalar_one()
    signs = {"customer_id": whose, "at": now, "properties": {}, "source": _GONE}
    rows = [{**signs, "kind": kind, "dedupe_key": f"{kind} {now.isoformat()}"} for kind in kinds]
    conn.execute(upsert(conn, event).on_conflict_do_nothing(), rows)


def anybody_in(conn: Connection, campaign: str) -> bool | None:
    """Whether somebody is under way; None if nobody ever was."""
    states = set(conn.execute(select(enrolment.c.state).where(enrolment.c.campaign == campaign).distinct()).scalars())
    return "in" in states if states else None


def turned_out(conn: Connection, campaign: str, company_zone: ZoneInfo) -> list[Turned]:
    """What became of the campaign's touches, in the order in which they were due."""
    chosen = select(touch.c.step, touch.c.due_at, touch.c.state, touch.c.reason, zone.c.name.label("zone"))
    chosen = chosen.join(enrolment, enrolment.c.id == touch.c.enrolment_id).where(enrolment.c.campaign == campaign)
    chosen = chosen.join(customer, customer.c.id == touch.c.customer_id).join(zone, zone.c.id == customer.c.zone_id)
    rows = conn.execute(chosen.order_by(touch.c.due_at, touch.c.id)).all()
    return [Turned(row.step, _local(row.due_at, row.zone, company_zone), row.state, row.reason) for row in rows]


def _local(at: datetime, name: str | None, company_zone: ZoneInfo) -> datetime:
    return at.astimezone(zone_or_none(name) or company_zone).replace(tzinfo=None)


def left_for(conn: Connection, campaign: str) -> list[tuple[str, str | None]]:
    """(state, reason) of the campaign's enrolments, in the order of entry."""
    chosen = select(enrolment.c.state, enrolment.c.reason).where(enrolment.c.campaign == campaign)
    return [(row.state, row.reason) for row in conn.execute(chosen.order_by(enrolment.c.entered_at, enrolment.c.id))]
