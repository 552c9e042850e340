"""Which arm of a split has won: one look, at the time and size that its file declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, func, insert, or_, select

from crm_store.clock import span
from crm_store.schema import assignment, enrolment, split_decision, touch, touch_event

if TYPE_CHECKING:
    from crm_store.journeys.turn import Turn

ERROR = 0.05  # two-sided


@dataclass(frozen=True)
class Winner:
    """`by`: what counts, goal or clicked. Looked at so long after the first who took an arm, when so many have."""

    by: str
    after: timedelta
    at_least: int

    def sentence(self) -> str:
        return f"the winner by {self.by} takes all, after {span(self.after)} and {self.at_least} customers"


@dataclass(frozen=True)
class Tried:
    """How many took an arm, and how many of them did what counts."""

    taken: int
    reached: int

    @property
    def rate(self) -> float:
        return self.reached / self.taken if self.taken else 0.0


def winner_of(tried: Mapping[str, Tried]) -> str | None:
    """The arm with the best rate, if it differs from each other one; None: nobody can tell."""
    best = max(tried, key=lambda name: (tried[name].rate, name))
    others = [one for name, one in tried.items() if name != best]
    return best if all(differ(tried[best], other) for other in others) else None


def differ(one: Tried, other: Tried) -> bool:
    """Whether two rates differ, by the two-proportion z-test with a pooled rate (NIST/SEMATECH e-Handbook of Statistical
    Methods, 7.3.3): z = (p1 - p2) / sqrt(p (1 - p) (1/n1 + 1/n2)), two-sided at 5 %."""
    if not one.taken or not other.taken:
        return False
    pooled = (one.reached + other.reached) / (one.taken + other.taken)
    spread = sqrt(pooled * (1 - pooled) * (1 / one.taken + 1 / other.taken))
    return spread > 0 and abs(one.rate - other.rate) / spread > NormalDist().inv_cdf(1 - ERROR / 2)


def decision(turn: Turn, step: str) -> tuple[datetime, str | None] | None:
    """When the split was decided, and for which arm; None: not yet."""
    of_step = split_decision.c.campaign == turn.version.campaign.name, split_decision.c.step == step
    row = turn.conn.execute(select(split_decision.c.decided_at, split_decision.c.winner).where(*of_step)).first()
    return (row.decided_at, row.winner) if row else None


def decide(turn: Turn, step: str, arms: tuple[str, ...], winner: Winner) -> None:
    """Decide a split whose time has come by now; everything is as of that instant, however late the look is.

    Whom a planning of this same `now` has seen come does not count yet: how many that are depends on where one that was
    stopped had got to."""
    at = ripe_since(turn, step, winner)
    if at is None:
        return
    found = _figures(turn, step, at, winner)
    tried = {arm: found.get(arm, Tried(0, 0)) for arm in arms}
    figures = {arm: {"taken": one.taken, "reached": one.reached} for arm, one in tried.items()}
    row = {"campaign": turn.version.campaign.name, "step": step, "decided_at": at, "winner": winner_of(tried)}
    turn.conn.execute(insert(split_decision), {**row, "figures": figures})


def ripe_since(turn: Turn, step: str, winner: Winner) -> datetime | None:
    """When both the time was over and enough had taken an arm; None: not by now, or it is decided."""
    if decision(turn, step) is not None:
        return None
    taken = _taken(turn, step, select(assignment.c.taken_at)).order_by(assignment.c.taken_at)
    first = turn.conn.execute(taken.limit(1)).scalar()
    if first is None or first + winner.after > turn.now:
        return None
    enough = turn.conn.execute(taken.offset(winner.at_least - 1).limit(1)).scalar()
    at = max(first + winner.after, enough) if enough else None
    return at if at is not None and at <= turn.now else None


def _taken(turn: Turn, step: str, chosen: Select[Any]) -> Select[Any]:
    """Those who took an arm, as seen before now, and were not held out."""
    joined = chosen.join(enrolment, enrolment.c.id == assignment.c.enrolment_id)
    before = or_(assignment.c.seen_at.is_(None), assignment.c.seen_at < turn.now)
    of_step = assignment.c.step == step, assignment.c.taken_at.is_not(None), before
    return joined.where(*of_step, enrolment.c.campaign == turn.version.campaign.name, enrolment.c.held_out_at.is_(None))


def _figures(turn: Turn, step: str, at: datetime, winner: Winner) -> dict[str, Tried]:
    reached = enrolment.c.goal_at <= at if winner.by == "goal" else _clicked(at)
    counted = func.count(), func.count().filter(reached)
    chosen = _taken(turn, step, select(assignment.c.variant, *counted))
    rows = turn.conn.execute(chosen.where(assignment.c.taken_at <= at).group_by(assignment.c.variant))
    return {row[0]: Tried(row[1], row[2]) for row in rows}


def _clicked(at: datetime) -> ColumnElement[bool]:
    """A person followed a link of a mail that came after the split. Machines click everything."""
    told = select(touch_event.c.id).join(touch, touch.c.id == touch_event.c.touch_id)
    after = touch.c.enrolment_id == enrolment.c.id, touch.c.right_at >= assignment.c.taken_at
    by_people = touch_event.c.kind == "clicked", touch_event.c.actor != "machine", touch_event.c.at <= at
    return told.where(*after, *by_people).correlate(enrolment, assignment).exists()
