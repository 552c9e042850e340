"""A step's turn: some enrolments at one step, in one transaction, and where they may go from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, literal, null, select, update

from crm_store.changes import mark_those
from crm_store.journeys.steps.base import Speaking
from crm_store.many import ids_of
from crm_store.schema import customer, enrolment

if TYPE_CHECKING:
    from crm_store.journeys.context import Runnable
    from crm_store.journeys.steps.base import Step
    from crm_store.segmentation.conditions.base import Condition

Column = ColumnElement[Any]


@dataclass(frozen=True)
class Turn:
    """As of `now`, for enrolments of one version of a campaign. `base` is always the right instant from which waits are
    counted: SQL on the enrolment's row as it was. `spoken`: whom it puts on a send, for its caller to write their touches
    (see speaking.py) of instants that have come; None: they wait there for a turn of their own."""

    conn: Connection
    version: Runnable
    now: datetime
    spoken: list[tuple[Speaking, Sequence[int]]] | None = None

    def holding(self, condition: Condition, ids: Sequence[int]) -> list[int]:
        """For which of these enrolments the condition holds."""
        if not ids:
            return []
        holds = condition.sql(self.version.scope(self.conn, self.now, enrolment))
        chosen = select(enrolment.c.id).join(customer, customer.c.id == enrolment.c.customer_id)
        chosen = chosen.where(enrolment.c.id.in_(ids_of(ids)), holds).order_by(enrolment.c.id)
        return list(self.conn.execute(chosen).scalars())

    def go(self, ids: Sequence[int], step: Step | None, base: Column, looked: bool = False, **values: Any) -> None:
        """Put enrolments on a step at the instant `base`; None: they have come to the end. `values`: more to be written.
        `looked`: the caller looks at them for the exit."""
        if not ids:
            return
        if step is None:
            place: dict[str, Any] = {
                "state": "finished",
                "finished_at": base,
                "step": None,
                "next_at": None,
                "unseen": None,
            }
        else:
            # Who is to be spoken to is judged for the exit at the claim.
            exits = self.version.campaign.exit_when is not None and not (looked or isinstance(step, Speaking))
            looked_for = exits or step.watched() is not None
            unseen = {"unseen": literal(True) if looked_for else null()}
            place = {"step": step.name, "since": base, **unseen, **step.come(self, ids, base)}
            if self.spoken is not None and isinstance(step, Speaking):
                self.spoken.append((step, ids))
                place["next_at"] = None
        self.conn.execute(update(enrolment).where(enrolment.c.id.in_(ids_of(ids))).values({**values, **place}))
        if "state" in place:
            self._may_enter_again(ids)

    def leave(self, ids: Sequence[int], reason: str, at: datetime | Column | None = None) -> int:
        """End those of the enrolments that are still in. Returns how many."""
        if not ids:
            return 0
        still_in = enrolment.c.id.in_(ids_of(ids)), enrolment.c.state == "in"
        left = {"state": "left", "reason": reason, "left_at": self.now if at is None else at}
        leaving = self.conn.execute(update(enrolment).where(*still_in).values(**left, next_at=None, unseen=None)).rowcount
        self._may_enter_again(ids)
        self._be_silent(set(ids))
        return leaving

    def _be_silent(self, ids: set[int]) -> None:
        if self.spoken:
            self.spoken[:] = [(step, [one for one in whom if one not in ids]) for step, whom in self.spoken]

    def _may_enter_again(self, ids: Sequence[int]) -> None:
        """With `again: after leaving` a tick has to look whether those who are out now enter anew."""
        if self.version.campaign.again.policy == "leaving":
            out = select(enrolment.c.customer_id).where(enrolment.c.id.in_(ids_of(ids)), enrolment.c.state != "in")
            mark_those(self.conn, customer.c.id.in_(out))

    def has_seen(self, ids: Sequence[int]) -> None:
        """All that these enrolments are looked at for where they are was looked for."""
        unseen = enrolment.c.id.in_(ids_of(ids)), enrolment.c.unseen.is_not(None)
        self.conn.execute(update(enrolment).where(*unseen).values(unseen=None))

    def is_new_to(self, ids: Sequence[int]) -> None:
        """These enrolments have come to the version from another: nobody has looked at them for what it looks for."""
        campaign = self.version.campaign
        watched = [step.name for step in campaign.course.steps if step.watched() is not None]
        here = enrolment.c.next_at.is_not(None) if campaign.exit_when is not None else enrolment.c.step.in_(watched)
        still_in = enrolment.c.id.in_(ids_of(ids)), enrolment.c.state == "in"
        self.conn.execute(update(enrolment).where(*still_in, here).values(unseen=True))

    def where_exit_holds(self, ids: Sequence[int]) -> list[int]:
        """Which of these enrolments meet the campaign's `exit_when`."""
        exit_when = self.version.campaign.exit_when
        return self.holding(exit_when, ids) if exit_when is not None else []
