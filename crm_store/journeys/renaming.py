"""`was:` of a campaign: its whole history goes under its new name, so that nothing begins anew.

A campaign's name keys enrolments (and so `again` and occasions), touches, runs, codes and results. The campaign itself gets
its new name at once; what is written under the old one follows in slices. Until all of it has, nobody plans the campaign,
and its touches that have not followed yet are claimed by nobody: whoever finds it so, the next tick at the latest, goes on.
What providers know a touch by is made of the names it had when it was written; those are kept beside.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select, tuple_, update

from crm_store.errors import StoreError
from crm_store.ledger.brake import pull
from crm_store.many import ids_of
from crm_store.schema import (
    campaign,
    campaign_pause,
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
from crm_store.store import Store

SLICE = 2_000


def rename_campaign(conn: Connection, old: str, new: str) -> bool:
    """Give a campaign its new name; `finish_renames` moves what is written under the old one. Returns whether there was
    anything to rename. Raises StoreError if both names have a history of their own.

    Who pauses or stops it just then waits, and so does it not by a name that is gone by its commit."""
    pull(conn)
    if conn.execute(select(campaign.c.name).where(campaign.c.name == old)).first() is None:
        return False
    _make_room(conn, old, new)
    conn.execute(update(campaign).where(campaign.c.name == old).values(name=new, renamed_from=old))
    for column in (split_decision.c.campaign, campaign_pause.c.campaign, place.c.campaign):
        conn.execute(update(column.table).where(column == old).values(campaign=new))
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
    conn.execute(delete(campaign_pause).where(campaign_pause.c.campaign == new))


def finish_renames(store: Store) -> None:
    """Move what is still written under names that campaigns had before, in slices; what was broken off goes on."""
    unfinished = select(campaign.c.renamed_from, campaign.c.name).where(campaign.c.renamed_from.is_not(None))
    with store.read() as conn:
        names = [(row.renamed_from, row.name) for row in conn.execute(unfinished)]
    for old, new in names:
        for move in (_move_enrolments, _move_touches, _move_runs, _move_requests):
            while store.write(move, old, new):
                pass
        store.write(_end, new)


def _move_enrolments(conn: Connection, old: str, new: str) -> int:
    """Those of one slice, with their codes. Returns how many."""
    chosen = select(enrolment.c.id).where(enrolment.c.campaign == old).limit(SLICE)
    ids = list(conn.execute(chosen).scalars())
    conn.execute(update(offer).where(offer.c.enrolment_id.in_(ids_of(ids))).values(campaign=new))
    return conn.execute(update(enrolment).where(enrolment.c.id.in_(ids_of(ids))).values(campaign=new)).rowcount


def _move_touches(conn: Connection, old: str, new: str) -> int:
    chosen = select(touch_table.c.id).where(touch_table.c.campaign == old).limit(SLICE)
    first = func.coalesce(touch_table.c.first_campaign, touch_table.c.campaign)
    ids = list(conn.execute(chosen).scalars())
    moved = update(touch_table).where(touch_table.c.id.in_(ids_of(ids))).values(campaign=new, first_campaign=first)
    return conn.execute(moved).rowcount


def _move_runs(conn: Connection, old: str, new: str) -> int:
    chosen = select(campaign_run.c.id).where(campaign_run.c.campaign == old).limit(SLICE)
    return conn.execute(update(campaign_run).where(campaign_run.c.id.in_(chosen)).values(campaign=new)).rowcount


def _move_requests(conn: Connection, old: str, new: str) -> int:
    key, of_old = (entry_request.c.request, entry_request.c.customer_id), entry_request.c.campaign == old
    chosen = select(*key).where(of_old).limit(SLICE)
    return conn.execute(update(entry_request).where(of_old, tuple_(*key).in_(chosen)).values(campaign=new)).rowcount


def _end(conn: Connection, name: str) -> None:
    conn.execute(update(campaign).where(campaign.c.name == name).values(renamed_from=None))
