"""The last look: what every touch must pass in the transaction that claims it. The first gate that bars gives the reason.

Every gate is judged for every touch, and all verdicts are kept with it. A new gate is a line in GATES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, literal, true

from crm_store.consent.standing import has_address, has_consent, is_suppressed
from crm_store.journeys.context import Runnable
from crm_store.journeys.published import ends_at_once
from crm_store.journeys.purpose import UNDELIVERABLE
from crm_store.ledger.states import CANCELLED, SKIPPED
from crm_store.schema import campaign_run, customer, enrolment, touch
from crm_store.schema.types import later
from crm_store.segmentation.language import Scope

Column = ColumnElement[Any]


@dataclass(frozen=True)
class Look:
    """What a gate may look at: the rows `touch`, `customer`, `enrolment`, `campaign_run`, and these."""

    version: Runnable
    now: datetime
    scope: Scope
    enrolment_scope: Scope
    all_leave: bool


@dataclass(frozen=True)
class Gate:
    """`passes`: SQL that is true for touches that may go on. Others end in `state` with `reason`."""

    name: str
    state: str
    reason: str
    passes: Callable[[Look], Column]


def look(conn: Connection, version: Runnable, now: datetime) -> Look:
    all_leave = ends_at_once(conn, version.campaign.name)
    return Look(version, now, version.scope(conn, now), version.scope(conn, now, enrolment), all_leave)


def _journey(at: Look) -> Column:  # all gates take the look
    # Who has finished has nothing due but what a person has ordered to be sent again.
    return enrolment.c.state.in_(("in", "finished"))


def _exit(at: Look) -> Column:
    condition = at.version.campaign.exit_when
    return condition.sql(at.enrolment_scope).is_not(true()) if condition else literal(True)


def is_late(at: Look) -> Column:
    return later(touch.c.due_at, at.version.campaign.late.within) < at.now


def _late(at: Look) -> Column:
    return ~is_late(at) if at.version.campaign.late.otherwise == "skip" else literal(True)


def _audience(at: Look) -> Column:
    condition = at.version.campaign.audience
    return condition.sql(at.scope) if condition else literal(True)


def _suppression(at: Look) -> Column:
    one = at.version.campaign
    return ~is_suppressed(one.channel, at.now, UNDELIVERABLE if one.is_service else ())


def _consent(at: Look) -> Column:
    one = at.version.campaign
    return has_consent(one.channel, one.topic, at.now) if one.topic is not None else literal(True)


GATES: tuple[Gate, ...] = (
    Gate("erased", CANCELLED, "erased", lambda _: customer.c.erased_at.is_(None)),
    Gate("journey", CANCELLED, "left", _journey),
    Gate("ended", CANCELLED, "ended", lambda at: literal(not at.all_leave)),
    Gate("exit", CANCELLED, "exit", _exit),
    Gate("hold_out", SKIPPED, "hold_out", lambda _: enrolment.c.held_out_at.is_(None)),
    Gate("expiry", SKIPPED, "expired", lambda at: touch.c.expires_at > at.now),
    Gate("late", SKIPPED, "late", _late),
    Gate("audience", SKIPPED, "audience", _audience),
    Gate("address", SKIPPED, "no_address", lambda at: has_address(at.version.campaign.channel)),
    Gate("suppression", SKIPPED, "suppressed", _suppression),
    Gate("consent", SKIPPED, "no_consent", _consent),
)


def waits_for_a_person(at: Look) -> Column:
    """`late: {otherwise: ask}`: the touch is late, and nobody has accepted its run."""
    if at.version.campaign.late.otherwise != "ask":
        return literal(False)
    return is_late(at) & campaign_run.c.accepted_at.is_(None)


@dataclass(frozen=True)
class Verdict:
    """What the gates said of a touch: where it ends (None: it may go on), why, and every gate's word."""

    state: str | None
    reason: str | None
    words: str


def bars(at: Look) -> Column:
    """SQL: the gates that bar, as the bits of a number, GATES[0] the lowest. One column is read far sooner than ten."""
    return sum((case((gate.passes(at), 0), else_=1 << number) for number, gate in enumerate(GATES)), literal(0))


@lru_cache(maxsize=1_000)
def verdict(barred_by: int) -> Verdict:
    """From the gates' answers, as `bars` gives them."""
    passed = [not barred_by >> number & 1 for number in range(len(GATES))]
    words = " ".join(f"{gate.name}={'pass' if ok else 'bar'}" for gate, ok in zip(GATES, passed, strict=True))
    barred = next((gate for gate, ok in zip(GATES, passed, strict=True) if not ok), None)
    return Verdict(barred.state, barred.reason, words) if barred else Verdict(None, None, words)
