"""What people ordered, with who and when. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from crm_store.schema import log
from crm_store.store import machine_now


def write_log(conn: Connection, who: str, action: str, subject: str, details: Mapping[str, Any]) -> None:
    """Write it in the transaction that does it: neither is there without the other."""
    row = {"at": machine_now(conn), "who": who, "action": action, "subject": subject, "details": dict(details)}
    conn.execute(insert(log), row)
