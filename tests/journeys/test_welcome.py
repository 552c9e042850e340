"""A nurture sequence from its event to its last mail."""

from __future__ import annotations

from datetime import timedelta

from tests.world import NOON, Shop

WELCOME = """\
kind: nurture
status: live
topic: offers
enter: {event: signed_up}
exit_when: {event: order, since: entered}
steps:
  - send: hello
  - wait: {for: 1 day, at: "09:00"}
  - send: again
"""


def test_it_sends_to_whom_it_may_and_says_why_not_to_the_others(shop: Shop) -> None:
    shop.campaign("welcome", WELCOME)
    shop.people()
    for key in ("alice", "bob", "carol", "dave"):
        shop.event(key, "signed_up", timedelta(hours=1))
    shop.publish()
    shop.tick()
    assert shop.touches() == [
        ("welcome", "alice", "hello", "sent", None),
        ("welcome", "bob", "hello", "skipped", "suppressed"),
        ("welcome", "carol", "hello", "skipped", "no_consent"),
        ("welcome", "dave", "hello", "skipped", "no_address"),
    ]
    assert [mail["To"] for mail in shop.mails()] == ["Alice <alice@example.com>"]


def test_an_order_ends_it_before_the_next_mail(shop: Shop) -> None:
    shop.campaign("welcome", WELCOME)
    for key in ("alice", "eve"):
        shop.customer(key)
        shop.event(key, "signed_up", timedelta(hours=1))
    shop.publish()
    shop.tick()
    shop.event("eve", "order", NOON + timedelta(hours=2))
    shop.tick(NOON + timedelta(days=2))
    assert [row[:4] for row in shop.touches()] == [
        ("welcome", "alice", "hello", "sent"),
        ("welcome", "alice", "again", "sent"),
        ("welcome", "eve", "hello", "sent"),
    ]
    assert [(row[1], row[3], row[4]) for row in shop.enrolments()] == [("alice", "finished", None), ("eve", "left", "exit")]
