"""The last look: what every touch must pass in the transaction that claims it. The first gate that bars gives the reason.

Every gate is judged for every touch, and all verdicts are kept with it. A new gate is a line in GATES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, literal, null, true, type_coerce

from crm_store.consent.standing import has_address, has_consent, is_suppressed
from crm_store.journeys.context import Runnable
from crm_store.journeys.published import current, ends_at_once
from crm_store.journeys.purpose import UNDELIVERABLE
from crm_store.journeys.steps import Speaking
from crm_store.ledger.opening import closed_until, opens
from crm_store.ledger.pauses import is_paused, put_off_to
from crm_store.ledger.states import CANCELLED, DUE, SKIPPED
from crm_store.ledger.write import TASK
from crm_store.schema import campaign_run, customer, enrolment, touch
from crm_store.schema.types import Instant, later
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
    channel: str
    closed: str  # where nothing may leave now, and until when (ledger/opening.py)


@dataclass(frozen=True)
class Gate:
    """`passes`: SQL that is true for touches that may go on. Others end in `state` with `reason`, or are put off to the
    instant that `until` says, where it says one.

    `of`: what it takes to look - a touch, an enrolment, or the customer alone.
    """

    name: str
    state: str
    reason: str
    passes: Callable[[Look], Column]
    of: str = "touch"
    until: Callable[[Look], Column] | None = None


def look(conn: Connection, version: Runnable, now: datetime, step: Speaking | None = None) -> Look:
    """`step`: the one whose touches they are; None where no gate is asked."""
    one = version.campaign
    channel = step.message(one).channel if step else one.channel
    scopes = version.scope(conn, now), version.scope(conn, now, enrolment)
    closed = closed_until(conn, current(conn, one.name), one.is_service, now) if step else ""
    return Look(version, now, *scopes, ends_at_once(conn, one.name), channel, closed)


def _journey(at: Look) -> Column:  # all gates take the look
    # Who has finished has nothing due but what a person has ordered to be sent again.
    return enrolment.c.state.in_(("in", "finished"))


def _exit(at: Look) -> Column:
    condition = at.version.campaign.exit_when
    return condition.sql(at.enrolment_scope).is_not(true()) if condition else literal(True)


def is_late(at: Look) -> Column:
    return later(touch.c.due_at, at.version.campaign.late.within) < at.now


def _late(at: Look) -> Column:
    # What its guard held and a person let go is not late for the time that took.
    was_let_go = campaign_run.c.why.is_not(None) & campaign_run.c.accepted_at.is_not(None)
    return ~_too_late(at) | was_let_go


def _too_late(at: Look) -> Column:
    return is_late(at) if at.version.campaign.late.otherwise == "skip" else literal(False)


def _audience(at: Look) -> Column:
    condition = at.version.campaign.audience
    return condition.sql(at.scope) if condition else literal(True)


def _suppression(at: Look) -> Column:
    return ~is_suppressed(at.channel, at.now, UNDELIVERABLE if at.version.campaign.is_service else ())


def _consent(at: Look) -> Column:
    topic = at.version.campaign.topic
    return has_consent(at.channel, topic, at.now) if topic is not None else literal(True)


def _of_messages(passes: Callable[[Look], Column]) -> Callable[[Look], Column]:
    """A gate that tasks for people do not go through."""
    return lambda at: literal(True) if at.channel == TASK else passes(at)


def _not_paused(at: Look) -> Column:
    return ~is_paused(at.now, _too_late(at))


def _end_of_pause(at: Look) -> Column:
    return put_off_to(at.now, _too_late(at))


def _open(at: Look) -> Column:
    return opens(at.closed) <= at.now if at.closed else literal(True)


def _opens_in_time(at: Look) -> Column:
    instant = opens(at.closed) if at.closed else null()
    return case((instant < touch.c.expires_at, instant))


GATES: tuple[Gate, ...] = (
    Gate("erased", CANCELLED, "erased", lambda _: customer.c.erased_at.is_(None), "customer"),
    Gate("journey", CANCELLED, "left", _journey, "enrolment"),
    Gate("ended", CANCELLED, "ended", lambda at: literal(not at.all_leave), "customer"),
    Gate("exit", CANCELLED, "exit", _exit, "enrolment"),
    Gate("hold_out", SKIPPED, "hold_out", lambda _: enrolment.c.held_out_at.is_(None), "enrolment"),
    Gate("pause", SKIPPED, "paused", _not_paused, until=_end_of_pause),
    Gate("expiry", SKIPPED, "expired", lambda at: touch.c.expires_at > at.now),
    Gate("late", SKIPPED, "late", _late),
    Gate("audience", SKIPPED, "audience", _audience, "customer"),
    Gate("address", SKIPPED, "no_address", _of_messages(lambda at: has_address(at.channel)), "customer"),
    Gate("suppression", SKIPPED, "suppressed", _of_messages(_suppression), "customer"),
    Gate("consent", SKIPPED, "no_consent", _of_messages(_consent), "customer"),
    Gate("hours", SKIPPED, "hours", _of_messages(_open), "customer", _opens_in_time),
)


PUTTING_OFF = tuple(gate for gate in GATES if gate.until is not None)


def waits_for_a_person(at: Look) -> Column:
    """`late: {otherwise: ask}`: the touch is late, and nobody has accepted its run."""
    if at.version.campaign.late.otherwise != "ask":
        return literal(False)
    return is_late(at) & campaign_run.c.accepted_at.is_(None)


class Verdict(NamedTuple):
    """What the gates said of a touch: where it ends (None: it may go on; `due`: it is put off), why, and every gate's word.
    `until`: to when it is put off."""

    state: str | None
    reason: str | None
    words: str
    until: datetime | None = None


@lru_cache(maxsize=1_000)
def passing(said: Verdict, gate: str) -> Verdict:
    """The verdict on what passes another gate too, which is not of GATES."""
    return Verdict(said.state, said.reason, f"{said.words} {gate}=pass", said.until)


def barred(said: Verdict, gate: str, state: str, until: datetime | None = None) -> Verdict:
    """The verdict on what such a gate bars, which is the reason too: it ends in `state`, or is put off."""
    return Verdict(DUE if until else state, gate, f"{said.words} {gate}=bar", until)


def bars(at: Look) -> Column:
    """SQL: the gates that bar, as the bits of a number, GATES[0] the lowest. One column is read far sooner than ten."""
    return sum((case((gate.passes(at), 0), else_=1 << number) for number, gate in enumerate(GATES)), literal(0))


def put_off(at: Look) -> list[Column]:
    """SQL: to when the gates of PUTTING_OFF put a touch off, each NULL where it does not."""
    return [type_coerce(case((~gate.passes(at), gate.until(at))), Instant()) for gate in PUTTING_OFF if gate.until]


@lru_cache(maxsize=1_000)
def verdict(barred_by: int, until: tuple[datetime | None, ...] = ()) -> Verdict:
    """From the gates' answers, as `bars` gives them, and the instants of `put_off`."""
    passed = [not barred_by >> number & 1 for number in range(len(GATES))]
    words = " ".join(f"{gate.name}={'pass' if ok else 'bar'}" for gate, ok in zip(GATES, passed, strict=True))
    barred = next((gate for gate, ok in zip(GATES, passed, strict=True) if not ok), None)
    if barred is None:
        return Verdict(None, None, words)
    again = dict(zip(PUTTING_OFF, until, strict=False)).get(barred)
    return Verdict(DUE if again else barred.state, barred.reason, words, again)
