"""Campaign files in one line, and short views on what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crm_store.errors import ContentError
from crm_store.schema import customer, enrolment, touch
from crm_store.store import memory_store
from tests.world import NOON, Shop

USUAL = {
    "kind": "nurture",
    "status": "live",
    "topic": "offers",
    "enter": "{event: signed_up}",
    "steps": "[{send: hello}]",
}


def journey(**keys: str | None) -> str:
    """A campaign file: a sign-up brings one mail, unless the keys say otherwise (None: without the key); a limit that is
    needed is a wide one."""
    said = {**USUAL, **keys}
    often = (said.get("again") or "").startswith(("per ", "after leaving")) and "event:" in (said["enter"] or "")
    limit = {"limit": "100 per 1 day"} if often else {}
    return "".join(f"{name}: {value}\n" for name, value in {**limit, **said}.items() if value is not None)


def start(shop: Shop, now: datetime = NOON, /, **keys: str | None) -> None:
    """Publish the campaign `c` as of `now`."""
    shop.campaign("c", journey(**keys))
    shop.publish(now)


def said_of(root: Path, **keys: str | None) -> str:
    """What `check` says of such a campaign file."""
    shop = Shop.open(root, memory_store())
    shop.campaign("c", journey(**keys))
    with pytest.raises(ContentError) as refused:
        shop.check()
    return str(refused.value)


def sent(shop: Shop) -> list[tuple[str, str]]:
    """(customer, step) of the touches that were sent."""
    return [(row[1], row[2]) for row in shop.touches() if row[3] == "sent"]


def outcomes(shop: Shop) -> list[tuple[str, str, str, str | None]]:
    """(customer, step, state, reason) of every touch."""
    return [row[1:] for row in shop.touches()]


def right_at(shop: Shop, step: str = "hello") -> dict[str, datetime]:
    """When that step's touch was right, by customer."""
    return {key: at for key, at in _of_touches(shop, step, touch.c.right_at)}


def occasions(shop: Shop) -> list[tuple[str, str]]:
    """(customer, occasion) of every enrolment, in the order of entry."""
    return [(row[1], row[2]) for row in shop.enrolments()]


def standings(shop: Shop) -> list[tuple[str, str, str | None, str | None]]:
    """(customer, state, reason, step) of every enrolment, in the order of entry."""
    return [(row[1], row[3], row[4], row[5]) for row in shop.enrolments()]


def next_at(shop: Shop) -> dict[str, Any]:
    """When each customer's next step has its turn."""
    return {row[1]: row[7] for row in shop.enrolments()}


def sums_hold(shop: Shop) -> bool:
    return all(one.holds for one in shop.sums())


def _of_touches(shop: Shop, step: str, column: Any) -> Sequence[Any]:
    chosen = select(customer.c.key, column).join(touch, touch.c.customer_id == customer.c.id)
    with shop.store.read() as conn:
        return conn.execute(
            chosen.join(enrolment, enrolment.c.id == touch.c.enrolment_id).where(touch.c.step == step)
        ).all()
