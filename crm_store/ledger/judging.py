"""Judging touches that are due: whose turn it is, and what every gate says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Connection, literal, literal_column, or_, select, true

from crm_store.clock import micros
from crm_store.journeys.context import Runnable
from crm_store.journeys.feeds import stale_feed
from crm_store.journeys.held import FILE_GONE
from crm_store.journeys.published import runnable
from crm_store.journeys.steps import Send, Speaking, Step
from crm_store.ledger.addresses import of_addresses
from crm_store.ledger.gates import Verdict, bars, look, put_off, verdict, waits_for_a_person
from crm_store.ledger.pacing import paced
from crm_store.ledger.states import DUE
from crm_store.many import ids_of
from crm_store.schema import campaign, campaign_run, customer, enrolment, touch
from crm_store.schema.ledger import HOUR

Tests = tuple[ColumnElement[bool], ...]
DUE_HOUR: ColumnElement[int] = literal_column(f"touch.due_at / {HOUR}", BigInteger)  # as the index has it


@dataclass(frozen=True)
class Group:
    """Touches that share a version, a step and a template: what one batch is made of."""

    definition_id: int
    campaign: str
    step: str
    is_task: bool = False  # nothing leaves: `do_tasks` settles it


def step_of(conn: Connection, definition_id: int, campaign: str, step: str) -> Step:
    return runnable(conn, definition_id).campaign.course.step(step)


def turn_of(conn: Connection, group: Group, now: datetime, clock: datetime | None = None) -> Tests:
    """What holds for touches of the group whose turn it is; those of paused, held and draft campaigns are passed over.

    `clock`: the machine's, by which those that a provider wants later are passed over. None: they are not."""
    runs = campaign.c.status.in_(("live", "ended")), campaign.c.held.is_distinct_from(FILE_GONE)
    live = select(campaign.c.name).where(campaign.c.name == group.campaign, *runs)
    at = look(conn, runnable(conn, group.definition_id), now)
    return (
        touch.c.campaign == group.campaign,
        touch.c.definition_id == group.definition_id,
        touch.c.step == group.step,
        touch.c.state == DUE,
        micros(now) // HOUR >= DUE_HOUR,
        touch.c.due_at <= now,
        or_(touch.c.retry_at.is_(None), touch.c.retry_at <= clock) if clock else true(),
        live.exists(),
        literal(stale_feed(conn, at.version, now) is None),
        ~waits_for_a_person(at),
    )


def judge(
    conn: Connection, version: Runnable, step: Speaking, turn: Tests, ids: Sequence[int], now: datetime
) -> dict[int, Verdict]:
    """Every gate's verdict on each touch whose turn it still is, now that its customer's row is ours."""
    at = look(conn, version, now, step)
    rows = conn.execute(
        select(touch.c.id, bars(at), *put_off(at))
        .join(customer, customer.c.id == touch.c.customer_id)
        .join(enrolment, enrolment.c.id == touch.c.enrolment_id)
        .join(campaign_run, campaign_run.c.id == touch.c.run_id)
        .where(touch.c.id.in_(ids_of(ids)), *turn)
        .order_by(touch.c.id)
    )
    return {touch_id: verdict(barred, tuple(until)) for touch_id, barred, *until in rows.all()}


def judge_mails(
    conn: Connection, version: Runnable, step: Send, turn: Tests, ids: Sequence[int], now: datetime, is_rival: bool = False
) -> dict[int, Verdict]:
    """The same of mails: what passes every gate must find a place in its campaign's pace and its channel's ramp, and an
    address that is still to have it. `is_rival`: they are not about to be claimed."""
    verdicts = paced(conn, version, step, judge(conn, version, step, turn, ids, now), now, is_rival)
    return of_addresses(conn, version, step, verdicts, now)
