"""The ledger of a shop as plain touches, for the laws to judge."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from crm_store.ledger.runs import HELD
from crm_store.schema import campaign_run, customer, enrolment, pause, touch
from tests.restraint.laws import Touch
from tests.world import Shop


def touches_of(shop: Shop) -> dict[int, Touch]:
    """Every touch by its number."""
    columns = touch.c.id, touch.c.campaign, customer.c.key, touch.c.step, enrolment.c.occasion, *(
        touch.c[name] for name in ("topic", "channel", "state", "reason", "due_at", "expires_at", "decided_at")
    )  # fmt: skip
    chosen = select(*columns, campaign_run.c.state.is_not_distinct_from(HELD)).join(
        customer, customer.c.id == touch.c.customer_id
    )
    chosen = chosen.join(enrolment, enrolment.c.id == touch.c.enrolment_id)
    with shop.store.read() as conn:
        rows = conn.execute(chosen.join(campaign_run, campaign_run.c.id == touch.c.run_id))
        touches = [Touch(*tuple(row)) for row in rows]
    return {one.id: one for one in touches}


def pause_ends(shop: Shop) -> dict[str, list[datetime]]:
    """When each customer's pauses end, or have ended."""
    ends = select(customer.c.key, pause.c.lifted_at, pause.c.until).join(pause, pause.c.customer_id == customer.c.id)
    found: dict[str, list[datetime]] = {}
    with shop.store.read() as conn:
        for key, lifted_at, until in conn.execute(ends):
            found.setdefault(key, []).append(lifted_at or until)
    return found
