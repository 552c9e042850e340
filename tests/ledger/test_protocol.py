"""Claim, dispatch, send, settle: a touch is named before it leaves, and a lease that is gone sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from crm_store.ledger.dispatch import Answer, LeaseLost, Refusal, Request, dispatch, give_back
from crm_store.ledger.settling import release, settle
from crm_store.schema import request, touch, touch_values
from crm_store.store import open_store
from outreach.channels.base import Mail
from outreach.recovery import Recovered, recover
from outreach.rendering.samples import SAMPLE_SIGNER
from tests.ledger.channels import Told, accept, fail_with, use
from tests.ledger.rows import by_customer, claim_all, planned, run_out_leases
from tests.world import NOON, Shop


def named(touch_ids: Sequence[int]) -> Request:
    return Request("r1", "email", "told", "hash", {touch_id: b"values" for touch_id in touch_ids})


def recovered(shop: Shop) -> Recovered:
    return recover(shop.store, shop.workspace, SAMPLE_SIGNER)


def requests(shop: Shop) -> list[tuple[Any, ...]]:
    """(touches, answer) of every request there was."""
    with shop.store.read() as conn:
        return [tuple(row) for row in conn.execute(select(request.c.touches, request.c.answer))]


def test_when_a_mail_is_handed_over_its_dispatch_is_committed(
    shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, ...]] = []

    def look(mails: Sequence[Mail]) -> Answer:
        other = open_store(store_url, Path("/"))
        chosen = select(touch.c.state, request.c.touches, request.c.body_hash.is_not(None), touch_values.c.touch_id)
        chosen = chosen.join(request, request.c.id == touch.c.request_id).join(touch_values)
        with other.read() as conn:
            seen.extend(tuple(row) for row in conn.execute(chosen.where(touch.c.id.in_([mail.touch_id for mail in mails]))))
        other.close()
        return accept(mails)

    channel = use(Told(look, per_request=2), monkeypatch)
    planned(shop, "alice", "bob", "carol")
    shop.deliver()
    assert sorted(row[:3] for row in seen) == [("dispatched", 1, True), ("dispatched", 2, True), ("dispatched", 2, True)]
    assert sorted(row[3] for row in seen) == sorted(mail.touch_id for mail in channel.mails)
    assert sorted(requests(shop)) == [
        (1, "1 accepted, 0 refused, 0 in doubt"),
        (2, "2 accepted, 0 refused, 0 in doubt"),
    ]


def test_a_lease_that_ran_out_before_the_dispatch_sends_and_writes_nothing(shop: Shop) -> None:
    planned(shop, "alice", "bob")
    claimed = claim_all(shop)
    run_out_leases(shop)
    with pytest.raises(LeaseLost, match="the lease of 2 touches ran out"):
        shop.store.write(dispatch, claimed, named(claimed.touch_ids))
    assert requests(shop) == []
    assert by_customer(shop, "state", "request_id") == {"alice": ("claimed", None), "bob": ("claimed", None)}


def test_a_claim_that_somebody_else_has_now_can_not_be_dispatched(shop: Shop) -> None:
    planned(shop, "alice")
    mine = claim_all(shop)
    run_out_leases(shop)
    assert shop.store.write(release, None) == 1
    theirs = claim_all(shop)
    with pytest.raises(LeaseLost):
        shop.store.write(dispatch, mine, named(mine.touch_ids))
    shop.store.write(give_back, mine)
    assert by_customer(shop, "state", "claim") == {"alice": ("claimed", theirs.token)}


def test_a_delivery_whose_lease_runs_out_while_it_renders_leaves_the_mail_to_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = use(Told(accept), monkeypatch)
    planned(shop, "alice")
    with monkeypatch.context() as slow:
        slow.setattr("outreach.delivery.BATCHES_AT_ONCE", 1)
        slow.setattr("outreach.writing.pack", lambda *_: _pack_slowly(shop))
        shop.deliver()
    assert channel.mails == []
    assert by_customer(shop, "state", "attempt") == {"alice": ("due", 1)}
    shop.deliver()
    assert channel.addresses == ["alice@example.com"]
    assert by_customer(shop, "state") == {"alice": "sent"}


def _pack_slowly(shop: Shop) -> bytes:
    run_out_leases(shop)
    return b""


def test_a_lease_that_is_gone_makes_claimed_touches_due_and_dispatched_ones_doubtful(shop: Shop) -> None:
    planned(shop, "alice", "bob")
    first, second = claim_all(shop, size=1), claim_all(shop, size=1)
    shop.store.write(dispatch, first, named(first.touch_ids))
    assert recovered(shop) == Recovered(0, 0, 0)
    run_out_leases(shop)
    assert recovered(shop) == Recovered(1, 0, 1)
    assert by_customer(shop, "state", "reason", "claim") == {
        "alice": ("in_doubt", "lease", first.token),
        "bob": ("due", None, None),
    }
    assert second.touch_ids != first.touch_ids


NO = Refusal("no", permanent=False)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (lambda one: Answer(accepted={one: "m1"}), ("sent", None, "m1")),
        (lambda one: Answer(refused={one: NO}), ("due", "no", None)),
        (lambda one: Answer(refused={one: Refusal("bad", permanent=True)}), ("failed", "bad", None)),
        (lambda one: Answer(doubtful={one: "odd"}), ("in_doubt", "lease", None)),
    ],
)
def test_an_answer_that_comes_after_that_ends_the_doubt(
    shop: Shop, answer: Callable[[int], Answer], state: tuple[str, str | None, str | None]
) -> None:
    planned(shop, "alice")
    claimed = claim_all(shop)
    shop.store.write(dispatch, claimed, named(claimed.touch_ids))
    run_out_leases(shop)
    recovered(shop)
    shop.store.write(settle, "r1", answer(claimed.touch_ids[0]), NOON)
    assert by_customer(shop, "state", "reason", "message_id") == {"alice": state}


def test_a_doubtful_mail_is_not_sent_again_by_us(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = use(Told(fail_with(OSError("cut"))), monkeypatch)
    planned(shop, "alice")
    for _ in range(3):
        shop.tick()
    assert channel.addresses == ["alice@example.com"]


def test_what_a_delivery_has_not_dispatched_it_gives_back_when_it_is_interrupted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Told(fail_with(KeyboardInterrupt()), per_request=1), monkeypatch)
    planned(shop, "alice", "bob")
    with pytest.raises(KeyboardInterrupt):
        shop.deliver()
    assert by_customer(shop, "state") == {"alice": "dispatched", "bob": "due"}
    channel = use(Told(accept), monkeypatch)
    shop.deliver()
    assert channel.addresses == ["bob@example.com"]


def test_batches_and_requests_are_as_large_as_they_may_be(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (shop.root / "config/rapport.yaml").read_text()
    shop.write({"config/rapport.yaml": settings + "delivery: {batch: 3}\n"})
    channel = use(Told(accept, per_request=2), monkeypatch)
    planned(shop, *(f"c{n}" for n in range(7)))
    shop.deliver()
    with shop.store.read() as conn:
        claims = conn.execute(select(func.count(touch.c.claim.distinct()))).scalar_one()
    assert (claims, sorted(row[0] for row in requests(shop))) == (3, [1, 1, 1, 2, 2])
    assert len(channel.mails) == 7


def test_a_drain_of_one_campaign_leaves_the_others(shop: Shop) -> None:
    from tests.journeys.files import journey

    shop.campaign("d", journey())
    planned(shop, "alice")
    shop.deliver(campaign="d")
    assert [(row[0], row[3]) for row in shop.touches()] == [("c", "due"), ("d", "sent")]


def test_the_message_says_who_it_is_for_and_how_to_leave(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = use(Told(accept), monkeypatch)
    planned(shop, "alice")
    shop.deliver()
    (mail,) = channel.mails
    assert by_customer(shop, "message_id", "sent_at") == {"alice": (mail.message_id, NOON)}
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.headers["List-Unsubscribe"].strip("<>") in mail.html
