"""A customer's pause: while it lasts nothing of a topic, or no marketing at all, is sent to her.

A touch that it covers is put off to its end; one that would expire before ends. Touches without a topic are of service, or
no messages at all: no pause is about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from crm_store.errors import no_customer
from crm_store.ledger.log import Order, write_log
from crm_store.ledger.states import DUE
from crm_store.ledger.transitions import PUT_OFF, move
from crm_store.many import ids_of
from crm_store.schema import customer, enrolment, pause, touch
from crm_store.schema.types import Instant, Words

FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)  # or until a person says so
END_OF_PAUSE: ColumnElement[Any] = func.coalesce(pause.c.lifted_at, pause.c.until, type_=Instant())


def begin_pauses(
    conn: Connection, ids: Sequence[int], step: str, topic: str | None, until: ColumnElement[Any], lifts: bool
) -> None:
    """Pause the customers of these enrolments from `next_at` on, until an instant (SQL on the enrolment); who is held out
    or erased is left alone. `lifts`: it may end sooner, which is looked for by the enrolment's version. Nobody of them is
    claimed after this commits."""
    wanted = enrolment.c.id.in_(ids_of(ids)), enrolment.c.held_out_at.is_(None), customer.c.erased_at.is_(None)
    whose = customer.c.id == enrolment.c.customer_id
    locked = select(customer.c.id).where(customer.c.id.in_(select(enrolment.c.customer_id).where(*wanted[:2])))
    conn.execute(locked.order_by(customer.c.id).with_for_update(key_share=True)).all()
    values: dict[str, Any] = {
        "customer_id": enrolment.c.customer_id,
        "topic": literal(topic, Words),
        "since": enrolment.c.next_at,
        "until": until,
        "lifts": literal(lifts),
        "definition_id": enrolment.c.definition_id if lifts else cast(null(), BigInteger),
        "enrolment_id": enrolment.c.id,
        "step": literal(step, Words),
    }
    chosen = select(*values.values()).join(customer, whose).where(*wanted).order_by(enrolment.c.id)
    conn.execute(insert(pause).from_select(list(values), chosen))


def open_at(now: Any) -> tuple[ColumnElement[bool], ...]:
    """The pause may still end before its time: for the version that `definition_id` names."""
    return pause.c.definition_id.is_not(None), pause.c.until > now


def paused_by(definition_id: int, step: str, now: datetime) -> Select[Any]:
    """A select of the enrolments whose pause by this step of a version may still end before its time."""
    return select(pause.c.enrolment_id).where(pause.c.definition_id == definition_id, pause.c.step == step, *open_at(now))


def follow_pauses(conn: Connection, enrolment_ids: Sequence[int], definition_id: int) -> None:
    """What may end the pauses of these enrolments before their time is looked for by another version."""
    ours = pause.c.enrolment_id.in_(ids_of(enrolment_ids)), pause.c.definition_id.is_not(None)
    conn.execute(update(pause).where(*ours).values(definition_id=definition_id))


def pause_customer(
    conn: Connection, key: str, topic: str | None, now: datetime, until: datetime | None, order: Order
) -> None:
    """Pause a customer by a person's order, from `now` to `until` (None: until somebody lifts it). It is logged.

    Nothing of the topic (None: no marketing at all) is claimed for her after this commits. Raises UsageError for a key
    that nobody has.
    """
    customer_id = _locked(conn, key)
    row = {"customer_id": customer_id, "topic": topic, "since": now, "until": until or FOR_EVER, "lifts": True}
    conn.execute(insert(pause), row)
    write_log(conn, order, "pause", _subject(key, topic), {"until": until.isoformat() if until else None})


def resume_customer(conn: Connection, key: str, topic: str | None, now: datetime, order: Order) -> int:
    """End her pauses that last, of the topic, or all of them (None), whoever began them. What they have put off is due
    now. It is logged. Returns how many there were; raises UsageError for a key that nobody has."""
    customer_id = _locked(conn, key)
    lasting = pause.c.customer_id == customer_id, pause.c.lifted_at.is_(None), pause.c.until > now
    count = _lift(conn, (*lasting, *([pause.c.topic == topic] if topic else [])), now)
    if count:
        write_log(conn, order, "resume", _subject(key, topic), {"pauses": count})
    return count


def _locked(conn: Connection, key: str) -> int:
    """The customer, her row locked as the claim locks it."""
    wanted = select(customer.c.id).where(customer.c.key == key, customer.c.erased_at.is_(None))
    found = conn.execute(wanted.with_for_update(key_share=True)).scalar()
    if found is None:
        raise no_customer(key)
    return int(found)


def _subject(key: str, topic: str | None) -> str:
    return f"customer {key}" + (f", topic {topic}" if topic else "")


def lift_pauses(conn: Connection, enrolment_ids: Sequence[int], step: str, now: datetime) -> None:
    """End the pauses of a step now. What was put off to their end is due now."""
    _lift(conn, (pause.c.enrolment_id.in_(ids_of(enrolment_ids)), pause.c.step == step), now)


def _lift(conn: Connection, ours: Sequence[ColumnElement[bool]], now: datetime) -> int:
    until = case((pause.c.until < touch.c.expires_at, pause.c.until), else_=touch.c.expires_at)
    waits = select(pause.c.id).where(*ours, _concerns(touch.c), touch.c.due_at == until).correlate(touch).exists()
    whose = touch.c.customer_id.in_(select(pause.c.customer_id).where(*ours))
    move(conn, PUT_OFF, touch.c.state == DUE, touch.c.reason == "paused", whose, waits, due_at=now)
    return conn.execute(update(pause).where(*ours).values(lifted_at=now, definition_id=None)).rowcount


def _concerns(row: Any) -> ColumnElement[bool]:
    of_topic = or_(pause.c.topic.is_(None), pause.c.topic == row.topic)
    return and_(pause.c.customer_id == row.customer_id, row.topic.is_not(None), of_topic)


def _covering(now: datetime, too_late: ColumnElement[bool], *columns: Any) -> Select[Any]:
    """The pauses that keep a touch back as of `now`, or that have kept it back if nobody has looked meanwhile. What is too
    late for its campaign is not made younger by a pause that began after it was due."""
    began = or_(pause.c.since <= touch.c.due_at, and_(now <= END_OF_PAUSE, ~too_late))
    found = select(*columns).where(_concerns(touch.c), pause.c.since <= now, touch.c.due_at < END_OF_PAUSE, began)
    return found.correlate(touch)


def is_paused(now: datetime, too_late: ColumnElement[bool]) -> ColumnElement[bool]:
    """SQL on the touch: a pause keeps it back."""
    return _covering(now, too_late, pause.c.id).exists()


def put_off_to(now: datetime, too_late: ColumnElement[bool]) -> ColumnElement[Any]:
    """SQL on the touch: when it is to be looked at again. NULL: never, it would expire before."""
    outlasts = _covering(now, too_late, pause.c.id).where(~pause.c.lifts, touch.c.expires_at <= END_OF_PAUSE).exists()
    end = _covering(now, too_late, func.max(END_OF_PAUSE)).scalar_subquery()
    return case(
        (or_(touch.c.expires_at <= now, outlasts), null()), (end < touch.c.expires_at, end), else_=touch.c.expires_at
    )
