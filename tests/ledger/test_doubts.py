"""What is in doubt stays there until an event or a person ends it; orders are asked for, bounded and logged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from crm_store.errors import StoreError, UsageError
from crm_store.ledger import accounts
from crm_store.ledger.doubts import Chosen, doubts, give_up, resend, resume
from crm_store.ledger.log import Order
from crm_store.schema import log, touch
from tests.journeys.files import sums_hold
from tests.ledger.channels import Told, accept, fail_with, use
from tests.ledger.clocks import SetClock, clock_of
from tests.ledger.rows import by_customer, change, planned
from tests.world import NOON, Shop

LEASE, MINUTE = timedelta(minutes=5), timedelta(minutes=1)
LATER = NOON + timedelta(days=1)


def in_doubt(shop: Shop, monkeypatch: pytest.MonkeyPatch, *keys: str) -> SetClock:
    clock = clock_of(shop)
    use(Told(fail_with(TimeoutError())), monkeypatch)
    planned(shop, *keys)
    shop.tick()
    return clock


def logged(shop: Shop) -> list[tuple[str, str, str, int]]:
    with shop.store.read() as conn:
        rows = conn.execute(
            select(log.c.who, log.c.action, log.c.subject, log.c.details)
            .where(log.c.action != "publish")
            .order_by(log.c.id)
        )
        return [(row[0], row[1], row[2], row[3]["touches"]) for row in rows]


def test_they_are_listed_with_age_and_reason(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = in_doubt(shop, monkeypatch, "alice", "bob")
    clock.ahead += 3 * MINUTE
    with shop.store.read() as conn:
        rows = doubts(conn, Chosen())
        assert doubts(conn, Chosen(campaign="other")) == []
    assert [(row["customer"], row["reason"], row["age"]) for row in rows] == [
        ("alice", "no_answer", 3 * MINUTE),
        ("bob", "no_answer", 3 * MINUTE),
    ]


def test_a_resend_is_refused_until_lease_time_out_and_ten_minutes_have_passed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = in_doubt(shop, monkeypatch, "alice")
    clock.ahead += 2 * LEASE + 10 * MINUTE - timedelta(seconds=1)
    with pytest.raises(StoreError, match="too lately"):
        shop.store.write(resend, Chosen(campaign="c"), Order("ann"), LEASE, NOON)
    assert logged(shop) == []
    clock.ahead += timedelta(seconds=1)
    assert shop.store.write(resend, Chosen(campaign="c"), Order("ann"), LEASE, NOON) == 1
    assert logged(shop) == [("ann", "resend", "campaign c", 1)]


def test_what_is_sent_again_leaves_although_it_is_late_and_its_journey_is_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = in_doubt(shop, monkeypatch, "alice", "bob")
    assert {row[3] for row in shop.enrolments()} == {"finished"}
    clock.ahead += timedelta(hours=1)
    alice = by_customer(shop, "id")["alice"]
    shop.store.write(resend, Chosen(touch=alice), Order("ann"), LEASE, LATER)
    channel = use(Told(accept), monkeypatch)
    shop.tick(LATER)
    assert channel.addresses == ["alice@example.com"]
    assert by_customer(shop, "state", "attempt") == {"alice": ("sent", 2), "bob": ("in_doubt", 1)}
    assert sums_hold(shop)


def test_who_has_left_meanwhile_gets_nothing_in_spite_of_the_order(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.world import WITHDRAWN

    clock = in_doubt(shop, monkeypatch, "alice")
    clock.ahead += timedelta(hours=1)
    shop.customer("alice", consents=WITHDRAWN)
    shop.store.write(resend, Chosen(campaign="c"), Order("ann"), LEASE, NOON)
    shop.deliver()
    assert by_customer(shop, "state", "reason") == {"alice": ("skipped", "no_consent")}


@pytest.mark.parametrize("by", ["touch", "request", "campaign"])
def test_a_person_ends_doubts_by_touch_by_request_or_by_campaign(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    in_doubt(shop, monkeypatch, "alice", "bob")
    number, request = by_customer(shop, "id", "request_id")["alice"]
    chosen = {"touch": Chosen(touch=number), "request": Chosen(request=request), "campaign": Chosen(campaign="c")}[by]
    shop.store.write(give_up, chosen, Order("ann"))
    states = by_customer(shop, "state", "reason")
    assert states["alice"] == ("failed", "gave_up")
    assert states["bob"] == (("in_doubt", "no_answer") if by == "touch" else ("failed", "gave_up"))
    assert logged(shop)[0][:2] == ("ann", "give up")


def test_a_mail_that_failed_for_its_template_goes_when_that_is_mended(shop: Shop) -> None:
    shop.write({"templates/hello/subject.j2": "{{ 100 / customer.points if customer.points is not none else 'x' }}"})
    planned(shop, "alice", "bob")
    shop.customer("alice", attributes={"points": 0})
    shop.deliver()
    assert by_customer(shop, "state") == {"alice": "failed", "bob": "sent"}
    shop.write({"templates/hello/subject.j2": "well"})
    shop.publish()
    assert shop.store.write(resume, Chosen(campaign="c"), Order("ann"), NOON) == 1
    shop.deliver()
    assert by_customer(shop, "state") == {"alice": "sent", "bob": "sent"}


@pytest.mark.parametrize("order", [give_up, lambda conn, chosen, who: resend(conn, chosen, who, LEASE, NOON)])
def test_nobody_decides_about_everything_at_once(shop: Shop, order: Callable[..., int]) -> None:
    with pytest.raises(UsageError, match="whose"):
        shop.store.write(order, Chosen(), Order("ann"))


def test_no_time_that_passes_ends_a_doubt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = in_doubt(shop, monkeypatch, "alice")
    use(Told(accept), monkeypatch)
    clock.ahead += timedelta(days=400)
    shop.store.write(accounts.mend)
    shop.tick(NOON + timedelta(days=400))
    assert by_customer(shop, "state") == {"alice": "in_doubt"}


def test_an_old_doubt_without_an_instant_may_be_sent_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    in_doubt(shop, monkeypatch, "alice")
    change(shop, touch, {"doubt_since": None})
    assert shop.store.write(resend, Chosen(campaign="c"), Order("ann"), LEASE, NOON) == 1
