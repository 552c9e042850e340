"""The secrets that sign links; made once per store, shared by everything that opens it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from crm_store.clock import machine_instant
from crm_store.schema import link_key


def link_keys(conn: Connection) -> Mapping[int, bytes]:
    """Secrets by key id; the highest id signs, all verify."""
    return {row.id: bytes.fromhex(row.secret) for row in conn.execute(select(link_key).order_by(link_key.c.id))}


def ensure_link_key(conn: Connection) -> None:
    """Make the first secret of a store that has none. Run in a write transaction."""
    if not link_keys(conn):
        conn.execute(insert(link_key), {"secret": secrets.token_hex(32), "created_at": machine_instant()})
