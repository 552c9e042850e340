"""Writing touches: one INSERT ... SELECT from the enrolments whose send has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, false, insert, literal, null, select
from sqlalchemy import cast as sql_cast

from crm_store.ledger.states import DUE, IN_DOUBT, SKIPPED
from crm_store.many import ids_of
from crm_store.schema import enrolment, epoch, touch
from crm_store.schema.types import Instant, Words, later
from crm_store.store import machine_now

# The channel of touches that are no messages: somebody of the company is to do something.
TASK = "follow_up"


@dataclass(frozen=True)
class Message:
    """What a step sends. A task has no template; what has no topic needs no consent."""

    step: str
    template: str
    channel: str
    topic: str | None


def write_touches(conn: Connection, run_id: int, enrolment_ids: Sequence[int], message: Message, keep: timedelta) -> int:
    """A touch for each of these enrolments, right since when they are at the step. `keep`: from right instant to expiry.

    Where a wait's moment had passed (`past`) the touch is written as skipped; what was right before a restored copy of the
    store was put back may have been sent then, and is written in doubt. Returns how many were written.
    """
    restored_at = conn.execute(select(epoch.c.restored_at)).scalar()
    # Who is held out was sent nothing in any life.
    unsure = and_(enrolment.c.since < restored_at, enrolment.c.held_out_at.is_(None)) if restored_at else false()
    values: dict[str, ColumnElement[Any]] = {
        "run_id": literal(run_id),
        "enrolment_id": enrolment.c.id,
        "step": literal(message.step, Words),
        "campaign": enrolment.c.campaign,
        "definition_id": enrolment.c.definition_id,
        "customer_id": enrolment.c.customer_id,
        "channel": literal(message.channel, Words),
        "topic": literal(message.topic, Words),
        "template": literal(message.template, Words),
        "variant": enrolment.c.variant,
        "trigger_event_id": enrolment.c.trigger_event_id,
        "state": case((enrolment.c.past, _word(SKIPPED)), (unsure, _word(IN_DOUBT)), else_=_word(DUE)),
        "reason": case((enrolment.c.past, _word("past")), (unsure, _word("restored")), else_=sql_cast(null(), Words)),
        "right_at": enrolment.c.since,
        "due_at": enrolment.c.since,
        "expires_at": later(enrolment.c.since, keep),
        "attempt": literal(1),
        "doubt_since": case((unsure, literal(machine_now(conn), Instant())), else_=sql_cast(null(), Instant())),
    }
    chosen = select(*values.values()).where(enrolment.c.id.in_(ids_of(enrolment_ids))).order_by(enrolment.c.id)
    written = insert(touch).from_select(list(values), chosen).execution_options(preserve_rowcount=True)
    return conn.execute(written).rowcount  # PostgreSQL's driver tells no number of what is inserted unless it is kept


def _word(word: str) -> ColumnElement[str]:
    return literal(word, Words)
