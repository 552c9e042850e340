"""follow_up: a task for a person, who calls, writes or visits the customer; written once, without a mail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from sqlalchemy import Connection, select

from crm_store.clock import span
from crm_store.content.fields import Fields, sure, text
from crm_store.content.literals import Moment, read_whole
from crm_store.content.nodes import Node, Scalar
from crm_store.content.settings import Settings, read_elapsed
from crm_store.content.vocabulary import look_up
from crm_store.journeys.moments import is_day, own_date, read_own_moment
from crm_store.journeys.reading import Reading
from crm_store.journeys.steps.base import Head, Speaking
from crm_store.journeys.waiting import moment_at
from crm_store.ledger.follow_ups import Task
from crm_store.ledger.write import TASK, Message
from crm_store.many import ids_of
from crm_store.schema import enrolment, touch

if TYPE_CHECKING:
    from crm_store.journeys.campaign import Campaign
    from crm_store.journeys.context import Runnable

_WORKING = re.compile(r"(\S+) working hours?")


@dataclass(frozen=True)
class Within:
    """By when, counted from the instant the task was due to be written."""

    elapsed: timedelta
    working: bool

    def end(self, begin: datetime, settings: Settings) -> datetime:
        if not self.working:
            return begin + self.elapsed
        return settings.working_hours.after(begin, self.elapsed, settings.company.zone)


@dataclass(frozen=True)
class FollowUp(Speaking):
    """Its touch is settled where it is claimed: the task is a row beside it. Consent, addresses, suppressions, pauses and
    caps are about messages, and so not about it. Fails where the moment it is to be done at is not known."""

    verb: ClassVar = "follow_up"
    help: ClassVar = "a kind of task of the vocabulary; `to`: who does it, `by: 4 working hours` or `at: MOMENT`, `note`"
    kind: str
    to: str | None
    within: Within | None
    at: Moment | None
    note: str | None

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        known = reading.language.vocabulary.follow_ups
        kind = fields.need("follow_up", lambda node: look_up(node, known, "follow-up").name)
        to, note = fields.maybe("to", text), fields.maybe("note", text)
        within = fields.maybe("by", _within)
        at = fields.maybe("at", lambda node: read_own_moment(node, reading))
        if within is not None and at is not None:
            fields.fault(fields.place_of("at"), "'by' and 'at' exclude each other; keep one")
        fields.close()
        said = sure(kind), to, within, at, note
        return cls(head.name, head.place, *said, was=head.was, on_error=head.on_error)

    def message(self, campaign: Campaign) -> Message:
        return Message(self.name, "", TASK, None)

    def tasks(self, conn: Connection, version: Runnable, touch_ids: Sequence[int]) -> dict[int, Task | None]:
        """The task of each of these touches; None where nobody knows when it is to be done."""
        chosen = select(touch.c.id, touch.c.enrolment_id, touch.c.due_at).where(touch.c.id.in_(ids_of(touch_ids)))
        rows = conn.execute(chosen.order_by(touch.c.id)).all()
        moments = self._moments(conn, version, [row.enrolment_id for row in rows])
        found: dict[int, Task | None] = {}
        for row in rows:
            due_at = self.within.end(row.due_at, version.settings) if self.within else moments.get(row.enrolment_id)
            known = due_at is not None or self.at is None
            found[row.id] = Task(self.kind, self.to, self.note, due_at) if known else None
        return found

    def _moments(self, conn: Connection, version: Runnable, ids: Sequence[int]) -> dict[int, datetime | None]:
        """When it is to be done, by enrolment; a day begins when people do."""
        if self.at is None or not ids:
            return {}
        day = is_day(self.at) or self.at.is_date or self.at.anchor == own_date(version.campaign.trigger)
        begin = version.settings.working_hours.begin if day else None
        written = select(touch.c.due_at).where(touch.c.enrolment_id == enrolment.c.id, touch.c.step == self.name)
        base = written.correlate(enrolment).scalar_subquery()
        moment = moment_at(conn, self.at, begin, base, ids, version)
        rows = conn.execute(select(enrolment.c.id, moment).where(enrolment.c.id.in_(ids_of(ids))))
        return {row[0]: row[1] for row in rows}

    def sentence(self) -> str:
        said = [f"a task '{self.kind}'" + (f" for {self.to}" if self.to else "")]
        said += [f"within {_words(self.within)}"] if self.within else []
        return ", ".join([*said, *([f"at {self.at}"] if self.at else [])])


def _within(node: Node) -> Within:
    """`4 working hours`, or a duration."""
    found = _WORKING.fullmatch(" ".join(text(node).split()))
    if found is None:
        return Within(read_elapsed(node), working=False)
    return Within(timedelta(hours=read_whole(Scalar(found[1], node.place))), working=True)


def _words(within: Within) -> str:
    if within.working:
        return f"{within.elapsed // timedelta(hours=1)} working hours"
    return span(within.elapsed)
