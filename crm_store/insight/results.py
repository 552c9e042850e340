"""What came of a campaign: who entered, what was sent and how it was met, the goal - with the hold-out beside it.

Counts are of enrolments and of touches, never of events: a mail that is opened twice is one that was opened. Opens and
clicks of machines don't count. A rate has the denominator of those to whom it could have happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    column,
    func,
    literal,
    null,
    or_,
    select,
    true,
    values,
)

from crm_store.clock import local_date, start_of_day
from crm_store.ledger.states import SENT
from crm_store.money import to_major
from crm_store.schema import assignment, customer, enrolment, request, touch, touch_event
from crm_store.schema.types import Instant, Words

Column = ColumnElement[Any]
COUNTS = ("sent", "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")
# Of which of them a rate is a share.
_SHARE_OF = {
    "delivered": "sent",
    "bounced": "sent",
    "opened": "delivered",
    "clicked": "delivered",
    "complained": "delivered",
    "unsubscribed": "delivered",
}


_HELD_OUT: Column = case((enrolment.c.held_out_at.is_not(None), 1), else_=0).label("held_out")


@dataclass(frozen=True)
class Reached:
    """Enrolments, those of them that reached the goal, and what that was worth: each event's worth once."""

    entered: int = 0
    goal: int = 0
    revenue: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def goal_rate(self) -> float | None:
        return self.goal / self.entered if self.entered else None


@dataclass(frozen=True)
class Result:
    """A line of the results; `of`: which step, variant, country or week it is about. `counts`: of touches, by COUNTS."""

    of: str
    reached: Reached
    held_out: Reached
    counts: Mapping[str, int]

    @property
    def rates(self) -> dict[str, float | None]:
        """None where there is nothing that could have been."""
        found = {name: (self.counts[name], self.counts[of]) for name, of in _SHARE_OF.items()}
        return {name: part / whole if whole else None for name, (part, whole) in found.items()}


@dataclass(frozen=True)
class _Asked:
    """`zone`: the company's, for weeks."""

    conn: Connection
    campaign: str
    now: datetime
    zone: ZoneInfo


@dataclass(frozen=True)
class _Grouping:
    """`cohort`: a select of (enrolment_id, of, part, place, since, held_out): `place` orders the lines, from `since` on a
    goal counts. Of an enrolment's touches those count whose `part` is the cohort's; None: all."""

    cohort: Callable[[_Asked], Select[Any]]
    part: Column | None = None


def results(conn: Connection, campaign: str, by: str | None, now: datetime, zone: ZoneInfo) -> list[Result]:
    """As of `now`. `by`: one of GROUPINGS, or everything in one line (which there always is)."""
    grouping = GROUPINGS[by] if by else _Grouping(_everybody)
    cohort = grouping.cohort(_Asked(conn, campaign, now, zone)).cte("cohort")
    facts = {(row.of, row.held_out): row for row in conn.execute(_entered(cohort, now))}
    revenue = _revenue(conn, cohort, now)
    counts = {row.of: row for row in conn.execute(_sent(cohort, grouping.part, campaign, now))}
    places = {of: min(row.place for (one, _), row in facts.items() if one == of) for of, _ in facts}
    lines = sorted(places, key=lambda of: (places[of], of)) or ([] if by else [""])

    def reached(of: str, held_out: bool) -> Reached:
        row = facts.get((of, int(held_out)))
        return Reached(row.entered, row.goal, revenue.get((of, int(held_out)), {})) if row else Reached()

    return [
        Result(of, reached(of, False), reached(of, True), {name: _count(counts.get(of), name) for name in COUNTS})
        for of in lines
    ]


def providers(conn: Connection, campaign: str) -> set[str]:
    """Those that have taken mails of the campaign."""
    requests = select(touch.c.request_id).where(touch.c.campaign == campaign, touch.c.request_id.is_not(None))
    return set(conn.execute(select(request.c.provider).where(request.c.id.in_(requests)).distinct()).scalars())


def _count(row: Any, name: str) -> int:
    return int(getattr(row, name) or 0) if row else 0


def _entered(cohort: FromClause, now: datetime) -> Select[Any]:
    counted = select(
        cohort.c.of,
        cohort.c.held_out,
        func.count().label("entered"),
        func.count(case((_counts(cohort, now), enrolment.c.goal_at))).label("goal"),
        func.min(cohort.c.place).label("place"),
    )
    return counted.join(enrolment, enrolment.c.id == cohort.c.enrolment_id).group_by(cohort.c.of, cohort.c.held_out)


def _counts(cohort: FromClause, now: datetime) -> ColumnElement[bool]:
    return and_(enrolment.c.goal_at <= now, enrolment.c.goal_at >= cohort.c.since)


def _revenue(conn: Connection, cohort: FromClause, now: datetime) -> dict[tuple[str, int], dict[str, Decimal]]:
    """One order may be the goal of several enrolments; it was paid once."""
    once = select(
        cohort.c.of,
        cohort.c.held_out,
        enrolment.c.goal_event_id,
        enrolment.c.goal_value.label("value"),
        enrolment.c.goal_currency.label("currency"),
    ).join(enrolment, enrolment.c.id == cohort.c.enrolment_id)
    once = once.where(_counts(cohort, now), enrolment.c.goal_value.is_not(None), enrolment.c.goal_currency.is_not(None))
    paid = once.distinct().subquery()
    summed = select(paid.c.of, paid.c.held_out, paid.c.currency, func.sum(paid.c.value))
    found: dict[tuple[str, int], dict[str, Decimal]] = {}
    for of, held_out, currency, total in conn.execute(
        summed.group_by(paid.c.of, paid.c.held_out, paid.c.currency).order_by(paid.c.currency)
    ):
        found.setdefault((of, held_out), {})[currency] = to_major(int(total), currency)
    return found


def _sent(cohort: FromClause, part: Column | None, campaign: str, now: datetime) -> Select[Any]:
    """How many touches were sent, and of those: how they were met."""
    told = _told(campaign, now)
    same = true() if part is None else part == cohort.c.part
    of_touch = and_(touch.c.enrolment_id == cohort.c.enrolment_id, same)
    chosen = select(cohort.c.of, func.count().label("sent"), *(func.sum(told.c[name]).label(name) for name in COUNTS[1:]))
    chosen = chosen.select_from(cohort).join(touch, of_touch).outerjoin(told, told.c.touch_id == touch.c.id)
    return chosen.where(touch.c.state == SENT, touch.c.sent_at <= now).group_by(cohort.c.of)


def _told(campaign: str, now: datetime) -> FromClause:
    """Per touch 1 or 0 for each of the counts. Whoever opens a mail, or complains of it, has got it, whatever was told
    before; what bounced after it was delivered has not arrived after all."""
    kind, by_people = touch_event.c.kind, touch_event.c.actor != "machine"

    def any_of(test: ColumnElement[bool]) -> Column:
        return func.max(case((test, 1), else_=0))

    read = any_of(kind.in_(("opened", "clicked", "complained", "unsubscribed")))
    arrived, bounced = any_of(kind == "delivered"), any_of(kind == "bounced")
    counts = {
        "delivered": case((or_(read == 1, and_(arrived == 1, bounced == 0)), 1), else_=0),
        "opened": any_of(and_(kind == "opened", by_people)),
        "clicked": any_of(and_(kind == "clicked", by_people)),
        "bounced": case((and_(bounced == 1, read == 0), 1), else_=0),
        "complained": any_of(kind == "complained"),
        "unsubscribed": any_of(kind == "unsubscribed"),
    }
    chosen = select(touch_event.c.touch_id, *(value.label(name) for name, value in counts.items()))
    chosen = chosen.join(touch, touch.c.id == touch_event.c.touch_id)
    return chosen.where(touch.c.campaign == campaign, touch_event.c.at <= now).group_by(touch_event.c.touch_id).subquery()


def _cohort(asked: _Asked, of: Column, part: Column | None = None, place: Column | None = None) -> Select[Any]:
    """Everybody who has entered, under a name."""
    return select(
        enrolment.c.id.label("enrolment_id"),
        of.label("of"),
        (null() if part is None else part).label("part"),
        (literal(0) if place is None else place).label("place"),
        enrolment.c.entered_at.label("since"),
        _HELD_OUT,
    ).where(enrolment.c.campaign == asked.campaign, enrolment.c.entered_at <= asked.now)


def _everybody(asked: _Asked) -> Select[Any]:
    return _cohort(asked, literal("", Words))


def _by_country(asked: _Asked) -> Select[Any]:
    """As it is known now."""
    country = func.coalesce(customer.c.country, literal("unknown", Words))
    return _cohort(asked, country).join(customer, customer.c.id == enrolment.c.customer_id)


def _by_variant(asked: _Asked) -> Select[Any]:
    """Whoever came through a split, by the arm that was drawn for her; the touches are those that she got by it."""
    of = assignment.c.step + literal(": ", Words) + assignment.c.variant
    cohort = _cohort(asked, of, assignment.c.variant).join(assignment, assignment.c.enrolment_id == enrolment.c.id)
    return cohort.where(enrolment.c.variant.is_not(None))


def _by_step(asked: _Asked) -> Select[Any]:
    """Whoever came to the step, held-out ones too; of the goals those that came after."""
    return (
        select(
            touch.c.enrolment_id,
            touch.c.step.label("of"),
            touch.c.step.label("part"),
            touch.c.right_at.label("place"),
            touch.c.due_at.label("since"),
            _HELD_OUT,
        )
        .join(enrolment, enrolment.c.id == touch.c.enrolment_id)
        .where(touch.c.campaign == asked.campaign, touch.c.right_at <= asked.now)
    )


def _by_week(asked: _Asked) -> Select[Any]:
    """By the week of entry, which begins on Monday where the company is."""
    span = select(func.min(enrolment.c.entered_at), func.max(enrolment.c.entered_at))
    of_campaign = enrolment.c.campaign == asked.campaign, enrolment.c.entered_at <= asked.now
    first, last = asked.conn.execute(span.where(*of_campaign)).one()
    weeks = _weeks(first or asked.now, last or asked.now, asked.zone)
    columns = column("week", Words), column("since", Instant), column("until", Instant)
    table = values(*columns, name="week", literal_binds=True).data(weeks).cte("week")
    inside = and_(enrolment.c.entered_at >= table.c.since, enrolment.c.entered_at < table.c.until)
    return _cohort(asked, table.c.week).join(table, inside)


def _weeks(first: datetime, last: datetime, zone: ZoneInfo) -> list[tuple[str, datetime, datetime]]:
    """(Monday, its first instant, the next Monday's) of every week from one instant to another."""
    monday: date = local_date(first, zone) - timedelta(days=local_date(first, zone).weekday())
    weeks = []
    while monday <= local_date(last, zone):
        following = monday + timedelta(weeks=1)
        weeks.append((monday.isoformat(), start_of_day(monday, zone), start_of_day(following, zone)))
        monday = following
    return weeks


GROUPINGS: Mapping[str, _Grouping] = {
    "step": _Grouping(_by_step, touch.c.step),
    "variant": _Grouping(_by_variant, touch.c.variant),
    "country": _Grouping(_by_country),
    "week": _Grouping(_by_week),
}
