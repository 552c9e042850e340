"""Lanes: several requests of a drain under way at once, in threads and in processes beside it; each mail leaves once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Event

import pytest

from crm_store.errors import RapportError
from crm_store.ledger.claim import due_groups
from crm_store.ledger.dispatch import Answer
from outreach.beside import Beside, Drained, Job
from outreach.beside_main import _hold
from outreach.delivery import drain_beside, processes
from tests.ledger.channels import Told, accept, use
from tests.ledger.rows import by_customer, planned
from tests.world import NOON, SETTINGS, Shop

NAMES = ("alice", "bob", "carol", "dora")


@pytest.fixture
def due(shop: Shop) -> Shop:
    """One touch a batch."""
    shop.write({"config/rapport.yaml": SETTINGS + "delivery: {batch: 1}\n"})
    planned(shop, *NAMES)
    return shop


def lanes(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr("outreach.delivery.LANE_WORTH", 1)
    monkeypatch.setattr("outreach.delivery.LANES", count)


def meeting(of: Barrier) -> Told:
    """A channel that answers when so many requests are under way; else they end in doubt."""

    def answer(mails: Sequence[object]) -> Answer:
        of.wait(timeout=30)
        return accept(mails)  # type: ignore[arg-type]

    return Told(answer)


def all_sent(shop: Shop) -> bool:
    return by_customer(shop, "state") == dict.fromkeys(NAMES, "sent")


def job(shop: Shop, root: Path | None = None) -> Job:
    assert shop.store.shared is not None
    with shop.store.read() as conn:
        groups = tuple(due_groups(conn, NOON, None))
    return Job(shop.store.shared, str(root or shop.root), NOON, groups, lanes=2)


def test_as_many_requests_are_under_way_as_there_are_lanes(due: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes(monkeypatch, 2)
    channel = use(meeting(Barrier(2)), monkeypatch)
    assert due.deliver().sent == len(NAMES)
    assert all_sent(due)
    assert sorted(channel.addresses) == [f"{name}@example.com" for name in NAMES]


def test_an_account_has_no_more_requests_under_way_than_it_takes(due: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes(monkeypatch, 2)
    due.write(
        {"config/rapport.yaml": SETTINGS + "channels: {email: {provider: outbox, connections: 1}}\ndelivery: {batch: 1}\n"}
    )
    barrier = Barrier(2)
    use(Told(lambda mails: alone(barrier, mails)), monkeypatch)
    due.deliver()
    assert all_sent(due)


def alone(barrier: Barrier, mails: Sequence[object]) -> Answer:
    """Nobody else comes while this waits."""
    with pytest.raises(BrokenBarrierError):
        barrier.wait(timeout=0.2)
    barrier.reset()
    return accept(mails)  # type: ignore[arg-type]


def test_an_error_in_one_lane_ends_the_others_and_is_raised(due: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes(monkeypatch, 2)
    use(Told(accept), monkeypatch)
    monkeypatch.setattr("outreach.delivery.load_template", fail)
    with pytest.raises(RuntimeError, match="no template"):
        due.deliver()
    assert by_customer(due, "state") == dict.fromkeys(NAMES, "due")


def fail(*_: object) -> None:
    raise RuntimeError("no template")


def test_a_process_beside_this_one_delivers_as_this_one_does(due: Shop) -> None:
    assert Beside(job(due), Event()).run() == Drained(judged=len(NAMES), sent=len(NAMES))
    assert all_sent(due)
    assert len(due.mails()) == len(NAMES)


def test_two_processes_deliver_each_mail_once(due: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes(monkeypatch, 2)
    monkeypatch.setattr("outreach.delivery.processes", lambda _: 2)
    due.deliver()
    assert all_sent(due)
    assert len(due.mails()) == len(NAMES)


def test_what_goes_wrong_in_a_process_beside_this_one_is_raised_here(due: Shop, tmp_path: Path) -> None:
    with pytest.raises(RapportError):
        Beside(job(due, root=tmp_path / "nowhere"), Event()).run()


def test_a_lane_that_is_stopped_ends_after_the_batch_it_is_at(due: Shop) -> None:
    stop = Event()
    stop.set()
    done = drain_beside(due.store, job(due), stop)
    assert done.more
    assert done.sent == 2  # two lanes, a mail each


def test_a_process_whose_starter_is_gone_stops() -> None:
    (reading, writing), stop = os.pipe(), Event()
    os.close(writing)
    _hold(reading, stop)
    assert stop.is_set()
    os.close(reading)


def test_few_touches_are_not_worth_a_process() -> None:
    assert processes(0) == processes(500) == 1
