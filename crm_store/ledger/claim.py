"""The claim: the last look and the lease, in one transaction that has the customers' rows locked, as an opt-out has."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, or_, select, update

from crm_store import definitions
from crm_store.errors import StoreError
from crm_store.journeys.context import Runnable
from crm_store.journeys.move import leave
from crm_store.journeys.published import runnable
from crm_store.journeys.steps import Send
from crm_store.ledger.gates import GATES, Verdict, look, verdict, waits_for_a_person
from crm_store.ledger.offers import issue_offers
from crm_store.ledger.states import CLAIMED, DUE
from crm_store.schema import campaign, campaign_run, customer, enrolment, touch
from crm_store.store import assert_durable, machine_now


@dataclass(frozen=True)
class Group:
    """Touches that share a version, a step and a template: what one batch is made of."""

    definition_id: int
    campaign: str
    step: str


@dataclass(frozen=True)
class Claim:
    """Touches claimed together. `busy`: others hold customers of touches that are still due."""

    token: str
    touch_ids: tuple[int, ...]
    lease_until: datetime
    version: Runnable
    step: Send
    template_id: int
    busy: bool = False
    judged: int = 0


def due_groups(conn: Connection, now: datetime, only: str | None) -> list[Group]:
    """What is due as of `now`, of one campaign or all; those of paused and draft campaigns are passed over."""
    runs = campaign.c.status.in_(("live", "ended"))
    chosen = select(touch.c.definition_id, touch.c.campaign, touch.c.step).join(
        campaign, campaign.c.name == touch.c.campaign
    )
    chosen = chosen.where(touch.c.state == DUE, touch.c.due_at <= now, runs).distinct()
    if only is not None:
        chosen = chosen.where(touch.c.campaign == only)
    rows = conn.execute(chosen.order_by(touch.c.campaign, touch.c.definition_id, touch.c.step))
    return [Group(row.definition_id, row.campaign, row.step) for row in rows]


def claim(conn: Connection, group: Group, now: datetime, size: int, new_code: Callable[[], str]) -> Claim:
    """Judge up to `size` due touches of a group and claim those that pass every gate.

    Everything is as of `now` but the lease, which is machine time. `new_code` makes an offer's code.
    """
    assert_durable(conn)
    version = runnable(conn, group.definition_id)
    step = version.campaign.step(group.step)
    if not isinstance(step, Send):
        raise StoreError(f"step '{group.step}' of campaign '{group.campaign}' sends nothing; the store is damaged")
    clock = machine_now(conn)
    picked = _locked(conn, _pick(conn, version, group, now, clock).limit(size))
    verdicts = _judge(conn, version, picked, now)
    _write_off(conn, verdicts, now)
    passed = [touch_id for touch_id, said in verdicts.items() if said.state is None]
    lease_until = clock + version.settings.delivery.lease
    template_id = definitions.current_id(conn, "template", step.template)
    if template_id is None:
        raise StoreError(f"template '{step.template}' is not published; run `rapport apply`")
    token = secrets.token_hex(8)
    _take(conn, passed, token, lease_until, template_id, verdicts, now)
    issue_offers(conn, version, step, passed, now, new_code)
    busy = not picked and _any_left(conn, _pick(conn, version, group, now, clock))
    return Claim(token, tuple(passed), lease_until, version, step, template_id, busy, len(verdicts))


def _pick(conn: Connection, version: Runnable, group: Group, now: datetime, clock: datetime) -> Select[Any]:
    """Due touches of the group, those due longest first."""
    of_group = (
        touch.c.campaign == group.campaign,
        touch.c.definition_id == group.definition_id,
        touch.c.step == group.step,
    )
    may_go = or_(touch.c.retry_at.is_(None), touch.c.retry_at <= clock)
    live = select(campaign.c.name).where(campaign.c.name == group.campaign, campaign.c.status.in_(("live", "ended")))
    return (
        select(touch.c.id, touch.c.customer_id)
        .join(campaign_run, campaign_run.c.id == touch.c.run_id)
        .where(*of_group, touch.c.state == DUE, touch.c.due_at <= now, may_go, live.exists())
        .where(~waits_for_a_person(look(conn, version, now)))
        .order_by(touch.c.due_at, touch.c.id)
    )


def _locked(conn: Connection, picked: Select[Any]) -> list[int]:
    """The touches of those customers whose rows could be locked. On SQLite the transaction has locked everything."""
    rows = conn.execute(picked).all()
    if conn.dialect.name != "postgresql" or not rows:
        return [row.id for row in rows]
    wanted = select(customer.c.id).where(customer.c.id.in_({row.customer_id for row in rows})).order_by(customer.c.id)
    held = set(conn.execute(wanted.with_for_update(key_share=True, skip_locked=True)).scalars())
    return [row.id for row in rows if row.customer_id in held]


def _judge(conn: Connection, version: Runnable, ids: Sequence[int], now: datetime) -> dict[int, Verdict]:
    """Every gate's verdict on each touch that is still due, now that its customer's row is ours."""
    at = look(conn, version, now)
    answers: list[ColumnElement[Any]] = [gate.passes(at).label(gate.name) for gate in GATES]
    rows = conn.execute(
        select(touch.c.id, *answers)
        .join(customer, customer.c.id == touch.c.customer_id)
        .join(enrolment, enrolment.c.id == touch.c.enrolment_id)
        .where(touch.c.id.in_(ids), touch.c.state == DUE)
        .order_by(touch.c.id)
    )
    return {row[0]: verdict(tuple(bool(answer) for answer in row[1:])) for row in rows}


def _write_off(conn: Connection, verdicts: dict[int, Verdict], now: datetime) -> None:
    """End the barred touches; an exit seen here ends the enrolment too."""
    for said in {one for one in verdicts.values() if one.state is not None}:
        ids = [touch_id for touch_id, one in verdicts.items() if one == said]
        values = {"state": said.state, "reason": said.reason, "verdicts": said.words, "decided_at": now}
        conn.execute(update(touch).where(touch.c.id.in_(ids)).values(values))
        if said.reason in ("exit", "erased"):
            enrolled = conn.execute(select(touch.c.enrolment_id).where(touch.c.id.in_(ids))).scalars()
            leave(conn, list(enrolled), said.reason, now)


def _take(
    conn: Connection,
    ids: Sequence[int],
    token: str,
    lease_until: datetime,
    template_id: int,
    verdicts: dict[int, Verdict],
    now: datetime,
) -> None:
    if not ids:
        return
    values = {
        "state": CLAIMED,
        "reason": None,
        "claim": token,
        "lease_until": lease_until,
        "template_id": template_id,
        "verdicts": verdicts[ids[0]].words,  # all alike: every gate passed
        "decided_at": now,
    }
    conn.execute(update(touch).where(touch.c.id.in_(ids)).values(values))


def _any_left(conn: Connection, picked: Select[Any]) -> bool:
    return conn.execute(picked.limit(1)).first() is not None
