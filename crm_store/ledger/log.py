"""What people ordered, with who, when and why. Rows are only ever added: the store itself refuses to change one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from crm_store.schema import log
from crm_store.store import machine_now

NO_REASON = "no reason given"


@dataclass(frozen=True)
class Order:
    """Who orders something, and why, in their own words."""

    who: str
    reason: str | None = None

    @property
    def why(self) -> str:
        return self.reason or NO_REASON


def person() -> str:
    """Who gives orders here: the account on this machine."""
    import getpass
    import socket

    return f"{getpass.getuser()}@{socket.gethostname()}"


def write_log(conn: Connection, order: Order, action: str, subject: str, details: Mapping[str, Any]) -> None:
    """Write it in the transaction that does it: neither is there without the other."""
    said = {"who": order.who, "reason": order.reason, "action": action, "subject": subject, "details": dict(details)}
    conn.execute(insert(log), {"at": machine_now(conn), **said})


@dataclass(frozen=True)
class Entry:
    """A line of the log. `at`: machine time."""

    at: datetime
    who: str
    action: str
    subject: str
    reason: str | None
    details: Mapping[str, Any]


def entries(
    conn: Connection, since: datetime | None = None, who: str | None = None, subject: str | None = None, limit: int = 100
) -> list[Entry]:
    """Up to `limit` lines, the newest first; `who`, `subject`: a part of the name, or of what it is about."""
    chosen = select(log.c.at, log.c.who, log.c.action, log.c.subject, log.c.reason, log.c.details)
    tests = [
        *([log.c.at >= since] if since else []),
        *([log.c.who.contains(who, autoescape=True)] if who else []),
        *([log.c.subject.contains(subject, autoescape=True)] if subject else []),
    ]
    return [Entry(*row) for row in conn.execute(chosen.where(*tests).order_by(log.c.id.desc()).limit(limit))]
