"""Working hours: when people are there, and how long something takes that they do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crm_store.clock import local_date, local_instant
from crm_store.content.faults import Fault, Faults, every
from crm_store.content.fields import Fields, items, one_of, text
from crm_store.content.literals import WEEKDAYS
from crm_store.content.nodes import Node

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class WorkingHours:
    """On which days (Monday is 0), and from when to when, local time of the company."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    begin: time = time(9)
    end: time = time(17)

    def after(self, instant: datetime, worked: timedelta, zone: ZoneInfo) -> datetime:
        """When so much time has been worked since the instant, in UTC."""
        day, left = local_date(instant, zone), worked
        while True:
            if day.weekday() in self.days:
                begin = max(local_instant(day, self.begin, zone), instant.astimezone(UTC))
                there = local_instant(day, self.end, zone) - begin
                if there >= left:
                    return begin + left
                left -= max(there, timedelta(0))
            day += timedelta(days=1)


OFFICE_HOURS = WorkingHours()


def read_working_hours(node: Node, faults: Faults) -> WorkingHours:
    """`{days: [mon, tue], hours: 09:00-17:00}`."""
    usual = OFFICE_HOURS
    fields = Fields(node, faults, "working_hours")
    days = fields.several("days", weekdays) or usual.days
    hours = fields.get("hours", _hours, (usual.begin, usual.end))
    fields.close()
    return WorkingHours(tuple(sorted(set(days))), *hours)


def weekdays(node: Node) -> tuple[int, ...]:
    """`[mon, fri]`; Monday is 0."""
    return every(lambda item: WEEKDAYS.index(one_of(*WEEKDAYS)(item)), items(node))


def _hours(node: Node) -> tuple[time, time]:
    found = _HOURS.fullmatch(text(node))
    begin, end = (time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))) if found else (time(0), time(0))
    if begin >= end:
        raise Fault(node.place, f"'{text(node)}' must be hours of a day such as 09:00-17:00")
    return begin, end
