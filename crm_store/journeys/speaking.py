"""Touches of those whose turn to be spoken to has come: counted for the sum law, then written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Speaking
from crm_store.journeys.turn import Turn
from crm_store.ledger.offers import end_at_step
from crm_store.ledger.runs import add_eligible, ensure_run
from crm_store.ledger.write import write_touches
from crm_store.many import ids_of
from crm_store.schema import enrolment, touch


def speak(turn: Turn, run_id: int | None, step: Speaking, ids: Sequence[int], eligible: int) -> tuple[int | None, int]:
    """Write the touches of enrolments that the turn has put on a send. `eligible`: how many there must be. Returns the run,
    and how many were written."""
    if not eligible:
        return run_id, 0
    conn, version = turn.conn, turn.version
    run_id = ensure_run(conn, run_id, version.campaign.name, turn.now)
    add_eligible(conn, run_id, eligible)
    written = write_touches(conn, run_id, ids, step.message(version.campaign), wait_at_most(version))
    end_at_step(conn, version, step.name, ids)
    return run_id, written


def wait_at_most(version: Runnable) -> timedelta:
    """How long a touch may be put off, from its right instant on."""
    return version.campaign.restraint.wait_at_most or version.settings.delivery.wait_at_most


def not_spoken_to(turn: Turn, step: Speaking, ids: list[int]) -> list[int]:
    """Those who have no touch of the step yet. The others have come to it again, because the version they follow has it
    further down than the one they got it from: they go on."""
    spoken_to = select(touch.c.enrolment_id).where(touch.c.enrolment_id.in_(ids_of(ids)), touch.c.step == step.name)
    again = list(turn.conn.execute(spoken_to).scalars())
    turn.go(again, turn.version.campaign.course.after(step.name), enrolment.c.next_at)
    return sorted(set(ids).difference(again))
