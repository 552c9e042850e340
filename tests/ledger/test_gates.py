"""The last look: every gate bars with its reason, all verdicts are kept, and the first that bars says why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select

from crm_store.consent.record import SuppressionFact, suppress
from crm_store.ledger.gates import GATES
from crm_store.schema import customer, enrolment, pause
from tests.journeys.files import journey, standings
from tests.ledger.rows import by_customer, change, claim_all, planned, take_out_of_journeys
from tests.world import NOON, SETTINGS, WITHDRAWN, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEYS = {"exit_when": "{event: order}", "audience": "{attribute: country, is_not: FR}"}


def erase(shop: Shop) -> None:
    change(shop, customer, {"erased_at": NOON})


def end(shop: Shop) -> None:
    shop.campaign("c", journey(**{**KEYS, "status": "ended", "when_ended": "exit"}))
    shop.publish()


def order(shop: Shop) -> None:
    shop.event("alice", "order", NOON)


def hold_out(shop: Shop) -> None:
    change(shop, enrolment, {"held_out_at": NOON})


def pause_for_a_month(shop: Shop) -> None:
    def write(conn: Connection) -> None:
        who = conn.execute(select(customer.c.id)).scalar_one()
        span = {"since": NOON, "until": NOON + 30 * DAY, "lifts": False}
        conn.execute(insert(pause), {"customer_id": who, "topic": "offers", **span})

    shop.store.write(write)


def wait_too_long(shop: Shop) -> None:
    shop.deliver(NOON + 7 * DAY - HOUR)


def come_late(shop: Shop) -> None:
    shop.deliver(NOON + 12 * HOUR)


def move_to_france(shop: Shop) -> None:
    shop.customer("alice", country="FR")


def lose_the_address(shop: Shop) -> None:
    change(shop, customer, {"email": None, "email_key": None})


def bounce(shop: Shop) -> None:
    shop.store.write(suppress, [SuppressionFact("email", "alice@example.com", "hard_bounce", "test", NOON)])


def opt_out(shop: Shop) -> None:
    shop.customer("alice", consents=WITHDRAWN)


def come_in_quiet_hours(shop: Shop) -> None:
    shop.write({"config/rapport.yaml": f"{SETTINGS}hours: 09:00-10:00\n"})
    shop.publish()


BARRED: dict[str, tuple[Callable[[Shop], None], str, str]] = {
    "erased": (erase, "cancelled", "erased"),
    "journey": (take_out_of_journeys, "cancelled", "left"),
    "ended": (end, "cancelled", "ended"),
    "exit": (order, "cancelled", "exit"),
    "hold_out": (hold_out, "skipped", "hold_out"),
    "pause": (pause_for_a_month, "skipped", "paused"),
    "expiry": (wait_too_long, "skipped", "expired"),
    "late": (come_late, "skipped", "late"),
    "audience": (move_to_france, "skipped", "audience"),
    "address": (lose_the_address, "skipped", "no_address"),
    "suppression": (bounce, "skipped", "suppressed"),
    "consent": (opt_out, "skipped", "no_consent"),
    "hours": (come_in_quiet_hours, "due", "hours"),
}


def verdicts(shop: Shop) -> dict[str, str]:
    """gate -> pass or bar, of Alice's touch."""
    words = by_customer(shop, "verdicts")["alice"].split()
    return dict(word.split("=") for word in words)


def test_every_gate_is_here() -> None:
    assert list(BARRED) == [gate.name for gate in GATES]


@pytest.mark.parametrize("name", BARRED)
def test_each_gate_bars_with_its_reason_and_leaves_its_verdict(shop: Shop, name: str) -> None:
    happens, state, reason = BARRED[name]
    planned(shop, "alice", **KEYS)
    happens(shop)
    done = shop.deliver()
    assert by_customer(shop, "state", "reason") == {"alice": (state, reason)}
    count = 0 if name in ("expiry", "late") else 1  # of these two it happened by delivering later
    assert (done.judged, getattr(done, {"due": "put_off"}.get(state, state))) == (count, count)
    assert list(verdicts(shop)) == [gate.name for gate in GATES]
    assert verdicts(shop)[name] == "bar"
    assert not shop.mails()


def test_what_passes_has_passed_every_gate(shop: Shop) -> None:
    planned(shop, "alice", **KEYS)
    shop.deliver()
    assert verdicts(shop) == {**{gate.name: "pass" for gate in GATES}, "same_address": "pass", "cap": "pass"}
    assert by_customer(shop, "state", "decided_at") == {"alice": ("sent", NOON)}


def test_of_several_gates_that_bar_the_first_gives_the_reason(shop: Shop) -> None:
    planned(shop, "alice", **KEYS)
    for happens in (opt_out, bounce, move_to_france):
        happens(shop)
    shop.deliver()
    assert by_customer(shop, "reason") == {"alice": "audience"}
    assert [name for name, said in verdicts(shop).items() if said == "bar"] == ["audience", "suppression", "consent"]


@pytest.mark.parametrize(("name", "left"), [("exit", True), ("erased", True), ("ended", True), ("consent", False)])
def test_an_exit_at_the_claim_ends_the_journey_and_a_skip_does_not(shop: Shop, name: str, left: bool) -> None:
    happens, _, reason = BARRED[name]
    planned(shop, "alice", **KEYS)
    happens(shop)
    shop.deliver()
    assert standings(shop) == [("alice", "left", reason, "hello") if left else ("alice", "in", None, "hello")]


def test_facts_after_now_bar_nothing(shop: Shop) -> None:
    planned(shop, "alice", **KEYS)
    later = {"channel": "email", "topic": "offers", "state": "withdrawn", "at": (NOON + HOUR).isoformat()}
    shop.customer("alice", consents=[later])
    shop.store.write(suppress, [SuppressionFact("email", "alice@example.com", "x", "test", NOON + HOUR)])
    shop.event("alice", "order", NOON + HOUR)
    shop.deliver()
    assert by_customer(shop, "state") == {"alice": "sent"}


def test_the_touches_that_are_judged_are_found_by_their_numbers_among_all_that_are_due(shop: Shop) -> None:
    planned(shop, "alice", **KEYS)
    asked: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(shop.store.engine, "before_cursor_execute", note)
    claim_all(shop)
    event.remove(shop.store.engine, "before_cursor_execute", note)
    (judged,) = [one for one in asked if one[0].startswith("SELECT") and "consent_state" in one[0]]
    assert "ix_touch" not in plan_of(shop, *judged)


def plan_of(shop: Shop, statement: str, values: Any) -> str:
    """In the database's words, where reading a whole table is the last resort."""
    with shop.store.read() as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN" if conn.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        return "\n".join(str(row[-1]) for row in conn.exec_driver_sql(f"{explain} {statement}", values))
