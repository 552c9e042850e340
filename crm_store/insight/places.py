"""Where the customers of a campaign are: how many wait at each step, and how many are out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from crm_store.schema import enrolment


@dataclass(frozen=True)
class Places:
    """`at`: step -> those who are at it now, steps of older versions too. The others: enrolments by their state.

    Who is held out is counted like everybody; `held_out`: how many of all they are.
    """

    at: Mapping[str, int]
    inside: int
    finished: int
    left: int
    held_out: int

    def words(self) -> str:
        return f"{self.inside} in, {self.finished} finished, {self.left} left ({self.held_out} of all held out)"


def places(conn: Connection, campaign: str) -> Places:
    """As it is in the store now."""
    counted = select(enrolment.c.state, enrolment.c.step, func.count(), func.count(enrolment.c.held_out_at))
    counted = counted.where(enrolment.c.campaign == campaign).group_by(enrolment.c.state, enrolment.c.step)
    rows = conn.execute(counted).all()
    by_state = {state: sum(row[2] for row in rows if row[0] == state) for state in ("in", "finished", "left")}
    at = {row[1]: row[2] for row in rows if row[0] == "in" and row[1] is not None}
    return Places(at, by_state["in"], by_state["finished"], by_state["left"], sum(row[3] for row in rows))
