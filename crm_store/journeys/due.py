"""What is due in a version of a campaign, asked before anything is written: an idle tick must not write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, FromClause, Select, bindparam, exists, select

from crm_store.dialect import unindexed
from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Step
from crm_store.ledger.states import FAILED, PASSED
from crm_store.many import ids_of, pairs
from crm_store.schema import customer, enrolment, touch
from crm_store.schema.types import Id, Instant
from crm_store.segmentation.conditions.base import Condition


@dataclass(frozen=True)
class Due:
    """The names of steps where somebody's turn has come, and where a touch is settled; whether somebody is unseen."""

    come: frozenset[str]
    settled: frozenset[str]
    unseen: bool


def due(conn: Connection, version: Runnable, now: datetime) -> Due:
    """A look at an index for each step."""
    key = conn.dialect.name, tuple(step.name for step in version.campaign.course.steps)
    if key not in _made:
        _made[key] = _asked(pairs(conn, dict(enumerate(key[1]))))
    rows = conn.execute(_made[key], {"version": version.id, "now": now}).all()
    come, settled = (frozenset(row.step for row in rows if getattr(row, name)) for name in ("come", "settled"))
    return Due(come, settled, any(row.unseen for row in rows))


# Made once for a version: making it takes longer than answering it.
_made: dict[tuple[str, tuple[str, ...]], Select[Any]] = {}


def _asked(steps: FromClause) -> Select[Any]:
    version, now = bindparam("version", type_=Id), bindparam("now", type_=Instant())
    here = enrolment.c.definition_id == version, enrolment.c.state == "in", enrolment.c.step == steps.c.value
    of_touch = touch.c.enrolment_id == enrolment.c.id, touch.c.step == enrolment.c.step
    settled = select(touch.c.id).where(*of_touch, touch.c.state.in_((*PASSED, FAILED))).correlate(enrolment).exists()
    return select(
        steps.c.value.label("step"),
        exists().where(*here, enrolment.c.next_at <= now).label("come"),
        exists().where(*here, enrolment.c.next_at.is_(None), settled).label("settled"),
        exists().where(enrolment.c.definition_id == version, enrolment.c.state == "in", enrolment.c.unseen).label("unseen"),
    )


@dataclass(frozen=True)
class Look:
    """What those who wait are looked at for before their turn: the exit, wherever they are, or what a step waits for."""

    condition: Condition
    step: Step | None = None

    def waiting(self, version: Runnable, now: datetime) -> tuple[Any, ...]:
        of_version = unindexed(enrolment.c.definition_id) == version.id, enrolment.c.state == "in"
        if self.step is None:
            return *of_version, enrolment.c.next_at.is_not(None)
        return *of_version, enrolment.c.step == self.step.name, enrolment.c.next_at > now

    def unseen(self, conn: Connection, version: Runnable, now: datetime) -> Select[Any]:
        """A select of those who were not looked at since they came."""
        new = enrolment.c.definition_id == version.id, enrolment.c.unseen
        return select(enrolment.c.id).where(*self.waiting(version, now), *new)

    def found(self, conn: Connection, version: Runnable, now: datetime, customers: Sequence[int] | None) -> Select[Any]:
        """A select of those of whom it holds, of all or of these customers."""
        holds = self.condition.sql(version.scope(conn, now, enrolment))
        chosen = select(enrolment.c.id).join(customer, customer.c.id == enrolment.c.customer_id)
        if customers is None:
            return chosen.where(enrolment.c.definition_id == version.id, *self.waiting(version, now), holds)
        return chosen.where(enrolment.c.customer_id.in_(ids_of(customers)), *self.waiting(version, now), holds)


def waiting(conn: Connection, version: Runnable) -> Select[Any]:
    """A select of everybody in it whose turn is yet to come."""
    return select(enrolment.c.id).where(
        enrolment.c.definition_id == version.id, enrolment.c.state == "in", enrolment.c.next_at.is_not(None)
    )
