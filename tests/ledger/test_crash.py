"""A real process, killed with SIGKILL at the worst moments: what never left is sent once, what may have, never again."""

from __future__ import annotations

import signal
import time

from tests.journeys.files import sums_hold
from tests.ledger.processes import child, heard
from tests.ledger.rows import by_customer, planned
from tests.world import NOON, Shop

LEASE = "delivery: {lease: 1 second}\n"


def killed(shop: Shop, url: str, mode: str, point: str) -> None:
    """Two touches are due, with a short lease; a process gets to that point with both of them and is killed there."""
    settings = (shop.root / "config/rapport.yaml").read_text()
    shop.write({"config/rapport.yaml": settings + LEASE})
    planned(shop, "alice", "bob")
    shop.store.close()
    with child(mode, url, shop) as process:
        assert heard(process) == point
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def deliver_until_nobody_holds_them(shop: Shop) -> None:
    while {"claimed", "dispatched"} & set(by_customer(shop, "state").values()):
        shop.tick()
        time.sleep(0.05)
    shop.tick()


def test_killed_between_claim_and_dispatch_it_is_sent_exactly_once(shop: Shop, store_url: str) -> None:
    killed(shop, store_url, "before-dispatch", "claimed")
    assert by_customer(shop, "state") == {"alice": "claimed", "bob": "claimed"}
    assert shop.mails() == []
    deliver_until_nobody_holds_them(shop)
    assert by_customer(shop, "state", "attempt") == {"alice": ("sent", 1), "bob": ("sent", 1)}
    assert [mail["To"] for mail in shop.mails()] == ["Alice <alice@example.com>", "Bob <bob@example.com>"]
    assert sums_hold(shop)


def test_killed_after_the_dispatch_it_is_in_doubt_and_never_sent_by_us_again(shop: Shop, store_url: str) -> None:
    killed(shop, store_url, "before-sending", "dispatched")
    assert by_customer(shop, "state") == {"alice": "dispatched", "bob": "dispatched"}
    deliver_until_nobody_holds_them(shop)
    shop.tick(NOON.replace(hour=20))
    assert by_customer(shop, "state", "reason") == {"alice": ("in_doubt", "lease"), "bob": ("in_doubt", "lease")}
    assert shop.mails() == []
    assert sums_hold(shop)


def test_killed_after_sending_but_before_the_answer_there_is_one_mail_and_doubt(shop: Shop, store_url: str) -> None:
    killed(shop, store_url, "after-sending", "dispatched")
    assert len(shop.mails()) == 2
    deliver_until_nobody_holds_them(shop)
    assert by_customer(shop, "state") == {"alice": "in_doubt", "bob": "in_doubt"}
    assert len(shop.mails()) == 2
    assert {row[3] for row in shop.enrolments()} == {"finished"}
