"""Accounts of providers, a row each that all workers share: how fast they take mails, whether they answer at all.

Tokens are taken in the transaction that claims, so nobody ever waits with touches in hand. A request that ends in doubt
opens the breaker: then nobody claims for the account but one worker at a time, one touch, with longer and longer waits,
until one is accepted. All of it is machine time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, literal, or_, select, update

from crm_store.content.accounts import Limits
from crm_store.dialect import insert
from crm_store.schema import account, holder
from crm_store.schema.types import Instant
from crm_store.store import machine_now

# The breaker: how long after doubt the first probe goes, and how long the waits between probes grow.
FIRST_PROBE = timedelta(seconds=30)
LONGEST_PROBE = timedelta(minutes=10)
# Halving refused requests: providers take many bad requests for an attack.
REFUSALS = 20
_MINUTE = timedelta(minutes=1)
_SLOT_WAIT = timedelta(seconds=1)


@dataclass(frozen=True)
class Permit:
    """How many touches may be claimed now; none: not before `wait` is over. `probe`: one, that tries a broken account."""

    size: int
    wait: timedelta = timedelta(0)
    probe: bool = False


@dataclass(frozen=True)
class Account:
    """An account as people see it. `broken_since`: its breaker is open, the next probe goes at `probe_at`."""

    name: str
    blocked_until: datetime | None
    broken_since: datetime | None
    probe_at: datetime | None
    probes: int


def accounts(conn: Connection) -> list[Account]:
    """Every account that anything was ever sent by."""
    columns = account.c.name, account.c.blocked_until, account.c.broken_since, account.c.probe_at, account.c.probes
    return [Account(*row) for row in conn.execute(select(*columns).order_by(account.c.name))]


def ensure_account(conn: Connection, name: str) -> None:
    row = {"name": name, "probes": 0, "refusals": 0}
    conn.execute(insert(conn, account).on_conflict_do_nothing(index_elements=["name"]), row)


def takes_mails(name: ColumnElement[str], clock: datetime) -> ColumnElement[bool]:
    """SQL: the account takes something now; one that was never used does."""
    shut = or_(account.c.blocked_until > clock, (account.c.broken_since.is_not(None)) & (account.c.probe_at > clock))
    return ~select(account.c.name).where(account.c.name == name, shut).correlate_except(account).exists()


def permit(conn: Connection, name: str, limits: Limits, who: str, lease: timedelta, size: int, clock: datetime) -> Permit:
    """What worker `who` may claim now, up to `size`, and hold for `lease`. The account's row is locked where it matters."""
    held = _holds(conn, name, who, clock)
    row = _row(conn, name, lock=not held)
    if limits.rate is not None:
        _refill(conn, _row(conn, name, lock=True), limits.rate, clock)
    if limits.rate is not None or row.broken_since is not None:
        row = _row(conn, name, lock=True)
    given = _given(row, limits, size, clock)
    if given.size and not held and _held_by_others(conn, name, who, clock) >= limits.connections:
        return Permit(0, _SLOT_WAIT)
    if given.size:
        hold(conn, name, who, clock + lease)
    return given


def _given(row: Row[Any], limits: Limits, size: int, clock: datetime) -> Permit:
    if row.blocked_until is not None and row.blocked_until > clock:
        return Permit(0, row.blocked_until - clock)
    if row.broken_since is not None:
        return Permit(1, probe=True) if row.probe_at <= clock else Permit(0, row.probe_at - clock)
    if limits.rate is None:
        return Permit(size)
    wanted = min(float(size), _most(limits.rate))
    if row.tokens < wanted - 1e-6:
        return Permit(0, timedelta(seconds=(wanted - row.tokens) / limits.rate))
    return Permit(int(wanted))


def _most(rate: float) -> float:
    """A second's worth may go at once."""
    return max(1.0, rate)


def _refill(conn: Connection, row: Row[Any], rate: float, clock: datetime) -> None:
    """Put into the bucket what has come since the last time: nothing, where the clock was set back."""
    tokens = _most(rate)
    if row.tokens is not None:
        passed = max(0.0, (clock - row.refilled_at).total_seconds())
        tokens = min(tokens, row.tokens + rate * passed)
    conn.execute(update(account).where(account.c.name == row.name).values(tokens=tokens, refilled_at=clock))


def take(conn: Connection, name: str, limits: Limits, given: Permit, count: int, lease: timedelta, clock: datetime) -> None:
    """So many touches were claimed with the permit, in this transaction: take a token for each, or begin the probe."""
    if not count:
        return
    ours = account.c.name == name
    if given.probe:  # nobody else probes before it is answered or its lease is gone
        row = _row(conn, name, lock=False)
        probe_at = clock + max(_wait(row.probes + 1), lease)
        conn.execute(update(account).where(ours).values(probes=row.probes + 1, probe_at=probe_at))
    elif limits.rate is not None:
        conn.execute(update(account).where(ours).values(tokens=account.c.tokens - count))


def hold(conn: Connection, name: str, who: str, until: datetime) -> None:
    """A worker has requests of the account under way, up to that instant."""
    statement = insert(conn, holder)
    statement = statement.on_conflict_do_update(index_elements=["account", "who"], set_={"until": until})
    conn.execute(statement, {"account": name, "who": who, "until": until})


def let_go(conn: Connection, who: str) -> None:
    """The worker has ended: its place is free."""
    conn.execute(delete(holder).where(holder.c.who == who))


def may_dispatch(conn: Connection, name: str, probe: bool, clock: datetime) -> bool:
    """Whether the account still takes requests. Whoever has claimed before it broke gives back what has not left."""
    row = _row(conn, name, lock=False)
    blocked = row.blocked_until is not None and row.blocked_until > clock
    return not blocked and (probe or row.broken_since is None)


def unanswered_by(conn: Connection, name: str, dispatched_at: datetime, clock: datetime) -> None:
    """A request has ended in doubt: the breaker opens. If it was the probe of an open one, the next has to wait longer."""
    ensure_account(conn, name)
    row = _row(conn, name, lock=True)
    if row.broken_since is None:
        values = {"broken_since": clock, "probe_at": clock + FIRST_PROBE, "probes": 0}
        conn.execute(update(account).where(account.c.name == name).values(values))
    elif dispatched_at >= row.broken_since:
        conn.execute(update(account).where(account.c.name == name).values(probe_at=clock + _wait(row.probes)))


def answered(conn: Connection, name: str, dispatched_at: datetime) -> None:
    """The account has taken a mail, or said of one what is wrong with it: the breaker closes, if that was sent after it
    opened. An answer to what left before the trouble began is no sign that it is over."""
    ours = account.c.name == name, account.c.broken_since <= dispatched_at
    conn.execute(update(account).where(*ours).values(broken_since=None, probe_at=None, probes=0))


def mend(conn: Connection) -> None:
    """Take every account for one that takes mails."""
    conn.execute(update(account).values(blocked_until=None, broken_since=None, probe_at=None, probes=0))


def block(conn: Connection, name: str, until: datetime) -> None:
    """The provider wants no request before that instant."""
    later = case((account.c.blocked_until > until, account.c.blocked_until), else_=literal(until, Instant()))
    conn.execute(update(account).where(account.c.name == name).values(blocked_until=later))


def count_refusal(conn: Connection, name: str) -> bool:
    """Count a request that was refused for a bad mail in it. False: there were enough in this minute."""
    clock = machine_now(conn)
    row = _row(conn, name, lock=True)
    fresh = row.refusals_since is None or not timedelta(0) <= clock - row.refusals_since < _MINUTE
    refusals = 1 if fresh else row.refusals + 1
    values = {"refusals": refusals, "refusals_since": clock if fresh else row.refusals_since}
    conn.execute(update(account).where(account.c.name == name).values(values))
    return refusals < REFUSALS


def _row(conn: Connection, name: str, lock: bool) -> Row[Any]:
    chosen = select(account).where(account.c.name == name)
    return conn.execute(chosen.with_for_update() if lock else chosen).one()


def _wait(probes: int) -> timedelta:
    """Between two probes, after so many."""
    return min(FIRST_PROBE * (1 << min(probes, 20)), LONGEST_PROBE)


def _holds(conn: Connection, name: str, who: str, clock: datetime) -> bool:
    mine = holder.c.account == name, holder.c.who == who, holder.c.until > clock
    return conn.execute(select(holder.c.who).where(*mine)).first() is not None


def _held_by_others(conn: Connection, name: str, who: str, clock: datetime) -> int:
    others = holder.c.account == name, holder.c.who != who, holder.c.until > clock
    return conn.execute(select(func.count()).select_from(holder).where(*others)).scalar_one()
