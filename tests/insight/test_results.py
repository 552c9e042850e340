"""What came of a campaign, in numbers that are known: each fact once, each rate of those to whom it could have happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, insert, select, update

from crm_store.insight.results import Result, results
from crm_store.schema import assignment, customer, enrolment, touch, touch_event
from tests.journeys.files import journey
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
GOAL = "{event: order, within: 5 days, value: amount}"
STEPS = "[{send: hello}, {wait: 1 day}, {send: again}]"


def enter(shop: Shop, keys: str, now: datetime = NOON, **fields: Any) -> None:
    for key in keys:
        shop.customer(key, **fields)
        shop.event(key, "signed_up", now)


def tell(shop: Shop, key: str, step: str, *said: str) -> None:
    """The provider's events of a customer's touch, an hour apart: `opened by machine`."""
    of_step = touch.c.campaign == "c", touch.c.step == step, customer.c.key == key
    chosen = select(touch.c.id, touch.c.customer_id, touch.c.sent_at).where(*of_step)
    chosen = chosen.join(customer, customer.c.id == touch.c.customer_id)

    def write(conn: Connection) -> None:
        row = conn.execute(chosen).one()
        for number, words in enumerate(said):
            kind, _, actor = words.partition(" by ")
            at, told = row.sent_at + number * HOUR, f"{row.id} {number} {words}"
            fact = {"touch_id": row.id, "customer_id": row.customer_id, "kind": kind, "at": at, "actor": actor or "human"}
            conn.execute(insert(touch_event), {**fact, "provider": "test", "provider_event_id": told})

    shop.store.write(write)


def asked(shop: Shop, by: str | None = None, now: datetime = NOON + 9 * DAY) -> list[Result]:
    with shop.store.read() as conn:
        return results(conn, "c", by, now, BERLIN)


def counts(found: Sequence[Result]) -> dict[str, tuple[int, ...]]:
    return {one.of: (one.reached.entered, *one.counts.values()) for one in found}


def hold_out(shop: Shop, *keys: str) -> None:
    whose = select(customer.c.id).where(customer.c.key.in_(keys))
    held = update(enrolment).where(enrolment.c.customer_id.in_(whose)).values(held_out_at=enrolment.c.entered_at)
    shop.store.write(lambda conn: conn.execute(held))


@pytest.fixture
def told(shop: Shop) -> Shop:
    """Ten sign up; i and j are held out. Two mails each; orders of a (twice), b and i."""
    shop.campaign("c", journey(steps=STEPS, goal=GOAL, late="{within: 30 days}"))
    shop.publish()
    enter(shop, "abcde", country="DE")
    enter(shop, "fghij", NOON + 7 * DAY, country="FR")
    shop.plan()
    shop.plan(NOON + 7 * DAY)
    hold_out(shop, "i", "j")
    shop.tick(NOON)
    shop.event("a", "order", NOON + 2 * HOUR, amount="10")
    shop.event("a", "order", NOON + 3 * HOUR, amount="99")
    shop.event("b", "order", NOON + 2 * DAY, amount="5.50", currency="EUR")
    shop.event("i", "order", NOON + 8 * DAY, amount="7")
    shop.tick(NOON + DAY)
    shop.tick(NOON + 7 * DAY)
    shop.tick(NOON + 9 * DAY)
    tell(shop, "a", "hello", "delivered", "opened", "opened", "clicked", "clicked")
    tell(shop, "b", "hello", "delivered", "opened by machine", "clicked by machine")
    tell(shop, "c", "hello", "bounced")
    tell(shop, "d", "hello", "delivered", "bounced")
    tell(shop, "e", "hello", "opened by unknown", "unsubscribed", "complained")
    tell(shop, "a", "again", "delivered", "opened")
    tell(shop, "f", "again", "delivered")
    return shop


def test_each_touch_counts_once_and_machines_do_not(told: Shop) -> None:
    (one,) = asked(told)
    assert one.counts == {
        "sent": 16, "delivered": 5, "opened": 3, "clicked": 1, "bounced": 2, "complained": 1, "unsubscribed": 1
    }  # fmt: skip
    of_delivered = {"opened": 3 / 5, "clicked": 1 / 5, "complained": 1 / 5, "unsubscribed": 1 / 5}
    assert one.rates == {"delivered": 5 / 16, "bounced": 2 / 16, **of_delivered}


def test_the_goal_is_of_those_who_entered_with_the_hold_out_beside(told: Shop) -> None:
    (one,) = asked(told)
    assert (one.reached.entered, one.reached.goal, one.reached.goal_rate) == (8, 2, 0.25)
    assert one.reached.revenue == {"EUR": Decimal("15.50")}
    assert (one.held_out.entered, one.held_out.goal, one.held_out.goal_rate) == (2, 1, 0.5)
    assert one.held_out.revenue == {"EUR": Decimal("7.00")}


def test_by_step_those_count_who_came_to_it_and_the_goals_after(told: Shop) -> None:
    found = asked(told, "step")
    assert counts(found) == {"hello": (8, 8, 3, 2, 1, 2, 1, 1), "again": (8, 8, 2, 1, 0, 0, 0, 0)}
    assert [one.of for one in found] == ["hello", "again"]
    assert [(one.reached.goal, one.held_out.entered, one.held_out.goal) for one in found] == [(2, 2, 1), (1, 2, 1)]


def test_by_country_and_by_week_of_entry(told: Shop) -> None:
    assert counts(asked(told, "country")) == {"DE": (5, 10, 4, 3, 1, 2, 1, 1), "FR": (3, 6, 1, 0, 0, 0, 0, 0)}
    found = asked(told, "week")
    assert counts(found) == {"2026-06-15": (5, 10, 4, 3, 1, 2, 1, 1), "2026-06-22": (3, 6, 1, 0, 0, 0, 0, 0)}
    assert [one.held_out.entered for one in found] == [0, 2]


def test_a_week_begins_on_monday_where_the_company_is(shop: Shop) -> None:
    shop.campaign("c", journey())
    shop.publish(NOON - 2 * DAY)
    midnight = datetime.fromisoformat("2026-06-15T00:00:00+02:00")
    enter(shop, "a", midnight - timedelta(seconds=1))
    enter(shop, "b", midnight)
    shop.tick(midnight)
    assert {of: row[0] for of, row in counts(asked(shop, "week")).items()} == {"2026-06-08": 1, "2026-06-15": 1}


def test_what_comes_after_now_is_not_known(told: Shop) -> None:
    (one,) = asked(told, now=NOON + 2 * HOUR)
    assert (one.reached.entered, one.reached.goal, one.reached.revenue) == (5, 1, {"EUR": Decimal("10.00")})
    assert (one.counts["sent"], one.counts["opened"], one.counts["complained"]) == (5, 2, 1)
    assert asked(told, now=NOON - DAY)[0].reached.entered == 0
    assert asked(told, "week", now=NOON - DAY) == []


def test_an_order_is_paid_once_however_many_journeys_it_ends(shop: Shop) -> None:
    shop.campaign("c", journey(enter="{event: cart_updated}", again="per cart_id", goal=GOAL))
    shop.publish()
    shop.customer("a")
    for cart in "xy":
        shop.event("a", "cart_updated", NOON, properties={"cart_id": cart})
    shop.event("a", "order", NOON + HOUR, amount="20")
    shop.event("a", "order", NOON + 2 * HOUR, amount="1", currency="JPY")
    shop.tick(NOON + 3 * HOUR)
    (one,) = asked(shop)
    assert (one.reached.entered, one.reached.goal, one.reached.revenue) == (2, 2, {"EUR": Decimal("20.00")})


def test_by_variant_those_count_who_came_through_the_split(shop: Shop) -> None:
    arms = "{split: {x: {share: 50 %, then: [{send: hello}]}, y: {share: 50 %, then: [{send: again}]}}, name: fork}"
    shop.campaign("c", journey(steps=f"[{{wait: 1 hour}}, {arms}]", goal=GOAL, exit_when="{event: cart_updated}"))
    shop.publish()
    keys = [f"c{number}" for number in range(20)]
    for key in keys:
        shop.customer(key)
        shop.event(key, "signed_up", NOON)
    shop.tick()
    shop.event("c0", "cart_updated", NOON)
    shop.tick(NOON + HOUR)
    chosen = select(customer.c.key, assignment.c.variant).join(enrolment, enrolment.c.id == assignment.c.enrolment_id)
    with shop.store.read() as conn:
        rows = conn.execute(chosen.join(customer, customer.c.id == enrolment.c.customer_id)).all()
    drawn = [variant for key, variant in rows if key != "c0"]
    found = counts(asked(shop, "variant"))
    assert {of: row[:2] for of, row in found.items()} == {
        f"fork: {name}": (drawn.count(name), drawn.count(name)) for name in "xy"
    }


def test_of_nobody_there_is_nothing_to_say(shop: Shop) -> None:
    (one,) = asked(shop)
    assert (one.reached.entered, one.reached.goal_rate, one.held_out.revenue) == (0, None, {})
    assert set(one.rates.values()) == {None}
    assert asked(shop, "step") == []
