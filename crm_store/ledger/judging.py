"""Judging touches that are due: whose turn it is, and what every gate says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    literal,
    literal_column,
    or_,
    select,
)

from crm_store.clock import micros
from crm_store.dialect import unindexed
from crm_store.journeys.feeds import stale_feed
from crm_store.journeys.held import FILE_GONE
from crm_store.journeys.published import runnable
from crm_store.journeys.steps import Send, Step
from crm_store.ledger.addresses import of_addresses
from crm_store.ledger.brake import is_braked
from crm_store.ledger.gates import Look, Verdict, bars, look, put_off, verdict, waits_for_a_person
from crm_store.ledger.pacing import paced
from crm_store.ledger.states import DUE
from crm_store.many import one_of_ids
from crm_store.schema import campaign, campaign_run, customer, enrolment, touch
from crm_store.schema.ledger import HOUR
from crm_store.schema.types import Instant
from crm_store.segmentation.compile import are_local_dates, dates_asked

Tests = tuple[ColumnElement[bool], ...]
_KEPT = 64  # statements
# As of then nothing waits any more because a provider wants it later.
NO_WAIT = datetime(9999, 1, 1, tzinfo=UTC)
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


def turn_of(conn: Connection, group: Group, now: datetime, clock: datetime) -> Tests:
    """What holds for touches of the group whose turn it is; those of paused, held and draft campaigns are passed over, and
    those of runs that are in planning, held or stopped."""
    at = look(conn, runnable(conn, group.definition_id), now)
    fresh = literal(stale_feed(conn, at.version, now) is None)
    return touch.c.campaign == group.campaign, *_other_tests(group, at, literal(clock, Instant()), fresh)


def _other_tests(group: Group, at: Look, clock: ColumnElement[Any], fresh: ColumnElement[bool]) -> Tests:
    runs = campaign.c.status.in_(("live", "ended")), campaign.c.held.is_distinct_from(FILE_GONE)
    live = select(campaign.c.name).where(campaign.c.name == group.campaign, *runs)
    return (
        touch.c.definition_id == group.definition_id,
        touch.c.step == group.step,
        touch.c.state == DUE,
        micros(at.now) // HOUR >= DUE_HOUR,
        touch.c.due_at <= at.now,
        or_(touch.c.retry_at.is_(None), touch.c.retry_at <= clock),
        live.exists(),
        ~is_braked(group.campaign),
        campaign_run.c.state.is_(None),
        fresh,
        ~waits_for_a_person(at),
    )


def judge(conn: Connection, group: Group, at: Look, ids: Sequence[int], clock: datetime) -> dict[int, Verdict]:
    """Every gate's verdict on each touch whose turn it still is, now that its customer's row is ours."""
    fresh = stale_feed(conn, at.version, at.now) is None
    rows = conn.execute(_judging(group, at), {"ids": ids, "clock": clock, "fresh": fresh})
    return {touch_id: verdict(barred, tuple(until)) for touch_id, barred, *until in rows.all()}


def judge_mails(
    conn: Connection, group: Group, at: Look, step: Send, ids: Sequence[int], clock: datetime, is_rival: bool = False
) -> dict[int, Verdict]:
    """The same of mails: what passes every gate must find a place in its campaign's pace and its channel's ramp, and an
    address that is still to have it. `is_rival`: they are not about to be claimed."""
    verdicts = paced(conn, at.version, step, judge(conn, group, at, ids, clock), at.now, is_rival)
    return of_addresses(conn, at.version, step, verdicts, at.now)


class _Judging(NamedTuple):
    """What judges touches, and what it was made of."""

    select: Select[Any]
    at: Look
    dates: list[dict[Any, Any] | None]

    def holds(self, at: Look) -> bool:
        of_one_reading = self.at.version.segments is at.version.segments  # of a definition; names are given to it anew
        return of_one_reading and all(map(are_local_dates, self.dates, (at.scope, at.enrolment_scope)))


_judgings: dict[tuple[object, ...], _Judging] = {}


def _judging(group: Group, at: Look) -> Select[Any]:
    """Made once for an instant: making it takes as long as judging some hundred touches."""
    key = group, at.version.campaign.name, at.now, at.channel, at.all_leave, at.closed, at.scope.by_row
    made = _judgings.get(key)
    if made is None or not made.holds(at):
        if len(_judgings) >= _KEPT:
            _judgings.clear()
        chosen = _judged(group, at)
        made = _judgings[key] = _Judging(chosen, at, [dates_asked(one) for one in (at.scope, at.enrolment_scope)])
    return made.select


def _judged(group: Group, at: Look) -> Select[Any]:
    """A select of touches whose numbers are bound as `ids`, with what the gates say of each. SQLite would rather go through
    all of the campaign's."""
    others = _other_tests(group, at, bindparam("clock", type_=Instant()), bindparam("fresh", type_=Boolean()))
    return (
        select(touch.c.id, bars(at), *put_off(at))
        .join(customer, customer.c.id == touch.c.customer_id)
        .join(enrolment, enrolment.c.id == touch.c.enrolment_id)
        .join(campaign_run, campaign_run.c.id == touch.c.run_id)
        .where(one_of_ids(touch.c.id), unindexed(touch.c.campaign) == group.campaign, *others)
        .order_by(touch.c.id)
    )
