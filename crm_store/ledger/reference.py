"""What providers know a touch by: its number, and a word that only this touch has, in whichever life of the store.

Numbers are given again when a copy of the store is put back: touch 7 may then be another's. What never changes is whom a
touch is for and why, so the word is made of that.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from crm_store.many import ids_of
from crm_store.schema import customer, enrolment, touch


def natural_keys(conn: Connection, touch_ids: Sequence[int]) -> dict[int, str]:
    """Campaign, customer's key, occasion and step of these touches: what makes each the one it is. Names are those that
    it had when it was written, whatever they were changed to since."""
    campaign = func.coalesce(touch.c.first_campaign, touch.c.campaign)
    named = touch.c.id, campaign, customer.c.key, enrolment.c.occasion, func.coalesce(touch.c.first_step, touch.c.step)
    chosen = select(*named).join(customer, customer.c.id == touch.c.customer_id)
    chosen = chosen.join(enrolment, enrolment.c.id == touch.c.enrolment_id).where(touch.c.id.in_(ids_of(touch_ids)))
    return {row[0]: natural_key(*row[1:]) for row in conn.execute(chosen)}


def natural_key(campaign: str, customer_key: str, occasion: str, step: str) -> str:
    """The four together; none of them has a unit separator in it."""
    return "\x1f".join((campaign, customer_key, occasion, step))


def reference(key: bytes, touch_id: int, natural: str) -> str:
    """`NUMBER.WORD`; the key is the store's first link key, so that nobody can tell customers by their words."""
    word = hmac.digest(key, b"touch:" + natural.encode(), "sha256").hex()[:12]
    return f"{touch_id}.{word}"
