"""Static lists: a list becomes exactly what a file says, for whoever reads it all at once.

The file's customers are collected under a name that no segment can say; one short transaction then gives them the list's
name and takes it from those before. A kill on the way leaves the list as it was, and running the import again does it all.
Lists without a name that can be said are swept up by slices by the imports of later hours: whoever has looked a list up
before the switch reads all of it to the end.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, literal, select, update
from sqlalchemy.exc import IntegrityError

from crm_store.clock import from_micros, machine_instant
from crm_store.dialect import insert
from crm_store.errors import StoreError, UsageError
from crm_store.intake.importing import Line, Refused, import_lines
from crm_store.intake.outcome import Outcome
from crm_store.intake.readers import Rejects
from crm_store.intake.records import Form, Raw, read_customer
from crm_store.intake.values import Rules
from crm_store.schema import customer, list_member, static_list
from crm_store.schema.types import Id
from crm_store.store import Store

UNKNOWN_CUSTOMER = "key: is not a known customer; import customers, then the whole list again"
# After so long without a sign of life an import is dead, and nobody reads a list any more that lost its name.
DEAD_AFTER = timedelta(hours=1)
# Rows a transaction takes away: some 60 ms on either database.
SLICE = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_LONG_AGO = from_micros(0)


class _AnyColumns(Form):
    """Files of lists come from elsewhere: what else they say of people is not looked at."""

    def fault(self, name: str) -> str | None:  # none is a fault
        return None


class ListMembers:
    """The intake of one list's members, by the customer's key. Raises UsageError if that can't be a list's name."""

    name: ClassVar = "list"
    help: ClassVar = "customers whom somebody chose elsewhere, by key"
    form: ClassVar[Form] = _AnyColumns(("key",), free="")
    mapped: ClassVar = Form(("key",), free="")  # what `--map` may name

    def __init__(self, list_name: str) -> None:
        if not _NAME.fullmatch(list_name):
            raise UsageError(f"list {list_name!r} can't be called so; write letters, digits, '-' and '_' only")
        self.list_name = list_name
        self.collecting = _hidden(list_name)

    def read(self, raw: Raw, rules: Rules) -> str:
        """The key."""
        return read_customer({"key": raw.get("key")}, rules).key

    def weight(self, record: str) -> int:  # all alike: named in two statements, some 80 ms a chunk on PostgreSQL
        return 2

    def write(self, conn: Connection, records: Sequence[str], source: str, at: datetime) -> Outcome:
        """Collect the known customers of these keys. Also the sign of life: nobody sweeps what was written to lately."""
        list_id = _touch(conn, self.collecting, imported_at=at)
        known = select(customer.c.key, customer.c.id).where(customer.c.key.in_(records), customer.c.erased_at.is_(None))
        ids = {row.key: row.id for row in conn.execute(known)}
        chosen = select(literal(list_id, Id), customer.c.id).where(customer.c.id.in_(list(ids.values())))
        rows = insert(conn, list_member).from_select(["list_id", "customer_id"], chosen).on_conflict_do_nothing()
        new = conn.execute(rows).rowcount
        late = [(index, UNKNOWN_CUSTOMER) for index, key in enumerate(records) if key not in ids]
        return Outcome(new=new, unchanged=len(records) - len(late) - new, late=late)


@dataclass
class ListOutcome(Outcome):
    """What became of a list: `new` in it, `unchanged` in it, and those who `left`."""

    left: int = 0


def import_list(
    store: Store,
    members: ListMembers,
    lines: Iterable[Line | Refused],
    rejects: Rejects,
    source: str,
    progress: Callable[[int], None] = lambda _: None,
) -> ListOutcome:
    """Make the list what the lines say. A second run of the same changes nothing. Raises UsageError if no line can be
    taken: emptying a list takes a file without lines."""
    store.write(_begin, members.collecting, source, machine_instant())
    taken = import_lines(store, members, lines, rejects, source, progress)
    if taken.rejected and not taken.new:
        _sweep(store, members)
        raise UsageError(_nobody(members.list_name, taken, rejects))
    with store.read() as conn:
        outcome, is_there = _compared(conn, members), _is_there(conn, members.list_name)
    outcome.rejected, outcome.reasons = taken.rejected, taken.reasons
    if outcome.new or outcome.left or not is_there:
        _give_name(store, members)
    _sweep(store, members)
    return outcome


def _hidden(name: str) -> str:
    return f"{name} {secrets.token_hex(8)}"


def _begin(conn: Connection, collecting: str, source: str, at: datetime) -> None:
    conn.execute(insert(conn, static_list).values(name=collecting, source=source, imported_at=at))


def _touch(conn: Connection, called: str, **values: Any) -> int:
    """Change a list that must still be there, and return its id."""
    found = conn.execute(
        update(static_list).where(static_list.c.name == called).values(**values).returning(static_list.c.id)
    )
    list_id = found.scalar_one_or_none()
    if list_id is None:
        raise StoreError("the import stood still for over an hour and was given up by another one; run it again")
    return int(list_id)


def _nobody(name: str, taken: Outcome, rejects: Rejects) -> str:
    ((reason, count),) = taken.reasons.most_common(1)
    return f"list '{name}' stays as it was: no line of the file could be taken ({count}: {reason}); see {rejects.path}"


def _compared(conn: Connection, members: ListMembers) -> ListOutcome:
    """The collected against the list as it is."""
    before, after = _customers(members.list_name), _customers(members.collecting)
    new, left = _count(conn, after.except_(before)), _count(conn, before.except_(after))
    return ListOutcome(new=new, left=left, unchanged=_count(conn, after) - new)


def _customers(name: str) -> Select[tuple[int]]:
    of_name = select(static_list.c.id).where(static_list.c.name == name).scalar_subquery()
    return select(list_member.c.customer_id).where(list_member.c.list_id == of_name)


def _count(conn: Connection, chosen: Any) -> int:
    return conn.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()


def _is_there(conn: Connection, name: str) -> bool:
    return conn.execute(select(static_list.c.id).where(static_list.c.name == name)).first() is not None


def _give_name(store: Store, members: ListMembers) -> None:
    try:
        store.write_snapshot(_switch, members, machine_instant())
    except IntegrityError:  # both were its first import
        raise StoreError(f"list '{members.list_name}' was imported by another program just now; run it again") from None


def _switch(conn: Connection, members: ListMembers, at: datetime) -> None:
    before = update(static_list).where(static_list.c.name == members.list_name)
    conn.execute(before.values(name=_hidden(members.list_name), imported_at=at))
    _touch(conn, members.collecting, name=members.list_name, imported_at=at)


def _sweep(store: Store, members: ListMembers) -> None:
    """Take away what nobody reads: what was collected now and not switched in, lists of before, what kills have left."""
    store.write(_give_up, static_list.c.name == members.collecting)
    dead = and_(static_list.c.name.contains(" "), static_list.c.imported_at < machine_instant() - DEAD_AFTER)
    with store.read() as conn:
        ids = list(conn.execute(select(static_list.c.id).where(dead)).scalars())
    for list_id in ids:
        # Under a new name, so that an import that comes back to life finds out before it loses members unseen.
        if store.write(_give_up, and_(static_list.c.id == list_id, dead)):
            while store.write(_delete_some, list_id):
                pass
            store.write(_delete_list, list_id)


def _give_up(conn: Connection, which: ColumnElement[bool]) -> int:
    return conn.execute(update(static_list).where(which).values(name=_hidden("given-up"), imported_at=_LONG_AGO)).rowcount


def _delete_some(conn: Connection, list_id: int) -> int:
    some = select(list_member.c.customer_id).where(list_member.c.list_id == list_id).limit(SLICE)
    chosen = delete(list_member).where(list_member.c.list_id == list_id, list_member.c.customer_id.in_(some))
    return conn.execute(chosen).rowcount


def _delete_list(conn: Connection, list_id: int) -> None:
    conn.execute(delete(static_list).where(static_list.c.id == list_id))
