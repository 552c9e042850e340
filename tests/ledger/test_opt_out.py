"""An opt-out and a claim meet at the customer's row: whoever has opted out is not claimed after that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event, select, text
from sqlalchemy.exc import OperationalError

from crm_store.clock import machine_instant
from crm_store.consent.record import ConsentFact, record_consents
from crm_store.schema import customer, touch
from tests.ledger.rows import by_customer, change, claim_all, known, planned
from tests.world import NOON, Shop

ON_POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


def opt_out(conn: Connection, key: str) -> None:
    customer_id = conn.execute(select(customer.c.id).where(customer.c.key == key)).scalar_one()
    record_consents(conn, [ConsentFact(customer_id, "email", "offers", "withdrawn", NOON, "test")], NOON)


@contextmanager
def writing(shop: Shop) -> Iterator[Connection]:
    """A write transaction that is committed at the end."""
    with shop.store.engine.connect() as conn:
        conn = conn.execution_options(write=True)
        with conn.begin():
            yield conn


def opt_out_without_waiting(shop: Shop) -> None:
    with writing(shop) as conn:
        conn.execute(text("SET LOCAL lock_timeout = '50ms'"))
        opt_out(conn, "alice")


def test_who_opts_out_between_planning_and_claim_gets_nothing(shop: Shop) -> None:
    planned(shop, "alice", "bob")
    with writing(shop) as conn:
        opt_out(conn, "alice")
    shop.deliver()
    assert by_customer(shop, "state", "reason") == {"alice": ("skipped", "no_consent"), "bob": ("sent", None)}


def test_a_claim_beside_an_opt_out_that_is_not_committed_yet_waits_for_it(shop: Shop) -> None:
    planned(shop, "alice")
    with writing(shop) as conn:
        opt_out(conn, "alice")
        delivering = threading.Thread(target=shop.deliver)
        delivering.start()
    delivering.join()
    shop.deliver()
    assert by_customer(shop, "state", "reason") == {"alice": ("skipped", "no_consent")}
    assert not shop.mails()


@ON_POSTGRESQL
def test_a_locked_customer_is_passed_over_and_the_others_are_claimed(shop: Shop) -> None:
    planned(shop, "alice", "bob")
    with writing(shop) as conn:
        opt_out(conn, "alice")
        claimed = claim_all(shop)
        assert (len(claimed.touch_ids), claimed.busy) == (1, False)
        again = claim_all(shop)
        assert (again.touch_ids, again.judged, again.busy) == ((), 0, True)
        assert by_customer(shop, "state") == {"alice": "due", "bob": "claimed"}
    assert claim_all(shop).judged == 1
    assert by_customer(shop, "state") == {"alice": "skipped", "bob": "claimed"}


@ON_POSTGRESQL
def test_the_claim_holds_its_customers_until_it_is_committed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(shop, "alice")
    found: list[str] = []

    def look(*_: object) -> None:
        with pytest.raises(OperationalError, match="lock timeout"):
            opt_out_without_waiting(shop)
        found.append("held")

    monkeypatch.setattr("crm_store.ledger.claim.issue_offers", look)
    claim_all(shop)
    assert found == ["held"]


def just_before(shop: Shop, words: str, work: Callable[[], object]) -> None:
    """Do it once, on another connection, before the first statement that has these words."""
    todo = [work]

    def look(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if words in statement and todo:
            todo.pop()()

    event.listen(shop.store.engine, "before_cursor_execute", look)


@ON_POSTGRESQL
def test_what_was_claimed_between_the_look_and_the_lock_is_left_alone(shop: Shop) -> None:
    planned(shop, "alice", "bob")
    known(shop, "me", "they")
    theirs: list[int] = []
    just_before(shop, "FOR NO KEY UPDATE", lambda: theirs.extend(claim_all(shop, size=1, who="they").touch_ids))
    mine = claim_all(shop, who="me")
    assert (len(mine.touch_ids), len(theirs)) == (1, 1)
    assert set(mine.touch_ids).isdisjoint(theirs)


@ON_POSTGRESQL
@pytest.mark.parametrize("values", [{"state": "skipped", "reason": "held"}, {"state": "cancelled", "reason": "person"}])
def test_what_ends_between_the_verdict_and_the_lease_is_not_claimed(shop: Shop, values: dict[str, str]) -> None:
    planned(shop, "alice")
    just_before(shop, "UPDATE touch SET", lambda: change(shop, touch, values))
    assert claim_all(shop).touch_ids == ()
    assert by_customer(shop, "state", "reason") == {"alice": tuple(values.values())}


@ON_POSTGRESQL
def test_what_was_refused_between_the_look_and_the_lock_waits_its_minute(shop: Shop) -> None:
    planned(shop, "alice")
    in_a_minute = machine_instant() + timedelta(minutes=1)
    just_before(shop, "FOR NO KEY UPDATE", lambda: change(shop, touch, {"retry_at": in_a_minute}))
    assert claim_all(shop).touch_ids == ()
    assert by_customer(shop, "state") == {"alice": "due"}
