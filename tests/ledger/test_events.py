"""What providers tell: each event once, in any order; it proves, ranks, suppresses; strangers are kept aside."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from crm_store.ledger.events import Provider, ProviderEvent, Told, take_events
from crm_store.ledger.reference import natural_keys, reference
from crm_store.schema import consent_state, stray_event, suppression, touch, touch_event
from crm_store.store import Store, rehearse
from outreach.channels.sendgrid_events import read_event
from outreach.events import first_key, take, take_up
from tests.journeys.files import sums_hold
from tests.ledger.channels import Told as Channel
from tests.ledger.channels import accept, fail_with, use
from tests.ledger.rows import by_customer, change, planned
from tests.world import NOON, Shop

WHOLE, SINGLE = Provider("p", whole=True), Provider("p", whole=False)
PEOPLE = ("alice", "bob", "carol", "eve")


def in_doubt(shop: Shop, monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    """One request with these customers' mails has ended in doubt."""
    use(Channel(fail_with(OSError())), monkeypatch)
    planned(shop, *(keys or PEOPLE))
    shop.deliver()


def references(shop: Shop) -> dict[str, str]:
    """What a provider knows each customer's touch by."""
    ids = by_customer(shop, "id")
    with shop.store.read() as conn:
        naturals = natural_keys(conn, list(ids.values()))
    key = first_key(shop.store)
    return {name: reference(key, number, naturals[number]) for name, number in ids.items()}


def event(reference: str, kind: str, seconds: float = 0, **more: Any) -> ProviderEvent:
    at = NOON + timedelta(seconds=seconds)
    return ProviderEvent(f"{reference}-{kind}-{seconds}-{more.get('link')}", reference, kind, at, **more)


def told(shop: Shop, *events: ProviderEvent, provider: Provider = SINGLE) -> Told:
    return shop.store.write(take_events, provider, events, first_key(shop.store))


def test_an_event_of_a_touch_proves_that_it_was_accepted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    in_doubt(shop, monkeypatch)
    assert told(shop, event(references(shop)["bob"], "delivered")) == Told(new=1, settled=1)
    states = by_customer(shop, "state", "reason", "sent_at", "outcome")
    assert states.pop("bob") == ("sent", None, NOON, "delivered")
    assert {row[0] for row in states.values()} == {"in_doubt"}
    assert sums_hold(shop)


def test_where_requests_are_accepted_whole_one_event_proves_all_their_touches(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_doubt(shop, monkeypatch)
    assert told(shop, event(references(shop)["bob"], "accepted"), provider=WHOLE).settled == len(PEOPLE)
    assert set(by_customer(shop, "state").values()) == {"sent"}


def test_an_event_keeps_a_mail_that_was_thought_lost_from_going_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    in_doubt(shop, monkeypatch, "alice")
    change(shop, touch, {"state": "due", "reason": None})
    told(shop, event(references(shop)["alice"], "opened"))
    channel = use(Channel(accept), monkeypatch)
    shop.deliver()
    assert (channel.mails, by_customer(shop, "state")) == ([], {"alice": "sent"})


def history(shop: Shop) -> list[ProviderEvent]:
    names = references(shop)
    a, b, c = names["alice"], names["bob"], names["carol"]
    return [
        event(a, "accepted"),
        event(a, "delivered", 1),
        event(a, "opened", 1.5),
        event(a, "clicked", 60, link="x"),
        event(b, "delivered", 1),
        event(b, "opened", 30),
        event(b, "bounced", 90, address="bob@example.com", suppresses="hard_bounce"),
        *(event(c, "clicked", 50, link=link) for link in "xyz"),
        event(c, "delivered", 2),
        event(c, "complained", 99, address="carol@example.com", suppresses="complaint", withdraws=True),
        event("7.strange", "delivered", 3),
    ]


def ending(store: Store) -> list[Any]:
    """Everything that events leave behind."""
    asked = [
        select(touch.c.id, touch.c.state, touch.c.outcome, touch.c.sent_at).order_by(touch.c.id),
        select(touch_event.c.kind, touch_event.c.actor, touch_event.c.touch_id, touch_event.c.at),
        select(suppression.c.address, suppression.c.reason),
        select(consent_state),
        select(stray_event.c.word, stray_event.c.kind),
    ]
    with store.read() as conn:
        return [sorted(map(tuple, conn.execute(one)), key=repr) for one in asked]


def test_any_order_and_any_repetition_come_to_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    in_doubt(shop, monkeypatch)
    events, key = history(shop), first_key(shop.store)
    ends = []
    for seed in range(25):
        chance = random.Random(seed)
        shuffled = chance.sample(events, len(events)) + chance.choices(events, k=seed)
        with rehearse(shop.store) as rehearsal:
            for start in range(0, len(shuffled), size := chance.randint(1, 6)):
                rehearsal.write(take_events, WHOLE, shuffled[start : start + size], key)
            ends.append(ending(rehearsal))
    assert all(one == ends[0] for one in ends)
    outcomes = {row[0]: row[2] for row in ends[0][0]}
    ids = by_customer(shop, "id")
    assert [outcomes[ids[name]] for name in PEOPLE] == ["clicked", "opened", "complained", None]
    assert sorted(row[0] for row in ends[0][1] if row[1] == "machine") == ["clicked", "clicked", "clicked", "opened"]
    assert ends[0][2] == [("bob@example.com", "hard_bounce"), ("carol@example.com", "complaint")]
    assert ends[0][4] == [("strange", "delivered")]


@pytest.mark.parametrize(
    ("events", "outcome", "actors"),
    [
        ([("delivered", 1), ("opened", 1)], "delivered", {"machine"}),
        ([("delivered", 1), ("opened", 30)], "opened", {"unknown"}),
        ([("clicked", 40, "a"), ("clicked", 40, "b"), ("clicked", 40, "c")], "delivered", {"machine"}),
        ([("clicked", 40, "a"), ("clicked", 40, "b")], "clicked", {"unknown"}),
    ],
)
def test_what_no_human_can_have_done_is_a_machine_s(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, events: Sequence[tuple[Any, ...]], outcome: str, actors: set[str]
) -> None:
    in_doubt(shop, monkeypatch, "alice")
    mine = references(shop)["alice"]
    told(shop, *(event(mine, one[0], one[1], link=one[2] if len(one) > 2 else None) for one in events))
    with shop.store.read() as conn:
        reading = select(touch_event.c.actor).where(touch_event.c.kind != "delivered")
        assert set(conn.execute(reading).scalars()) == actors
    assert by_customer(shop, "outcome") == {"alice": outcome}


def test_a_number_that_is_another_s_touch_now_proves_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    in_doubt(shop, monkeypatch, "alice")
    number = by_customer(shop, "id")["alice"]
    assert told(shop, event(f"{number}.0123456789ab", "delivered")) == Told(aside=1)
    assert by_customer(shop, "state") == {"alice": "in_doubt"}


def test_what_was_kept_aside_is_taken_up_when_its_touch_appears_under_whatever_number(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_doubt(shop, monkeypatch, "alice")
    change(shop, touch, {"reason": "restored"})
    word = references(shop)["alice"].partition(".")[2]
    assert told(shop, event(f"4711.{word}", "delivered", withdraws=True)) == Told(aside=1)
    assert take_up(shop.store) == Told(new=1, settled=1)
    assert by_customer(shop, "state", "outcome") == {"alice": ("sent", "delivered")}
    with shop.store.read() as conn:
        assert conn.execute(select(func.count()).select_from(stray_event)).scalar_one() == 0
        withdrawn = select(consent_state.c.topic).where(consent_state.c.state == "withdrawn")
        assert conn.execute(withdrawn).scalars().all() == ["offers"]


RAW = {"event": "delivered", "timestamp": 1_781_524_800, "sg_event_id": "e1", "email": "Alice@example.com"}


def test_sendgrid_s_events_are_read_as_they_come(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    in_doubt(shop, monkeypatch)
    mine = {**RAW, "rapport_touch": references(shop)["alice"]}
    bounce = {**mine, "event": "bounce", "type": "bounce", "sg_event_id": "e2"}
    others = [{"event": "delivered", "timestamp": 1}, {**mine, "timestamp": "x"}, 7]
    taken = take(shop.store, "sendgrid", [mine, mine, bounce, *others])
    assert (taken.told, taken.others) == (Told(new=2, known=1, settled=len(PEOPLE)), 1)
    assert taken.faults == ("event 5 has no timestamp in seconds since 1970", "event 6 is not a JSON object")
    assert by_customer(shop, "outcome")["alice"] == "bounced"
    with shop.store.read() as conn:
        found = conn.execute(select(suppression.c.address, suppression.c.reason)).all()
    assert [tuple(row) for row in found] == [("alice@example.com", "hard_bounce")]


@pytest.mark.parametrize(
    ("raw", "kind", "suppresses", "withdraws", "actor"),
    [
        ({"event": "bounce", "type": "blocked"}, "blocked", None, False, "unknown"),
        ({"event": "dropped", "reason": "Bounced Address"}, "dropped", "hard_bounce", False, "unknown"),
        ({"event": "dropped", "reason": "Invalid SMTPAPI header"}, "dropped", None, False, "unknown"),
        ({"event": "spamreport"}, "complained", "complaint", True, "unknown"),
        ({"event": "unsubscribe"}, "unsubscribed", "unsubscribed", True, "unknown"),
        ({"event": "group_unsubscribe"}, "unsubscribed", None, True, "unknown"),
        ({"event": "open", "sg_machine_open": True}, "opened", None, False, "machine"),
        ({"event": "processed"}, "accepted", None, False, "unknown"),
    ],
)
def test_each_of_sendgrid_s_events_has_its_meaning(
    raw: dict[str, Any], kind: str, suppresses: str | None, withdraws: bool, actor: str
) -> None:
    found = read_event({**RAW, "rapport_touch": "1.a", **raw})
    assert found is not None
    assert (found.kind, found.suppresses, found.withdraws, found.actor) == (kind, suppresses, withdraws, actor)
    assert found.address == "alice@example.com"


def test_an_event_without_a_number_is_known_by_what_it_says() -> None:
    bare = {name: value for name, value in RAW.items() if name != "sg_event_id"} | {"rapport_touch": "1.a"}
    raws = (bare, dict(bare), {**bare, "timestamp": 5}, {**bare, "url": "x"})
    assert len({getattr(read_event(raw), "id", None) for raw in raws}) == 3
