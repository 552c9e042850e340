"""A time of the calendar enters everybody: `{time: 2026-12-01 10:00}`, `{every: week, days: [mon]}`, `{cron: ..}`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, Date, Integer, Select, cast, false, null, select, true

from crm_store.clock import local_instant
from crm_store.content.faults import Fault, every
from crm_store.content.fields import Fields, items, one_of, sure, text
from crm_store.content.literals import parse_local, read_time
from crm_store.content.nodes import Node
from crm_store.journeys.again import Again
from crm_store.journeys.localtimes import Turn, turns_table, zones
from crm_store.journeys.schedules import Every, Once, Schedule, read_cron, read_day_of_month, read_weekday
from crm_store.journeys.triggers.base import Trigger, Window
from crm_store.schema import customer
from crm_store.segmentation.language import Language, Scope

USUAL_TIME = time(9, 0)


@dataclass(frozen=True)
class ScheduleTrigger(Trigger):
    """A local time, of the company's or of each customer's; its enrolments are distinct by that time."""

    word: ClassVar = "time"
    help: ClassVar = "a local time, once; `every` (day, week, month) with `days` and `at`, or `cron`, again and again"
    others: ClassVar = ("every", "cron")
    own_keys: ClassVar = True
    of_everybody: ClassVar = True
    schedule: Schedule
    zone: str = "company"

    @classmethod
    def read(cls, fields: Fields, language: Language) -> Self:
        schedule = _schedule(fields)
        zone = fields.get("zone", one_of("company", "customer"), "company")
        fields.close()
        return cls(sure(schedule), zone)

    def candidates(self, conn: Connection, campaign: str, again: Again, window: Window, scope: Scope) -> Select[Any]:
        turns = list(self._turns(conn, window, scope))
        table = turns_table(turns)
        whose = customer.c.zone_id == table.c.zone_id if self.zone == "customer" else true()
        chosen = select(
            customer.c.id.label("customer_id"),
            table.c.occasion,
            table.c.right_at.label("entered_at"),
            table.c.right_at.label("trigger_at"),
            cast(null(), Integer).label("trigger_event_id"),
            cast(null(), Date).label("occurs_on"),
        )
        return chosen.join_from(customer, table, whose if turns else false())

    def comes(self, conn: Connection, window: Window, scope: Scope) -> bool:
        return any(True for _ in self._turns(conn, window, scope))

    def _turns(self, conn: Connection, window: Window, scope: Scope) -> Iterator[Turn]:
        """Every time of the schedule that lies in the window. Two that a change of clocks makes one instant are one."""
        own = self.zone == "customer"
        for zone_id, where in zones(conn, scope.company_zone) if own else [(0, scope.company_zone)]:
            first, last = (at.astimezone(where).replace(tzinfo=None) for at in (window.since, window.now))
            around = self.schedule.times(first - timedelta(days=1), last + timedelta(days=1))
            for instant in sorted({local_instant(at.date(), at.time(), where) for at in around}):
                if window.since <= instant <= window.now:
                    yield Turn(zone_id, self._occasion(instant.astimezone(where)), instant)

    def _occasion(self, local: datetime) -> str:
        return "once" if isinstance(self.schedule, Once) else f"{local:%Y-%m-%dT%H:%M}"

    @property
    def by_zones(self) -> bool:
        return self.zone == "customer"

    def sentence(self) -> str:
        return f"the time, {self.schedule}, {'their own' if self.zone == 'customer' else 'of the company'}"

    def a_day(self) -> int:
        return self.schedule.most_a_day()


def _schedule(fields: Fields) -> Schedule | None:
    if fields.has("every"):
        return _every(fields)
    return fields.need("cron", read_cron) if fields.has("cron") else fields.need("time", _once)


def _once(node: Node) -> Once:
    at = parse_local(text(node), node)
    if not isinstance(at, datetime):
        raise Fault(node.place, f"'{text(node)}' must be a day and a time; write e.g. 2026-12-01 10:00")
    return Once(at)


def _every(fields: Fields) -> Every | None:
    unit = fields.need("every", one_of("day", "week", "month"))
    at = fields.get("at", read_time, USUAL_TIME)
    if unit in (None, "day"):
        return Every("day", (), at) if unit else None
    one = read_weekday if unit == "week" else read_day_of_month
    days = fields.need("days", lambda node: every(one, items(node)))
    return Every(str(unit), tuple(sorted(set(days))), at) if days else None
