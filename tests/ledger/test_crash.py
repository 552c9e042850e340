"""A real process, killed with SIGKILL at the worst moments: each mail leaves once; what nobody can tell stays in doubt."""

from __future__ import annotations

import shutil
import signal
import time
from datetime import timedelta

import pytest

from crm_store.ledger.accounts import mend
from crm_store.schema import touch
from outreach.channels.base import Channel
from outreach.channels.outbox import Outbox
from tests.journeys.files import sums_hold
from tests.ledger.processes import child, heard
from tests.ledger.rows import LONG_GONE, by_customer, change, planned, run_out_leases
from tests.world import NOON, Shop

LEASE = "delivery: {lease: 2 seconds}\n"  # for those that live to see it run out; too short for others


def killed(shop: Shop, url: str, mode: str, point: str) -> None:
    """Two touches are due; a process gets to that point with both of them and is killed there; then its lease runs out."""
    planned(shop, "alice", "bob")
    shop.store.close()
    with child(mode, url, shop) as process:
        assert heard(process) == point
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    run_out_leases(shop)


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


@pytest.mark.parametrize(("mode", "written"), [("before-sending", 0), ("amid-sending", 1), ("after-sending", 2)])
def test_killed_while_mails_are_leaving_the_outbox_says_which_did_and_each_is_there_once(
    shop: Shop, store_url: str, mode: str, written: int
) -> None:
    killed(shop, store_url, mode, "dispatched")
    assert by_customer(shop, "state") == {"alice": "dispatched", "bob": "dispatched"}
    assert len(shop.mails()) == written
    deliver_until_nobody_holds_them(shop)
    tries = dict(zip(("alice", "bob"), [1] * written + [2] * 2, strict=False))
    assert by_customer(shop, "state", "attempt") == {key: ("sent", tries[key]) for key in tries}
    assert [mail["To"] for mail in shop.mails()] == ["Alice <alice@example.com>", "Bob <bob@example.com>"]
    assert {row[3] for row in shop.enrolments()} == {"finished"}
    assert sums_hold(shop)


def test_what_was_proven_to_have_left_counts_as_sent_when_it_left(shop: Shop, store_url: str) -> None:
    killed(shop, store_url, "after-sending", "dispatched")
    while "dispatched" in by_customer(shop, "state").values():
        done = shop.deliver(NOON + timedelta(hours=3))
        time.sleep(0.05)
    assert (done.sent, done.in_doubt) == (2, 0)
    message_ids = {mail["To"].addresses[0].username: mail["Message-ID"] for mail in shop.mails()}
    assert by_customer(shop, "sent_at", "message_id") == {key: (NOON, message_ids[key]) for key in ("alice", "bob")}


@pytest.mark.parametrize("mode", ["before-sending", "after-sending"])
def test_where_nothing_can_be_proven_it_is_in_doubt_and_never_sent_by_us_again(
    shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(Outbox, "look_up", Channel.look_up)
    killed(shop, store_url, mode, "dispatched")
    before = len(shop.mails())
    deliver_until_nobody_holds_them(shop)
    shop.tick(NOON.replace(hour=20))
    assert by_customer(shop, "state", "reason") == {"alice": ("in_doubt", "lease"), "bob": ("in_doubt", "lease")}
    assert len(shop.mails()) == before
    assert {row[3] for row in shop.enrolments()} == {"finished"}
    assert sums_hold(shop)


def test_an_outbox_that_is_not_the_one_it_was_sent_to_proves_nothing(shop: Shop, store_url: str) -> None:
    killed(shop, store_url, "before-sending", "dispatched")
    shutil.rmtree(shop.root / "outbox")
    deliver_until_nobody_holds_them(shop)
    assert by_customer(shop, "state") == {"alice": "in_doubt", "bob": "in_doubt"}
    assert shop.mails() == []


@pytest.mark.parametrize(("mode", "written"), [("frozen-before", 0), ("frozen-amid", 1)])
@pytest.mark.parametrize("proves", [True, False])
def test_a_worker_that_is_frozen_beyond_its_lease_sends_nothing_twice_and_its_late_answer_ends_the_doubt(
    shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch, mode: str, written: int, proves: bool
) -> None:
    if not proves:
        monkeypatch.setattr(Outbox, "look_up", Channel.look_up)
    settings = (shop.root / "config/rapport.yaml").read_text()
    shop.write({"config/rapport.yaml": settings + LEASE})
    planned(shop, "alice", "bob")
    shop.store.close()
    with child(mode, store_url, shop) as process:
        assert heard(process) == "dispatched"
        while "dispatched" in by_customer(shop, "state").values():
            shop.deliver()
            time.sleep(0.05)
        assert by_customer(shop, "state") == dict.fromkeys(("alice", "bob"), "sent" if proves else "in_doubt")
        process.send_signal(signal.SIGCONT)
        assert heard(process) == "awake"
    late = by_customer(shop, "state", "reason")
    if not proves:  # the one that was written, and those that never were: its answer says which
        assert late["alice"] == (("sent", None) if written else ("due", "lease"))
        assert late["bob"][0] == "due"
    change(shop, touch, {"retry_at": LONG_GONE})
    shop.store.write(mend)
    deliver_until_nobody_holds_them(shop)
    assert by_customer(shop, "state") == dict.fromkeys(("alice", "bob"), "sent")
    assert [mail["To"] for mail in shop.mails()] == ["Alice <alice@example.com>", "Bob <bob@example.com>"]
    assert sums_hold(shop)
