"""`was:` of a campaign: its whole history goes under its new name, so that nothing begins anew.

A campaign's name keys enrolments (and so `again` and occasions), touches, runs, codes and results: it is changed wherever
it is written, in one transaction. What providers know a touch by is made of the names it had when it was written; those
are kept beside.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select, update

from crm_store.errors import StoreError
from crm_store.schema import (
    campaign,
    campaign_run,
    definition,
    enrolment,
    entry_request,
    offer,
    place,
    published,
    split_decision,
)
from crm_store.schema import touch as touch_table

_NAMING = (enrolment.c.campaign, campaign_run.c.campaign, offer.c.campaign, split_decision.c.campaign)


def rename_campaign(conn: Connection, old: str, new: str) -> bool:
    """Returns whether there was anything to rename. Raises StoreError if both names have a history of their own."""
    if conn.execute(select(campaign.c.name).where(campaign.c.name == old)).first() is None:
        return False
    _make_room(conn, old, new)
    for column in (*_NAMING, entry_request.c.campaign, place.c.campaign, campaign.c.name):
        conn.execute(update(column.table).where(column == old).values({column.name: new}))
    of_campaign = touch_table.c.campaign == old
    first = func.coalesce(touch_table.c.first_campaign, touch_table.c.campaign)
    conn.execute(update(touch_table).where(of_campaign).values(campaign=new, first_campaign=first))
    for column in (definition.c.name, published.c.name):
        of_name = column.table.c.kind == "campaign", column == old
        conn.execute(update(column.table).where(*of_name).values(name=new))
    return True


def _make_room(conn: Connection, old: str, new: str) -> None:
    """The new name may have been published before `was` was written; then it must not have entered anybody."""
    entered = select(enrolment.c.id).where(enrolment.c.campaign == new).limit(1)
    if conn.execute(entered).first() is not None:
        what = f"campaign '{new}' says `was: {old}`, but each of the two has customers of its own in the store"
        raise StoreError(f"{what}; take `was` out, and end '{old}' with `status: ended`")
    conn.execute(delete(published).where(published.c.kind == "campaign", published.c.name == new))
    conn.execute(delete(campaign).where(campaign.c.name == new))
