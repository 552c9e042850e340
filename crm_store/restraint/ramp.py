"""`ramp_up`: a new sending domain or address earns its name slowly, with so many mails on each of its first days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from crm_store.content.faults import Faults, every
from crm_store.content.fields import Fields, items, sure
from crm_store.content.literals import read_date, read_whole
from crm_store.content.nodes import Node


@dataclass(frozen=True)
class RampUp:
    """At most so many touches of a channel on each day from `begins` on (the company's local days); then any number."""

    begins: date
    a_day: tuple[int, ...]

    def limit(self, day: date) -> int | None:
        """How many may leave on that day; None: any number."""
        number = (day - self.begins).days
        return self.a_day[number] if 0 <= number < len(self.a_day) else None

    @property
    def ends(self) -> date:
        """The first day without a limit."""
        return self.begins + timedelta(days=len(self.a_day))


def read_ramp_up(node: Node, faults: Faults) -> RampUp:
    """`{from: 2026-11-01, a_day: [50, 100, 500]}`."""
    fields = Fields(node, faults, "ramp_up")
    begins = fields.need("from", read_date)
    a_day = fields.need("a_day", lambda one: every(read_whole, items(one)))
    fields.close()
    return RampUp(sure(begins), sure(a_day))
