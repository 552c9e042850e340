"""Facts that no import brings, into a store: touches, enrolments, codes, follow-ups, scores, lists, memberships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, update

from crm_store.schema import (
    campaign_run,
    customer,
    customer_change,
    definition,
    enrolment,
    follow_up,
    followed_segment,
    list_member,
    offer,
    score,
    segment_member,
    static_list,
    touch,
    touch_event,
)
from crm_store.store import Store
from tests.segmentation.oracle_facts import LONG_AGO, Enrolment, Person, Touch
from tests.segmentation.population import NOWS
from tests.segmentation.population_words import LISTS

Row = dict[str, Any]


def write_facts(store: Store, people: Sequence[Person], ids: Mapping[str, int]) -> None:
    """All that Rapport itself writes about people who are in the store already."""
    rows = Rows()
    rows.add(definition, id=1, kind="campaign", name="x", hash="x", files={}, renderer="x", published_at=LONG_AGO)
    for run in (1, 2):
        rows.add(campaign_run, id=run, campaign="spring", now=NOWS[0], started_at=NOWS[0], eligible=0)
    for number, name in enumerate(LISTS, 1):
        rows.add(static_list, id=number, name=name, source="test", imported_at=LONG_AGO)
    for name in ("a", "b"):
        rows.add(followed_segment, name=name, turn=1, refreshed_at=max(NOWS))
    for one in people:
        rows.person(one, ids[one.key])
    store.write(rows.insert)
    store.write(_created, {ids[one.key]: one.created_at for one in people})
    store.write(_erased, [ids[one.key] for one in people if one.erased])


@dataclass
class Rows:
    """Rows by table, numbered in the order in which they are added."""

    tables: dict[Table, list[Row]] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def add(self, table: Table, **row: Any) -> int:
        """Its number, for tables that have one."""
        number = row.get("id") or next(self.numbers)
        self.tables.setdefault(table, []).append({**row, "id": number} if "id" in table.c else row)
        return int(number)

    def insert(self, conn: Connection) -> None:
        for table in (table for table in enrolment.metadata.sorted_tables if table in self.tables):
            rows = self.tables[table]
            for start in range(0, len(rows), 1000):
                conn.execute(insert(table), rows[start : start + 1000])

    def person(self, one: Person, whose: int) -> None:
        for number, each in enumerate(one.enrolments):
            self.enrolment(each, number, whose)
        for task in one.follow_ups:
            self.add(follow_up, customer_id=whose, **vars(task))
        for name, (value, at) in one.scores.items():
            self.add(score, customer_id=whose, name=name, value=value, at=at)
        for name in one.lists:
            self.add(list_member, customer_id=whose, list_id=LISTS.index(name) + 1)
        for number, member in enumerate(one.memberships, 1):
            self.add(segment_member, customer_id=whose, n=number, at_start=False, **vars(member))
        for change in one.changes:
            self.add(customer_change, customer_id=whose, source="test", **vars(change))

    def enrolment(self, one: Enrolment, number: int, whose: int) -> None:
        own = {name: getattr(one, name) for name in ("campaign", "entered_at", "finished_at", "left_at", "goal_at")}
        state = "finished" if one.finished_at else "left" if one.left_at else "in"
        enrolment_id = self.add(
            enrolment, customer_id=whose, occasion=f"o{number}", definition_id=1, state=state, trigger_at=one.entered_at,
            past=False, held_out_at=one.entered_at if one.held_out else None, **own,
        )  # fmt: skip
        for sent in one.touches:
            self.touch(sent, one.campaign, enrolment_id, whose)
        for code in one.offers:
            self.add(
                offer, enrolment_id=enrolment_id, customer_id=whose, campaign=one.campaign, code="SAME", is_unique=False,
                **vars(code),
            )  # fmt: skip

    def touch(self, one: Touch, campaign: str, enrolment_id: int, whose: int) -> None:
        own = {name: value for name, value in vars(one).items() if name not in ("run", "told")}
        at: datetime = one.decided_at or LONG_AGO
        touch_id = self.add(
            touch, run_id=int(one.run), enrolment_id=enrolment_id, campaign=campaign, definition_id=1, customer_id=whose,
            channel="email", right_at=at, due_at=at, expires_at=at, attempt=1, **own,
        )  # fmt: skip
        for told in one.told:
            event_id = next(self.numbers)
            self.add(
                touch_event,
                touch_id=touch_id,
                customer_id=whose,
                provider="test",
                provider_event_id=str(event_id),
                **vars(told),
            )


def _created(conn: Connection, instants: Mapping[int, datetime]) -> None:
    statement = update(customer).where(customer.c.id == bindparam("whose")).values(created_at=bindparam("instant"))
    conn.execute(statement, [{"whose": whose, "instant": at} for whose, at in instants.items()])


def _erased(conn: Connection, whom: Sequence[int]) -> None:
    conn.execute(update(customer).where(customer.c.id.in_(whom)).values(erased_at=LONG_AGO))
