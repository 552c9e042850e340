"""Pauses and stops by a person: nothing is claimed after their first commit, whoever delivers just then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import OperationalError

from console.alerts import alerts
from crm_store.errors import UsageError
from crm_store.insight.reasons import why
from crm_store.insight.runs import runs
from crm_store.journeys.published import standing
from crm_store.journeys.renaming import rename_campaign
from crm_store.ledger import control
from crm_store.ledger.control import Stopped, pause_campaign, resume_campaign, stop_campaign
from crm_store.ledger.dispatch import give_back
from crm_store.ledger.doubts import Chosen, resend
from crm_store.ledger.events import Provider, ProviderEvent, take_events
from crm_store.ledger.log import Order
from crm_store.ledger.pauses import pause_customer, resume_customer
from crm_store.schema import campaign_pause, request
from crm_store.store import Store
from tests.journeys.files import journey, outcomes, start, sums_hold
from tests.ledger.processes import child, heard, tell
from tests.ledger.rows import by_customer, claim_all, planned
from tests.ledger.test_doubts import LEASE, in_doubt
from tests.ledger.test_opt_out import ON_POSTGRESQL, opt_out, writing
from tests.world import NOON, SETTINGS, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANN = Order("ann", "wrong prices")


def stop(shop: Shop, run: int | None = None, now: datetime = NOON) -> Stopped:
    return stop_campaign(shop.store, "c", run, ANN, now)


def states(shop: Shop) -> dict[str, tuple[str, str | None]]:
    return by_customer(shop, "state", "reason")


def test_a_stop_cancels_what_is_due_and_the_campaign_stays_paused_until_it_is_resumed(shop: Shop) -> None:
    planned(shop, "alice", "bob", "carol")
    claim_all(shop, size=1)
    done = stop(shop)
    assert (done.sent, done.in_flight, done.cancelled) == (0, 1, 2)
    shop.customer("dave")
    shop.event("dave", "signed_up", HOUR)
    shop.tick()
    assert states(shop)["dave"] == ("due", None)
    assert shop.store.write(resume_campaign, "c", ANN)
    shop.tick()
    cancelled = ("cancelled", "stopped")
    expected = {"alice": ("claimed", None), "bob": cancelled, "carol": cancelled, "dave": ("sent", None)}
    assert states(shop) == expected
    assert sums_hold(shop)


def test_a_stop_of_one_run_lets_the_others_go(shop: Shop) -> None:
    planned(shop, "alice")
    shop.customer("bob")
    shop.event("bob", "signed_up", HOUR)
    shop.plan()
    with shop.store.read() as conn:
        first = runs(conn)[-1].id
    assert stop(shop, first).cancelled == 1
    shop.tick()
    assert states(shop) == {"alice": ("cancelled", "stopped"), "bob": ("sent", None)}
    with pytest.raises(UsageError, match="run 4711 is not in the store"):
        stop(shop, 4711)


def test_a_stop_that_was_killed_lets_nothing_go_and_is_ended_by_the_next_planning(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(shop, "alice", "bob", "carol")
    with monkeypatch.context() as patched:
        patched.setattr(control, "SLICE", 1)
        patched.setattr(control, "barred_by_runs", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            stop(shop)
    shop.store.write(resume_campaign, "c", ANN)
    shop.deliver()
    assert [state for state, _ in states(shop).values()] == ["due", "due", "due"]
    shop.plan()
    assert set(states(shop).values()) == {("cancelled", "stopped")}
    assert stop(shop).cancelled == 0  # and again: there is nothing left to stop


def test_what_comes_back_from_a_sender_after_a_stop_is_cancelled_too(shop: Shop) -> None:
    planned(shop, "alice")
    claimed = claim_all(shop)
    stop(shop)
    shop.store.write(give_back, claimed)
    shop.store.write(resume_campaign, "c", ANN)
    shop.tick()
    assert states(shop) == {"alice": ("cancelled", "stopped")}


def test_what_is_in_doubt_counts_as_under_way_and_is_cancelled_if_a_person_sends_it_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = in_doubt(shop, monkeypatch, "alice")
    done = stop(shop)
    assert (done.in_doubt, done.in_flight, done.cancelled) == (1, 0, 0)
    shop.store.write(resume_campaign, "c", ANN)
    clock.ahead += DAY
    assert shop.store.write(resend, Chosen(campaign="c"), ANN, LEASE, NOON) == 1
    shop.tick()
    assert states(shop) == {"alice": ("cancelled", "stopped")}


def test_a_run_that_is_over_stays_as_it_was_and_one_that_is_stopped_keeps_its_reason(shop: Shop) -> None:
    planned(shop, "alice")
    shop.tick()
    with shop.store.read() as conn:
        over = runs(conn)[0]
    assert stop(shop, over.id).runs == []
    shop.customer("bob")
    shop.event("bob", "signed_up", HOUR)
    shop.plan()
    claim_all(shop)
    stop(shop)
    stop_campaign(shop.store, "c", None, Order("ann"), NOON)
    with shop.store.read() as conn:
        second, first = runs(conn)
    assert (first.state, first.why, second.why) == (None, None, "wrong prices")


def test_a_pause_outlives_apply_and_only_a_person_lifts_it(shop: Shop) -> None:
    planned(shop, "alice", late="{within: 30 days}")
    assert shop.store.write(pause_campaign, "c", ANN)
    assert not shop.store.write(pause_campaign, "c", ANN)
    start(shop, late="{within: 30 days}", title="Other words")
    shop.tick()
    assert states(shop) == {"alice": ("due", None)}
    alert = str(*alerts(shop.store, NOON))
    assert alert.startswith("campaign 'c' is paused by ann since ")
    assert alert.endswith("(wrong prices); `rapport campaign resume c` lets it go on")
    with shop.store.read() as conn:
        story = why(conn, "c", "alice", NOON)
    assert story is not None
    assert story.stopped is not None
    assert story.stopped.name == "paused"
    shop.store.write(resume_campaign, "c", ANN)
    shop.tick()
    assert states(shop) == {"alice": ("sent", None)}


def test_what_expires_while_it_is_paused_ends_skipped(shop: Shop) -> None:
    planned(shop, "alice", late="{within: 30 days}")
    shop.store.write(pause_campaign, "c", ANN)
    shop.tick(NOON - HOUR + 7 * DAY)
    assert states(shop) == {"alice": ("skipped", "paused")}


def test_a_pause_of_all_is_of_service_too_and_beside_those_of_each(shop: Shop) -> None:
    shop.campaign("s", journey(purpose="service", basis="the order", topic=None))
    planned(shop, "alice")
    for name in ("c", None):
        shop.store.write(pause_campaign, name, ANN)
    shop.tick()
    assert [row[2] for row in outcomes(shop)] == ["due", "due"]
    assert not shop.store.write(resume_campaign, "s", ANN)
    shop.store.write(resume_campaign, None, ANN)
    shop.tick()
    assert [(row[0], row[3]) for row in shop.touches()] == [("c", "due"), ("s", "sent")]


def test_a_renamed_campaign_stays_paused(shop: Shop) -> None:
    planned(shop, "alice")
    shop.store.write(pause_campaign, "c", ANN)
    rename(shop)
    shop.publish()
    with shop.store.read() as conn:
        assert standing(conn, "d").brakes


# A customer


def test_a_paused_customer_gets_nothing_until_she_is_resumed_and_then_at_once(shop: Shop) -> None:
    planned(shop, "alice", "bob")
    shop.store.write(pause_customer, "alice", None, NOON, None, ANN)
    shop.deliver()
    assert states(shop) == {"alice": ("due", "paused"), "bob": ("sent", None)}
    shop.deliver(NOON + DAY)
    assert shop.store.write(resume_customer, "alice", None, NOON + DAY, ANN) == 1
    assert by_customer(shop, "due_at")["alice"] == NOON + DAY
    shop.deliver(NOON + DAY)
    assert states(shop)["alice"] == ("sent", None)
    assert shop.store.write(resume_customer, "alice", None, NOON + DAY, ANN) == 0


@pytest.mark.parametrize(("topic", "state"), [("offers", "due"), ("news", "sent")])
def test_a_pause_of_a_topic_is_of_that_topic(shop: Shop, topic: str, state: str) -> None:
    planned(shop, "alice")
    shop.store.write(pause_customer, "alice", topic, NOON, NOON + 2 * DAY, ANN)
    shop.deliver()
    assert by_customer(shop, "state") == {"alice": state}
    other = "news" if topic == "offers" else "offers"
    assert shop.store.write(resume_customer, "alice", other, NOON, ANN) == 0
    shop.deliver(NOON + 2 * DAY)
    assert by_customer(shop, "state") == {"alice": "sent"}


def test_who_is_not_there_can_t_be_paused(shop: Shop) -> None:
    with pytest.raises(UsageError, match="customer 'nobody' is not in the store"):
        shop.store.write(pause_customer, "nobody", None, NOON, None, ANN)


def test_the_correction_finds_those_who_got_the_mail_of_a_run(shop: Shop) -> None:
    planned(shop, "alice", "bob")
    claim_all(shop, size=1)
    shop.segment("got-it", "{message: sent, of: {run: 1}}")
    shop.deliver()
    stop(shop)
    assert shop.members("got-it") == ["bob"]
    shop.segment("got-another", "{message: sent, of: {run: 2}}")
    assert shop.members("got-another") == []


# Races


def pause_without_waiting(conn: Connection) -> None:
    conn.execute(text("SET LOCAL lock_timeout = '50ms'"))
    pause_campaign(conn, "c", ANN)


@ON_POSTGRESQL
def test_a_claim_that_has_looked_is_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(shop, "alice")
    found: list[str] = []

    def look(*_: object) -> None:
        with pytest.raises(OperationalError, match="lock timeout"), writing(shop) as conn:
            pause_without_waiting(conn)
        found.append("waits")

    monkeypatch.setattr("crm_store.ledger.claim.issue_offers", look)
    claim_all(shop)
    assert found == ["waits"]
    with writing(shop) as conn:
        pause_without_waiting(conn)


def test_a_delivery_beside_a_pause_that_is_not_committed_yet_waits_for_it(shop: Shop) -> None:
    planned(shop, "alice")
    with writing(shop) as conn:
        pause_campaign(conn, "c", ANN)
        delivering = threading.Thread(target=shop.deliver)
        delivering.start()
    delivering.join()
    assert states(shop) == {"alice": ("due", None)}


def last_claim(store: Store) -> tuple[datetime, datetime]:
    """When the last touch was claimed that left, and when the campaign was paused."""
    with store.read() as conn:
        claims = conn.execute(select(request.c.claimed_at)).scalars().all()
        return max(claims), conn.execute(select(campaign_pause.c.at)).scalar_one()


def test_a_stop_amid_a_delivery_by_another_process_lets_go_what_is_in_flight_and_nothing_more(
    shop: Shop, store_url: str
) -> None:
    shop.write({"config/rapport.yaml": SETTINGS + "delivery: {batch: 2}\n"})
    planned(shop, *"abcdefg")
    with child("one-by-one", store_url, shop) as delivering:
        assert heard(delivering) == "sending"
        tell(delivering, "go")
        assert heard(delivering) == "sending"
        done = stop(shop)
        tell(delivering, "go")
        assert heard(delivering) == "done"
    assert (done.sent, done.in_flight, done.cancelled) == (2, 2, 3)
    assert [state for state, _ in states(shop).values()] == ["sent"] * 4 + ["cancelled"] * 3
    claimed_at, paused_at = last_claim(shop.store)
    assert claimed_at < paused_at
    assert sums_hold(shop)


def rename(shop: Shop) -> None:
    """What was `c` is the file `d`."""
    (shop.root / "config/campaigns/c.yaml").unlink()
    shop.campaign("d", journey(was="c"))


def test_a_stop_amid_a_rename_by_another_process_is_of_what_has_not_followed_too(shop: Shop, store_url: str) -> None:
    planned(shop, "alice", "bob", "carol")
    claim_all(shop, size=1)
    rename(shop)
    with child("rename", store_url, shop) as renaming:
        assert heard(renaming) == "renaming"
        done = stop_campaign(shop.store, "d", None, ANN, NOON)
        shop.deliver()
        tell(renaming, "go")
        assert heard(renaming) == "done"
    assert (done.in_flight, done.cancelled) == (1, 2)
    shop.store.write(resume_campaign, "d", ANN)
    shop.tick()
    assert [row[::3] for row in shop.touches()] == [("d", "claimed"), ("d", "cancelled"), ("d", "cancelled")]


@pytest.mark.parametrize("order", [stop, lambda shop: shop.store.write(pause_campaign, "c", ANN)])
def test_what_is_called_otherwise_by_now_can_t_be_stopped_by_its_old_name(
    shop: Shop, order: Callable[[Shop], object]
) -> None:
    planned(shop, "alice")
    rename(shop)
    shop.publish()
    with pytest.raises(UsageError, match="campaign 'c' is not in the store"):
        order(shop)


@ON_POSTGRESQL
def test_a_pause_waits_for_a_rename_that_is_not_committed_yet(shop: Shop) -> None:
    planned(shop, "alice")
    with writing(shop) as conn:
        rename_campaign(conn, "c", "d")
        with pytest.raises(OperationalError, match="lock timeout"), writing(shop) as other:
            pause_without_waiting(other)


def complain(conn: Connection, key: str) -> None:
    """As a provider tells it."""
    told = ProviderEvent("1", "4711.word", "complained", NOON, address=f"{key}@example.com", suppresses="complaint")
    take_events(conn, Provider("test", False), [told], b"key")


def test_who_opts_out_complains_or_is_paused_amid_a_delivery_by_another_process_is_not_claimed_any_more(
    shop: Shop, store_url: str
) -> None:
    shop.write({"config/rapport.yaml": SETTINGS + "delivery: {batch: 1}\n"})
    planned(shop, "alice", "bob", "carol", "dave", "erin")
    with child("one-by-one", store_url, shop) as delivering:
        assert heard(delivering) == "sending"
        shop.store.write(opt_out, "bob")
        shop.store.write(complain, "carol")
        shop.store.write(pause_customer, "erin", None, NOON, None, ANN)
        shop.store.write(opt_out, "alice")  # too late for this mail
        for said in ("sending", "done"):
            tell(delivering, "go")
            assert heard(delivering) == said
    expected = {"bob": ("skipped", "no_consent"), "carol": ("skipped", "suppressed"), "erin": ("due", "paused")}
    assert states(shop) == {"alice": ("sent", None), **expected, "dave": ("sent", None)}
