"""Why a customer is, or is not, written to by a campaign: the first thing that stopped her is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import false, insert, literal, select, update

from crm_store.consent.record import SuppressionFact, suppress
from crm_store.insight.reasons import Story, why
from crm_store.ledger.gates import GATES
from crm_store.schema import campaign, customer, pause
from crm_store.schema.types import Instant
from tests.journeys.files import journey, start
from tests.world import AGREED, NOON, WITHDRAWN, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def story(shop: Shop, now: datetime = NOON, key: str = "anna") -> Story:
    with shop.store.read() as conn:
        found = why(conn, "c", key, now)
    assert found is not None
    return found


def stopped(shop: Shop, now: datetime = NOON) -> str | None:
    one = story(shop, now).stopped
    return one.name if one else None


def said(shop: Shop, name: str, now: datetime = NOON) -> str:
    return next(one.says for one in story(shop, now).checks if one.name == name)


def signs_up(shop: Shop, at: datetime = NOON - HOUR) -> None:
    shop.event("anna", "signed_up", at)


def bounces(shop: Shop) -> None:
    signs_up(shop)
    shop.store.write(suppress, [SuppressionFact("email", "anna@example.com", "hard_bounce", "test", NOON)])


def is_held(shop: Shop) -> None:
    shop.store.write(lambda conn: conn.execute(update(campaign).values(held="stale feed")))


def is_erased(shop: Shop) -> None:
    signs_up(shop)
    shop.store.write(lambda conn: conn.execute(update(customer).values(erased_at=NOON)))


def is_paused(shop: Shop) -> None:
    signs_up(shop)
    whose = select(customer.c.id, literal(NOON - HOUR, Instant()), literal(NOON + HOUR, Instant()), false())
    shop.store.write(
        lambda conn: conn.execute(insert(pause).from_select(["customer_id", "since", "until", "lifts"], whose))
    )


NOT_IN: dict[str, tuple[dict[str, str], dict[str, Any], Callable[[Shop], None]]] = {
    "status": ({"status": "paused"}, {}, signs_up),
    "held": ({}, {}, is_held),
    "entry": ({"status": "draft"}, {}, signs_up),
    "trigger": ({}, {}, lambda _: None),
    "late": ({}, {}, lambda shop: signs_up(shop, NOON - 13 * HOUR)),
    "hold_out": ({"hold_out": "99.99 %"}, {}, signs_up),
    "audience": ({"audience": "{attribute: country, is: DE}"}, {"country": "FR"}, signs_up),
    "address": ({}, {"email": ...}, signs_up),
    "suppression": ({}, {}, bounces),
    "consent": ({}, {"consents": WITHDRAWN}, signs_up),
    "erased": ({}, {}, is_erased),
    "pause": ({}, {}, is_paused),
}


@pytest.mark.parametrize("name", NOT_IN)
def test_what_stops_a_customer_who_is_not_in(shop: Shop, name: str) -> None:
    keys, fields, happens = NOT_IN[name]
    start(shop, NOON - DAY, **keys)
    shop.customer("anna", **fields)
    happens(shop)
    found = [one.name for one in story(shop).checks if not one.passes]
    assert (found[1] if name == "entry" else found[0]) == name  # a draft's status comes first


def test_who_meets_everything_is_stopped_by_nothing(shop: Shop) -> None:
    start(shop, audience="{attribute: country, is: DE}", exit_when="{event: order}", hold_out="0.01 %")
    shop.customer("anna", country="DE")
    signs_up(shop)
    before = story(shop)
    assert (before.stopped, before.occasions) == (None, ())
    shop.plan()
    after = story(shop)
    assert (after.stopped, after.occasions) == (None, ("once",))
    assert [one.name for one in after.checks][3:] == [gate.name for gate in GATES]


def test_a_gate_that_looks_at_the_customer_alone_is_judged_without_an_enrolment(shop: Shop) -> None:
    start(shop)
    shop.customer("anna")
    names = [one.name for one in story(shop).checks]
    of_customers = [gate.name for gate in GATES if gate.of == "customer"]
    # A pause is a gate of touches; of who has none it is asked by itself.
    assert [name for name in names if name in {gate.name for gate in GATES}] == [*of_customers, "pause"]


def test_once_is_once(shop: Shop) -> None:
    start(shop, enter="{event: cart_updated}")
    shop.customer("anna")
    shop.event("anna", "cart_updated", NOON, properties={"cart_id": "a"})
    shop.tick()
    assert (stopped(shop), story(shop).checks[-1].name) == ("next again", "next again")
    assert said(shop, "next again") == "enters once, and has entered for it"


def test_each_cart_is_once(shop: Shop) -> None:
    start(shop, enter="{event: cart_updated}", again="per cart_id")
    shop.customer("anna")
    shop.event("anna", "cart_updated", NOON, properties={"cart_id": "a"})
    shop.tick()
    assert said(shop, "next again") == "enters again per cart_id, and has entered for it"
    shop.event("anna", "cart_updated", NOON, properties={"cart_id": "b"})
    assert stopped(shop) is None


def test_what_stopped_her_touches_comes_before_what_would_stop_the_next(shop: Shop) -> None:
    start(shop, steps="[{send: hello}, {wait: 1 day}, {send: again}]", exit_when="{event: order}")
    shop.customer("anna", consents=WITHDRAWN)
    signs_up(shop, NOON)
    shop.tick()
    assert (stopped(shop), said(shop, "touch hello")) == ("touch hello", "skipped (no_consent) at 2026-06-15 12:00:00Z")
    assert said(shop, "step") == "is at wait before again until 2026-06-16 12:00:00Z"
    names = [one.name for one in story(shop).checks]
    assert len(names) == len(set(names))
    assert said(shop, "late") == "the next mail may be 12 hours late (late: skip)"
    shop.event("anna", "order", NOON + HOUR)
    assert [one.name for one in story(shop, NOON + HOUR).checks if not one.passes] == ["touch hello", "exit", "consent"]
    shop.tick(NOON + DAY)
    assert said(shop, "journey", NOON + DAY) == "left (exit) at 2026-06-16 12:00:00Z"


def test_a_due_touch_is_judged_by_every_gate(shop: Shop) -> None:
    start(shop)
    shop.customer("anna")
    signs_up(shop)
    shop.plan()
    assert stopped(shop) is None
    assert stopped(shop, NOON + 12 * HOUR) == "late"
    assert stopped(shop, NOON + 8 * DAY) == "expiry"


def test_another_instant_tells_another_story(shop: Shop) -> None:
    later = {"channel": "email", "topic": "offers", "state": "withdrawn", "at": (NOON + HOUR).isoformat()}
    start(shop, NOON - DAY, late="{within: 2 days}")
    shop.customer("anna", consents=[*AGREED, later])
    signs_up(shop, NOON)
    assert stopped(shop, NOON - HOUR) == "trigger"
    assert stopped(shop, NOON) is None
    assert stopped(shop, NOON + HOUR) == "consent"


def test_conditions_are_explained_with_their_parts_and_the_enrolment(shop: Shop) -> None:
    exit_when = "{any: [{event: order, same: cart_id}, {event: signed_up, since: trigger}]}"
    start(shop, enter="{event: cart_updated}", again="per cart_id", exit_when=exit_when)
    shop.customer("anna")
    shop.event("anna", "cart_updated", NOON, properties={"cart_id": "a"})
    shop.plan()
    shop.event("anna", "order", NOON, properties={"cart_id": "a"})
    found = next(one for one in story(shop).checks if one.name == "exit")
    assert found.why is not None
    assert (found.passes, [part.holds for part in found.why.parts]) == (False, [True, False])


def test_yearly_dates_and_lapses_are_looked_for(shop: Shop) -> None:
    shop.campaign("c", journey(kind="occasion", enter="{date: birthday, at: '10:00'}"))
    shop.publish(NOON - DAY)
    shop.customer("anna", birthday="--03-01")
    assert stopped(shop) == "late"
    shop.campaign("c", journey(kind="winback", enter="{lapse: order, after: 30 days}"))
    shop.publish()
    assert stopped(shop) == "trigger"
    shop.event("anna", "order", NOON - 30 * DAY)
    assert stopped(shop) is None


def test_of_nobody_there_is_no_story(shop: Shop) -> None:
    start(shop)
    with shop.store.read() as conn:
        assert why(conn, "c", "nobody", NOON) is None


def test_nothing_is_written(shop: Shop) -> None:
    start(shop)
    shop.customer("anna")
    signs_up(shop)
    story(shop)
    assert (shop.enrolments(), shop.touches()) == ([], [])


def test_a_limit_and_the_days_of_the_campaign_are_looked_at(shop: Shop) -> None:
    carts = {"enter": "{event: cart_updated}", "again": "per cart_id", "limit": "1 per 7 days"}
    start(shop, **carts)
    shop.customer("anna")
    shop.event("anna", "cart_updated", NOON - HOUR, properties={"cart_id": "a"})
    assert stopped(shop) is None
    shop.tick()
    shop.event("anna", "cart_updated", NOON, properties={"cart_id": "b"})
    assert (stopped(shop), said(shop, "next limit")) == ("next limit", "at most 1 per 7 days")
    start(shop, **carts, runs="{until: 2026-06-01}")
    assert stopped(shop) == "next runs"
    assert said(shop, "next runs") == "the campaign takes in until 2026-06-01"


def test_a_broadcast_that_everybody_was_asked_for_is_explained_all_the_same(shop: Shop) -> None:
    shop.campaign("c", journey(kind="broadcast", enter="{time: 2026-06-15 10:00}", audience="{event: order}"))
    shop.publish(NOON - DAY)
    shop.customer("anna")
    shop.tick()
    assert stopped(shop) == "audience"
    assert stopped(shop, NOON - DAY) == "trigger"
    assert stopped(shop, NOON + 2 * DAY) == "late"
