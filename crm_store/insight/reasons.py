"""Why a customer is, or is not, written to by a campaign: what stands between them, in order, and which of it stopped her.

Nothing is written. How the campaign stands, and what its touches came to, is as the store has it; all the rest is as of
the instant asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from crm_store.clock import span
from crm_store.insight.capped import rooms
from crm_store.journeys import entering
from crm_store.journeys.again import Again, has_room
from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.holdouts import held_out
from crm_store.journeys.published import current, runnable, standing
from crm_store.journeys.running import Runs
from crm_store.journeys.steps import Speaking
from crm_store.journeys.triggers import Window
from crm_store.ledger.gates import GATES, Gate, Look, look
from crm_store.ledger.opening import closed_until, hours_of
from crm_store.ledger.runs import HELD, PLANNING, STOPPED
from crm_store.ledger.states import CANCELLED, DUE, FAILED, SKIPPED
from crm_store.schema import campaign_run, customer, enrolment, pause, touch
from crm_store.schema.types import Instant
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.explaining import Explained, judge

# So far back a trigger is looked for: a yearly date comes round in it.
_LOOKED_BACK = timedelta(days=400)
# Asks for what entered, whether she was in before or not.
_WHATEVER = Again("event")


@dataclass(frozen=True)
class Check:
    """`passes`: whether it let her through; `says`: what it looked at, in words; `why`: the condition, if it is one."""

    name: str
    passes: bool
    says: str
    why: Explained | None = None


@dataclass(frozen=True)
class Story:
    """`checks`: in the order in which they stand between the customer and a mail; `occasions`: her enrolments, the newest
    first."""

    campaign: str
    customer: str
    at: datetime
    checks: tuple[Check, ...]
    occasions: tuple[str, ...]

    @property
    def stopped(self) -> Check | None:
        """The first that did not let her through."""
        return next((one for one in self.checks if not one.passes), None)


@dataclass(frozen=True)
class _Asked:
    conn: Connection
    version: Runnable
    stands: Standing
    who: Any  # id and key of the customer
    at: datetime

    def under(self, version: Runnable) -> _Asked:
        return replace(self, version=version)

    def explained(self, condition: Condition, enrolment_id: int | None = None) -> Explained | None:
        row = enrolment if enrolment_id is not None else None
        judged = judge(self.conn, condition, self.version.scope(self.conn, self.at, row), self.who.key, enrolment_id)
        return judged.found if judged else None


def why(conn: Connection, campaign: str, key: str, at: datetime) -> Story | None:
    """The story of a customer and a campaign up to `at`; None if there is no such customer. Raises StoreError for a
    campaign that was never published."""
    who = conn.execute(select(customer.c.id, customer.c.key).where(customer.c.key == key)).one_or_none()
    if who is None:
        return None
    asked = _Asked(conn, current(conn, campaign), standing(conn, campaign), who, at)
    mine = enrolment.c.campaign == campaign, enrolment.c.customer_id == who.id, enrolment.c.entered_at <= at
    newest = enrolment.c.entered_at.desc(), enrolment.c.id.desc()
    rows = conn.execute(select(enrolment).where(*mine).order_by(*newest)).all()
    checks = [*_status(asked), *(_under_way(asked, rows[0]) if rows else _entering(asked))]
    if rows and rows[0].state != "in":
        checks += [replace(one, name=f"next {one.name}") for one in _entry(asked)]
    return Story(campaign, key, at, tuple(checks), tuple(row.occasion for row in rows))


def _status(asked: _Asked) -> Iterator[Check]:
    yield Check("status", asked.stands.status in ("live", "ended"), f"the campaign is {asked.stands.status}")
    if asked.stands.held is not None:
        yield Check("held", False, f"the campaign is held: {asked.stands.held}")
    for brake in asked.stands.brakes:
        name, what = ("all paused", "all campaigns are") if brake.of_all else ("paused", "the campaign is")
        yield Check(name, False, f"{what} {brake}")


# Who has not entered


def _entering(asked: _Asked) -> Iterator[Check]:
    """Everything there is, at entry and in a claim, that can be said of a customer who is not in."""
    yield from _entry(asked)
    yield from _gates(asked, None, None)
    yield from _paused(asked)
    yield from _capped(asked)


def _entry(asked: _Asked) -> Iterator[Check]:
    if asked.stands.status == "ended":
        yield Check("entry", False, "nobody enters any more")
    elif asked.stands.live_since is None:
        yield Check("entry", False, "nobody enters before the campaign is live")
    yield from _triggered(asked)
    lot = held_out(asked.version)
    if lot is not None:
        drawn = asked.conn.execute(select(customer.c.id).where(customer.c.id == asked.who.id, lot)).first() is not None
        yield Check("hold_out", not drawn, "is drawn as one who gets nothing" if drawn else "is not held out")


def _triggered(asked: _Asked) -> Iterator[Check]:
    """Whether the trigger was reached, in time, and may enter her (again)."""
    campaign, live_since = asked.version.campaign, asked.stands.live_since or asked.at
    ever = _last_entry(asked, _WHATEVER, Window(asked.at - _LOOKED_BACK, asked.at, live_since))
    said = campaign.trigger.sentence()
    if ever is None:
        yield Check("trigger", False, f"{said}: not in the last {_LOOKED_BACK.days} days")
        return
    yield Check("trigger", True, f"{said}: at {_z(ever)}")
    if campaign.runs.ends or campaign.runs.begins:
        yield Check("runs", not _is_outside(campaign.runs, ever), f"the campaign takes in {campaign.runs.written}")
    window = _window(asked)
    late = _last_entry(asked, _WHATEVER, window) is None
    yield Check("late", not late, f"must be seen within {span(campaign.late.within)} (late: {campaign.late.otherwise})")
    if not late:
        yield from _again(asked, window)


def _again(asked: _Asked, window: Window) -> Iterator[Check]:
    campaign = asked.version.campaign
    fresh = _last_entry(asked, campaign.again, window, new=True) is not None
    says = "enters once" if campaign.again.policy == "never" else f"enters again {campaign.again}"
    yield Check("again", fresh, says + ("" if fresh else ", and has entered for it"))
    if fresh and campaign.limit is not None:
        room = _last_entry(asked, campaign.again, replace(window, limit=campaign.limit), new=True) is not None
        yield Check("limit", room, f"at most {campaign.limit}")


def _window(asked: _Asked) -> Window:
    """When an entry must have been right to be made at the instant asked for, whoever has been looked at before."""
    entry = entering.window(asked.conn, asked.version, asked.stands, asked.at)
    everybody = asked.version.campaign.trigger.of_everybody
    since = asked.at - asked.version.campaign.late.within if everybody else entry.since
    return replace(entry, since=since, limit=None)


def _is_outside(runs: Runs, at: datetime) -> bool:
    return bool((runs.begins and at < runs.begins) or (runs.ends and at >= runs.ends))


def _last_entry(asked: _Asked, again: Again, window: Window, new: bool = False) -> datetime | None:
    """When she reached the trigger last within the window; `new`: for an occasion she has not entered for."""
    one, scope = asked.version.campaign, asked.version.scope(asked.conn, asked.at)
    found = one.trigger.candidates(asked.conn, one.name, again, window, scope).subquery("candidate")
    chosen = select(found.c.entered_at).where(found.c.customer_id == asked.who.id)
    if new:
        same = enrolment.c.campaign == one.name, enrolment.c.customer_id == asked.who.id
        chosen = chosen.where(~select(enrolment.c.id).where(*same, enrolment.c.occasion == found.c.occasion).exists())
    if window.limit is not None:
        chosen = chosen.where(has_room(one.name, found.c.customer_id, found.c.entered_at, window.limit))
    at: datetime | None = asked.conn.execute(chosen.order_by(found.c.entered_at.desc()).limit(1)).scalar()
    return at


# Who has entered


def _under_way(asked: _Asked, row: Row[Any]) -> Iterator[Check]:
    """What became of her touches, then what would be said of her if she were written to now."""
    asked = asked.under(runnable(asked.conn, row.definition_id))
    yield Check("entry", True, f"entered at {_z(row.entered_at)} (occasion {row.occasion})")
    chosen = select(touch).where(touch.c.enrolment_id == row.id, touch.c.due_at <= asked.at)
    touches = asked.conn.execute(chosen.order_by(touch.c.due_at, touch.c.id)).all()
    settled = [one for one in touches if one.state != DUE and not (one.decided_at and one.decided_at > asked.at)]
    yield from (_touched(one) for one in settled)
    if row.state != "in":
        ended = row.finished_at or row.left_at
        reason = f" ({row.reason})" if row.reason else ""
        yield Check("journey", row.state == "finished", f"{row.state}{reason} at {_z(ended)}")
        return
    yield Check("step", True, f"is at {row.step}" + (f" until {_z(row.next_at)}" if row.next_at else ""))
    waiting = [one for one in touches if one not in settled]
    yield from _put_off(asked, row.id)
    if waiting:
        yield from _in_run(asked, waiting[0].run_id)
    yield from _gates(asked, row.id, waiting[0] if waiting else None)
    if not waiting:
        late = asked.version.campaign.late
        yield Check("late", True, f"the next mail may be {span(late.within)} late (late: {late.otherwise})")
        yield from _paused(asked)
    yield from _capped(asked)


def _in_run(asked: _Asked, run_id: int) -> Iterator[Check]:
    """Why nothing of the run that wrote her touch is claimed, if so it is."""
    run = asked.conn.execute(select(campaign_run).where(campaign_run.c.id == run_id)).one()
    if run.state is not None:
        why = f": {run.why}" if run.why else ""
        yield Check("run", False, f"run {run.id} is {_RUN_STATES[run.state]}{why}")


_RUN_STATES = {PLANNING: "not planned to its end yet", HELD: "held", STOPPED: "stopped"}


def _touched(row: Row[Any]) -> Check:
    reason = f" ({row.reason})" if row.reason else ""
    says = f"{row.state}{reason} at {_z(row.sent_at or row.decided_at or row.due_at)}"
    return Check(f"touch {row.step}", row.state not in (SKIPPED, CANCELLED, FAILED), says)


def _put_off(asked: _Asked, enrolment_id: int) -> Iterator[Check]:
    """Touches that the claim has put off: by which restraint, and until when."""
    later = touch.c.state == DUE, touch.c.due_at > asked.at, touch.c.decided_at <= asked.at
    chosen = select(touch).where(touch.c.enrolment_id == enrolment_id, touch.c.reason.is_not(None), *later)
    for one in asked.conn.execute(chosen.order_by(touch.c.due_at)):
        yield Check(f"touch {one.step}", False, f"put off ({one.reason}) until {_z(one.due_at)}")


def _paused(asked: _Asked) -> Iterator[Check]:
    """What the gate of a touch would say of pauses, where there is no touch yet."""
    if asked.version.campaign.is_service:
        return
    lasts = pause.c.since <= asked.at, func.coalesce(pause.c.lifted_at, pause.c.until, type_=Instant()) > asked.at
    of_topic = pause.c.topic.is_(None) | (pause.c.topic == asked.version.campaign.topic)
    until = asked.conn.execute(select(pause.c.until).where(pause.c.customer_id == asked.who.id, *lasts, of_topic)).scalar()
    yield Check("pause", until is None, f"is paused until {_z(until)}" if until else "no pause keeps mails back")


def _capped(asked: _Asked) -> Iterator[Check]:
    """Whether there is room for one more mail under the caps."""
    for room in rooms(asked.conn, asked.version.campaign.name, asked.who.id, asked.at):
        yield Check("cap", room.is_free, str(room))


def _gates(asked: _Asked, enrolment_id: int | None, due: Row[Any] | None) -> Iterator[Check]:
    """Those gates for which there is something to look at."""
    touch_id = due.id if due else None
    step = asked.version.campaign.course.step(due.step) if due else None
    rows = {"customer", *(["enrolment"] if enrolment_id else []), *(["touch"] if touch_id else [])}
    gates = [gate for gate in GATES if gate.of in rows]
    newest = current(asked.conn, asked.version.campaign.name)
    at = look(asked.conn, asked.version, asked.at, step if isinstance(step, Speaking) else None)
    at = replace(at, closed=closed_until(asked.conn, newest, asked.version.campaign.is_service, asked.at))
    answers: list[ColumnElement[Any]] = [gate.passes(at).label(gate.name) for gate in gates]
    found = asked.conn.execute(_of(answers, asked.who.id, enrolment_id, touch_id)).one()
    for gate, passed in zip(gates, found, strict=True):
        yield Check(
            gate.name, bool(passed), _looks_at(gate, at, newest, bool(passed)), _condition(asked, gate, enrolment_id)
        )


def _of(
    answers: Sequence[ColumnElement[Any]], customer_id: int, enrolment_id: int | None, touch_id: int | None
) -> Select[Any]:
    chosen = select(*answers).select_from(customer).where(customer.c.id == customer_id)
    if enrolment_id is not None:
        chosen = chosen.join(enrolment, enrolment.c.customer_id == customer.c.id).where(enrolment.c.id == enrolment_id)
    if touch_id is not None:
        chosen = chosen.join(touch, touch.c.enrolment_id == enrolment.c.id).where(touch.c.id == touch_id)
        chosen = chosen.join(campaign_run, campaign_run.c.id == touch.c.run_id)
    return chosen


def _condition(asked: _Asked, gate: Gate, enrolment_id: int | None) -> Explained | None:
    condition = {"audience": asked.version.campaign.audience, "exit": asked.version.campaign.exit_when}.get(gate.name)
    return asked.explained(condition, enrolment_id if gate.name == "exit" else None) if condition else None


def _looks_at(gate: Gate, at: Look, newest: Runnable, passes: bool) -> str:
    one = at.version.campaign
    if not passes and gate.name in _BARRED:
        return _BARRED[gate.name]
    said = {
        "erased": "is not erased",
        "journey": "is in the journey",
        "ended": "the campaign has not ended for all",
        "exit": f"leaves when {one.exit_when.sentence()}" if one.exit_when else "nobody leaves early",
        "hold_out": "is not held out",
        "pause": "no pause keeps mails back",
        "expiry": "the mail is not too old to be sent",
        "late": f"is not more than {span(one.late.within)} late",
        "audience": one.audience.sentence() if one.audience else "everybody is meant",
        "address": f"has an address for {at.channel}",
        "suppression": "the address may be written to",
        "hours": f"mails go where she lives at: {hours_of(newest, one.is_service)}",
        "consent": f"consent to {one.topic} by {at.channel}" if one.topic else "service needs no consent",
    }
    return said.get(gate.name, gate.name)


# What is said of the others is what they ask for, met or not.
_BARRED = {
    "erased": "is erased",
    "journey": "is out of the journey",
    "ended": "the campaign has ended for all",
    "hold_out": "is held out: gets nothing, so that the others can be compared",
}


def _z(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else "an unknown time"
