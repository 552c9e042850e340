"""What a provider may answer, and what becomes of the touches; one bad row hurts one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from crm_store.clock import machine_instant
from crm_store.journeys.tick import due_work
from crm_store.ledger import accounts, dispatch
from crm_store.ledger.dispatch import Answer, Refusal
from crm_store.ledger.material import Material
from crm_store.schema import customer, touch
from outreach.channels.base import ChannelStopped, Mail, NotAccepted, Unsure
from outreach.rendering.context import Saying, context
from tests.journeys.files import sent, sums_hold
from tests.ledger.channels import Answers, Told, accept, fail_with, refuse, use
from tests.ledger.clocks import clock_of
from tests.ledger.rows import LONG_GONE, by_customer, change, planned, run_out_leases
from tests.world import NOON, Shop

RATIO = "{{ 100 / customer.points if customer.points is not none }} {{ links.unsubscribe }}"


def deliver_by(shop: Shop, channel: Told, monkeypatch: pytest.MonkeyPatch) -> Told:
    use(channel, monkeypatch)
    planned(shop, "alice")
    shop.deliver()
    return channel


def test_a_permanent_refusal_fails_the_touch_with_its_reason(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver_by(shop, Told(refuse(permanent=True)), monkeypatch)
    assert by_customer(shop, "state", "reason", "lease_until") == {"alice": ("failed", "no", None)}


@pytest.mark.parametrize("answers", [refuse(permanent=False), fail_with(NotAccepted("no"))])
def test_a_refusal_for_now_makes_the_touch_due_again_a_minute_of_machine_time_later(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, answers: Answers
) -> None:
    before = machine_instant()
    channel = deliver_by(shop, Told(answers), monkeypatch)
    state, reason, attempt, retry_at, due_at = by_customer(shop, "state", "reason", "attempt", "retry_at", "due_at")[
        "alice"
    ]
    assert (state, reason, attempt, due_at) == ("due", "no", 2, NOON.replace(hour=11))
    assert retry_at - before >= dispatch.RETRY_AFTER
    assert due_work(shop.store, NOON.replace(hour=22)) == []
    shop.deliver(NOON.replace(hour=22))
    assert len(channel.mails) == 1
    assert sums_hold(shop)


def test_once_that_minute_is_over_it_is_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver_by(shop, Told(refuse(permanent=False)), monkeypatch)
    channel = use(Told(accept), monkeypatch)
    change(shop, touch, {"retry_at": LONG_GONE})
    shop.deliver()
    assert channel.addresses == ["alice@example.com"]
    assert by_customer(shop, "state", "reason", "attempt") == {"alice": ("sent", None, 2)}


def test_after_five_tries_it_gives_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = deliver_by(shop, Told(refuse(permanent=False)), monkeypatch)
    for _ in range(10):
        change(shop, touch, {"retry_at": LONG_GONE})
        shop.deliver()
    assert len(channel.mails) == dispatch.ATTEMPTS == 5
    assert by_customer(shop, "state", "reason", "attempt") == {"alice": ("failed", "gave_up", 5)}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionResetError("cut"), "connection_lost"),
        (TimeoutError(), "no_answer"),
        (Unsure("http_500"), "http_500"),
        (ValueError("alice@example.com"), "ValueError"),
    ],
)
def test_whatever_else_a_channel_raises_leaves_doubt(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    deliver_by(shop, Told(fail_with(error)), monkeypatch)
    assert by_customer(shop, "state", "reason") == {"alice": ("in_doubt", reason)}


def test_each_touch_of_a_request_gets_its_own_answer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def mixed(mails: Sequence[Mail]) -> Answer:
        ids = {mail.to_address.partition("@")[0]: mail.touch_id for mail in mails}
        return Answer(
            accepted={ids["alice"]: "m1"},
            refused={ids["bob"]: Refusal("blocked", permanent=True), ids["carol"]: Refusal("full", permanent=False)},
            doubtful={ids["dave"]: "odd"},
        )

    use(Told(mixed), monkeypatch)
    planned(shop, "alice", "bob", "carol", "dave", "eve")
    shop.deliver()
    assert by_customer(shop, "state", "reason", "message_id") == {
        "alice": ("sent", None, "m1"),
        "bob": ("failed", "blocked", None),
        "carol": ("due", "full", None),
        "dave": ("in_doubt", "odd", None),
        "eve": ("dispatched", None, None),  # not a word of her: her lease decides
    }
    run_out_leases(shop)
    shop.deliver()
    assert by_customer(shop, "state")["eve"] == "in_doubt"
    assert sums_hold(shop)


def test_a_mail_that_can_not_be_rendered_fails_alone(shop: Shop) -> None:
    shop.write({"templates/hello/subject.j2": "x", "templates/hello/body.html.j2": RATIO})
    shop.customer("bob", attributes={"points": 0})
    planned(shop, "alice", "bob", "eve")
    shop.deliver()
    assert by_customer(shop, "state", "reason") == {
        "alice": ("sent", None),
        "bob": ("failed", "template"),
        "eve": ("sent", None),
    }


def test_values_that_can_not_be_made_fail_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def values(saying: Saying, material: Material) -> dict[str, Any]:
        if material.address == "bob@example.com":
            raise ValueError("a value nobody thought of")
        return context(saying, material)

    monkeypatch.setattr("outreach.writing.context", values)
    planned(shop, "alice", "bob", "eve")
    shop.deliver()
    assert by_customer(shop, "state") == {"alice": "sent", "bob": "failed", "eve": "sent"}


def test_one_address_that_makes_no_message_hurts_nobody_else(shop: Shop) -> None:
    planned(shop, "alice")
    change(shop, customer, {"email": "no address at all\r\nBcc: x@example.com"})
    planned(shop, "bob", "eve")
    shop.deliver()
    states = by_customer(shop, "state", "reason")
    assert (states.pop("alice")[0], states) == ("failed", {"bob": ("sent", None), "eve": ("sent", None)})


def test_doubt_and_failure_let_the_journey_go_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use(Told(fail_with(OSError())), monkeypatch)
    planned(shop, "alice", steps="[{send: hello}, {send: again}]")
    shop.deliver()
    clock_of(shop).ahead = accounts.FIRST_PROBE
    use(Told(accept), monkeypatch)
    shop.tick()
    assert sent(shop) == [("alice", "again")]


def stopped(shop: Shop, *keys: str, **campaign: str) -> None:
    """These customers' mails are due, and a plain file stands where the outbox would be."""
    (shop.root / "outbox").write_text("in the way")
    planned(shop, *keys, **campaign)
    with pytest.raises(ChannelStopped, match=r"^outbox .*/outbox can't be written: .*; mend the folder"):
        shop.deliver()


def test_mails_that_can_not_be_written_are_due_again_and_all_leave_after_the_repair(shop: Shop) -> None:
    stopped(shop, "alice", "bob")
    assert by_customer(shop, "state", "reason", "attempt") == dict.fromkeys(
        ("alice", "bob"), ("due", "outbox can't be written", 2)
    )
    assert min(by_customer(shop, "retry_at").values()) > machine_instant()
    assert sums_hold(shop)
    (shop.root / "outbox").unlink()
    change(shop, touch, {"retry_at": LONG_GONE})
    assert shop.deliver().sent == 2
    assert len(shop.mails()) == 2
    assert by_customer(shop, "state") == {"alice": "sent", "bob": "sent"}


def test_a_channel_that_has_stopped_ends_no_mail_however_often_it_is_tried(shop: Shop) -> None:
    stopped(shop, "alice")
    for _ in range(dispatch.ATTEMPTS + 1):
        change(shop, touch, {"retry_at": LONG_GONE})
        with pytest.raises(ChannelStopped):
            shop.deliver()
    assert by_customer(shop, "state") == {"alice": "due"}


def test_a_channel_that_has_stopped_is_tried_once_a_drain_and_the_rest_is_given_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = use(Told(fail_with(NotAccepted("no", stopped="closed; open it")), per_request=1), monkeypatch)
    planned(shop, "alice", "bob", "eve")
    with pytest.raises(ChannelStopped, match="closed; open it"):
        shop.deliver()
    assert len(channel.mails) == 1
    assert by_customer(shop, "state", "attempt", "claim") == {
        "alice": ("due", 2, by_customer(shop, "claim")["alice"]),
        "bob": ("due", 1, None),
        "eve": ("due", 1, None),
    }


def test_a_provider_that_says_no_to_each_request_for_itself_is_asked_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = use(Told(fail_with(NotAccepted("no")), per_request=1), monkeypatch)
    planned(shop, "alice", "bob")
    shop.deliver()
    assert len(channel.mails) == 2
