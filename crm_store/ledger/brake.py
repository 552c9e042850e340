"""The brake: what a person pauses or stops is not claimed after the commit that says so.

A claim takes the brake's lock beside other claims, before it looks; whoever pulls the brake takes it alone, and so waits
for the claims under way and is seen by all that come after. On SQLite writers come one after the other anyway.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, select

from crm_store.schema import campaign_pause
from crm_store.schema.journeys import EVERY

_LOCK = 5_274_616_470  # any number that nobody else takes


def claim_beside_others(conn: Connection) -> None:
    """Before a claim looks at anything: nobody pulls the brake until it is committed."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))


def pull(conn: Connection) -> None:
    """Wait for the claims under way, and let none begin until this is committed."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def is_braked(campaign: str) -> ColumnElement[bool]:
    """SQL: a person has paused the campaign, or all of them."""
    return select(campaign_pause.c.campaign).where(campaign_pause.c.campaign.in_((campaign, EVERY))).exists()
