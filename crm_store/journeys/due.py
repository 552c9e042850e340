"""What is due in a version of a campaign, asked before anything is written: an idle tick must not write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, Text, bindparam, cast, exists, select, true

from crm_store.dialect import unindexed
from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Pause, Step
from crm_store.ledger.pauses import paused_by
from crm_store.ledger.states import FAILED, PASSED
from crm_store.many import ids_of, listed
from crm_store.schema import customer, enrolment, touch
from crm_store.schema.types import Instant
from crm_store.segmentation.conditions.base import Condition


@dataclass(frozen=True)
class Due:
    """The names of steps where somebody's turn has come, and where a touch is settled; whether somebody is unseen."""

    come: frozenset[str]
    settled: frozenset[str]
    unseen: bool


def dues(conn: Connection, versions: Iterable[Runnable], now: datetime) -> dict[int, Due]:
    """What is due in each of these versions, by its number: a look at an index for each step."""
    steps = {version.id: [step.name for step in version.campaign.course.steps] for version in versions}
    found: dict[int, list[Any]] = {number: [] for number in steps}
    for row in conn.execute(_asked(conn.dialect.name), {"steps": json.dumps(steps), "now": now}):
        found[row.version].append(row)
    return {number: _due(rows) for number, rows in found.items()}


def _due(rows: Sequence[Any]) -> Due:
    come, settled = (frozenset(row.step for row in rows if getattr(row, name)) for name in ("come", "settled"))
    return Due(come, settled, any(row.unseen for row in rows))


@cache
def _asked(dialect: str) -> Select[Any]:
    """Made once: making it takes longer than answering it."""
    steps, now = listed(dialect, bindparam("steps", type_=Text())), bindparam("now", type_=Instant())
    version = cast(steps.c.key, BigInteger)
    of_version = enrolment.c.definition_id == version, enrolment.c.state == "in"
    here = *of_version, enrolment.c.step == steps.c.value
    of_touch = touch.c.enrolment_id == enrolment.c.id, touch.c.step == enrolment.c.step
    settled = select(touch.c.id).where(*of_touch, touch.c.state.in_((*PASSED, FAILED))).correlate(enrolment).exists()
    return select(
        version.label("version"),
        steps.c.value.label("step"),
        exists().where(*here, enrolment.c.next_at <= now).label("come"),
        exists().where(*here, enrolment.c.next_at.is_(None), settled).label("settled"),
        exists().where(*of_version, enrolment.c.unseen).label("unseen"),
    )


@dataclass(frozen=True)
class Look:
    """What those who wait are looked at for before their turn: the exit, wherever they are, or what a step waits for; or
    those whom a step has paused, wherever they are."""

    condition: Condition
    step: Step | None = None

    def waiting(self, version: Runnable, now: datetime) -> tuple[Any, ...]:
        if isinstance(self.step, Pause):
            return (enrolment.c.id.in_(paused_by(version.id, self.step.name, now)),)
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
        whom = [_any_of(version, self.step)]
        if customers is not None:  # by the index of the campaign: who is in many others is not looked up in all of them
            whom = [enrolment.c.campaign == version.campaign.name, enrolment.c.customer_id.in_(ids_of(customers))]
        return chosen.where(*whom, *self.waiting(version, now), holds)


def _any_of(version: Runnable, step: Step | None) -> ColumnElement[bool]:
    """By the index of the version's enrolments; those whom a step has paused are found by themselves."""
    return true() if isinstance(step, Pause) else enrolment.c.definition_id == version.id


def waiting(conn: Connection, version: Runnable) -> Select[Any]:
    """A select of everybody in it whose turn is yet to come."""
    return select(enrolment.c.id).where(
        enrolment.c.definition_id == version.id, enrolment.c.state == "in", enrolment.c.next_at.is_not(None)
    )
