"""A live campaign whose file is gone is held, never ended silently; and one that was renamed is not taken for another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from crm_store.errors import ContentError, StoreError
from crm_store.journeys import renaming
from crm_store.journeys.published import standing, standings
from crm_store.schema import campaign, offer, split_decision
from tests.journeys.files import journey, outcomes, sent, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENT = "{within: 30 days}"
OFFERS = "{treat: {discount: 15 %, code: unique, valid: 3 days}}"
TWO_MAILS = "[{send: hello}, {wait: 2 days}, {send: again}]"


def sign_up(shop: Shop, key: str, at: datetime = NOON - HOUR) -> None:
    shop.customer(key)
    shop.event(key, "signed_up", at)


def take_away(shop: Shop, name: str = "c") -> str:
    file = shop.root / f"config/campaigns/{name}.yaml"
    text = file.read_text()
    file.unlink()
    return text


def held(shop: Shop, name: str = "c") -> tuple[str, str | None, datetime | None]:
    with shop.store.read() as conn:
        one = standing(conn, name)
    return one.status, one.held, one.held_since


def test_a_campaign_whose_file_is_gone_is_held_until_it_is_back(shop: Shop) -> None:
    start(shop, late=PATIENT)
    text = take_away(shop)
    assert shop.publish(NOON + HOUR) == ["campaign c (its file is gone: held)"]
    assert held(shop) == ("live", "file gone", NOON + HOUR)
    sign_up(shop, "alice")
    shop.tick(NOON + HOUR)
    assert outcomes(shop) == [("alice", "hello", "due", None)]
    shop.campaign("c", text)
    shop.publish(NOON + 2 * HOUR)
    assert held(shop) == ("live", None, None)
    shop.tick(NOON + 2 * HOUR)
    assert sent(shop) == [("alice", "hello")]


def test_it_is_held_since_the_first_time_and_told_once(shop: Shop) -> None:
    start(shop)
    take_away(shop)
    shop.publish(NOON + HOUR)
    assert shop.publish(NOON + DAY) == []
    assert held(shop)[2] == NOON + HOUR


def test_what_is_due_meanwhile_ends_skipped_as_held_at_its_expiry(shop: Shop) -> None:
    start(shop, late=PATIENT)
    sign_up(shop, "alice")
    shop.plan()
    take_away(shop)
    shop.publish()
    shop.tick(NOON - HOUR + 7 * DAY - timedelta(seconds=1))
    assert outcomes(shop) == [("alice", "hello", "due", None)]
    shop.tick(NOON - HOUR + 7 * DAY)
    assert outcomes(shop) == [("alice", "hello", "skipped", "held")]


@pytest.mark.parametrize("status", ["draft", "paused", "ended"])
def test_only_live_ones_are_held(shop: Shop, status: str) -> None:
    start(shop)
    start(shop, status=status)
    take_away(shop)
    assert shop.publish() == []
    assert held(shop) == (status, None, None)


def test_what_is_held_for_another_reason_stays_so_with_its_file(shop: Shop) -> None:
    start(shop)
    shop.store.write(lambda conn: conn.execute(campaign.update().values(held="stale feed", held_since=NOON)))
    shop.publish()
    assert held(shop) == ("live", "stale feed", NOON)


# A rename


def rename(shop: Shop, was: str | None = "c", **keys: str) -> None:
    """Write `c` as the file `d`, perhaps saying what it was."""
    take_away(shop)
    said = {"was": was} if was else {}
    shop.campaign("d", journey(**{"title": "Another", **said, **keys}))


def test_a_rename_keeps_those_under_way_and_sends_nothing_twice(shop: Shop) -> None:
    start(shop, steps=TWO_MAILS)
    sign_up(shop, "alice")
    shop.tick()
    rename(shop, steps=TWO_MAILS)
    assert shop.publish(NOON + HOUR) == ["campaign d"]
    sign_up(shop, "eve", NOON)
    for now in (NOON + HOUR, NOON + 2 * DAY + HOUR):
        shop.tick(now)
    assert [row[:4] for row in shop.touches()] == [
        ("d", "alice", "hello", "sent"),
        ("d", "alice", "again", "sent"),
        ("d", "eve", "hello", "sent"),
        ("d", "eve", "again", "sent"),
    ]
    assert [one.campaign for one in shop.sums()] == ["d"]
    with shop.store.read() as conn:
        assert [(one.name, one.status) for one in standings(conn)] == [("d", "live")]


def test_whoever_was_in_it_under_its_old_name_does_not_enter_again(shop: Shop) -> None:
    start(shop)
    sign_up(shop, "alice")
    shop.tick()
    rename(shop)
    shop.publish(NOON + HOUR)
    shop.tick(NOON + HOUR)
    assert len(shop.enrolments()) == 1


def test_occasions_of_the_old_name_count(shop: Shop) -> None:
    keys = {"kind": "occasion", "enter": "{date: birthday}"}
    start(shop, NOON - DAY, **keys)
    shop.customer("alice", birthday="1990-06-15")
    shop.tick()
    rename(shop, **keys)
    shop.publish(NOON)
    shop.tick(NOON + HOUR)
    assert [row[:3] for row in shop.enrolments()] == [("d", "alice", "2026")]


def test_saying_it_again_changes_nothing(shop: Shop) -> None:
    start(shop)
    rename(shop)
    shop.publish()
    assert shop.publish(NOON + DAY) == []


def test_a_campaign_that_goes_live_under_a_new_name_stays_live_since_the_beginning(shop: Shop) -> None:
    start(shop)
    rename(shop)
    shop.publish(NOON + DAY)
    with shop.store.read() as conn:
        assert standing(conn, "d").live_since == NOON


def test_decisions_of_splits_go_along(shop: Shop) -> None:
    start(shop)
    row = {"campaign": "c", "step": "s", "decided_at": NOON, "winner": None, "figures": {}}
    shop.store.write(lambda conn: conn.execute(split_decision.insert().values(row)))
    rename(shop)
    shop.publish()
    with shop.store.read() as conn:
        assert conn.execute(select(split_decision.c.campaign)).scalar_one() == "d"


def test_what_providers_know_mails_by_stays_the_same(shop: Shop) -> None:
    from crm_store.ledger.reference import natural_keys

    start(shop, steps=TWO_MAILS)
    sign_up(shop, "alice")
    shop.tick()
    with shop.store.read() as conn:
        before = natural_keys(conn, [1])
    rename(shop, steps="[{send: hello, name: greeting, was: hello}, {wait: 2 days}, {send: again}]", changes="follow")
    shop.publish()
    assert shop.touches()[0][:3] == ("d", "alice", "greeting")
    with shop.store.read() as conn:
        assert natural_keys(conn, [1]) == before


def test_a_name_that_was_published_before_takes_over_if_nobody_entered_under_it(shop: Shop) -> None:
    start(shop)
    sign_up(shop, "alice")
    shop.tick()
    rename(shop, was=None, status="draft", enter="{event: order}")
    shop.publish()
    shop.campaign("d", journey(was="c", title="Another"))
    shop.publish()
    assert [row[0] for row in shop.enrolments()] == ["d"]


def test_two_histories_are_not_made_one(shop: Shop) -> None:
    start(shop)
    shop.campaign("d", journey(enter="{event: order}"))
    shop.publish()
    sign_up(shop, "alice")
    shop.event("alice", "order", HOUR)
    shop.tick()
    rename(shop)
    with pytest.raises(StoreError, match="campaign 'd' says `was: c`, but each of the two has customers of its own"):
        shop.publish()
    assert {row[0] for row in shop.enrolments()} == {"c", "d"}


class Killed(Exception):
    """The process has died."""


def dies_after(shop: Shop, commits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next `publish` commits so many transactions, and no more."""
    write, left = shop.store.write, [commits]

    def counted(work: Callable[..., Any], *args: Any) -> Any:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return write(work, *args)

    monkeypatch.setattr(shop.store, "write", counted)
    with pytest.raises(Killed):
        shop.publish(NOON + HOUR)
    monkeypatch.undo()


@pytest.mark.parametrize("commits", [1, 2, 4, 7, 11])
def test_a_rename_that_was_killed_in_the_middle_goes_on(shop: Shop, commits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    start(shop, steps="[{send: gift, offer: treat}, {wait: 2 days}, {send: again}]", offers=OFFERS)
    for key in ("alice", "bob", "carol"):
        sign_up(shop, key)
    shop.tick()
    rename(shop, steps="[{send: gift, offer: treat}, {wait: 2 days}, {send: again}]", offers=OFFERS)
    monkeypatch.setattr(renaming, "SLICE", 1)
    dies_after(shop, commits, monkeypatch)
    shop.deliver(NOON + HOUR)
    for now in (NOON + HOUR, NOON + 2 * DAY):
        shop.tick(now)
    assert [row[:4] for row in shop.touches()] == [
        ("d", key, step, "sent") for key in ("alice", "bob", "carol") for step in ("gift", "again")
    ]
    assert [(one.campaign, one.holds) for one in shop.sums()] == [("d", True)]
    with shop.store.read() as conn:
        assert set(conn.execute(select(offer.c.campaign)).scalars()) == {"d"}


def test_no_transaction_of_a_rename_grows_with_history(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    start(shop, steps=TWO_MAILS)
    for key in ("alice", "bob", "carol"):
        sign_up(shop, key)
    shop.tick()
    rename(shop, steps=TWO_MAILS)
    monkeypatch.setattr(renaming, "SLICE", 2)
    changed: list[int] = []

    @event.listens_for(shop.store.engine, "after_cursor_execute")
    def after(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE") and "campaign=" in statement:
            changed.append(cursor.rowcount)

    shop.publish(NOON + HOUR)
    assert max(changed) == 2
    assert changed.count(2) == 2  # of three enrolments, and of three touches


# A rename that does not say so


def test_a_rename_without_was_is_refused_while_customers_are_under_way(shop: Shop) -> None:
    start(shop, steps=TWO_MAILS)
    sign_up(shop, "alice")
    shop.tick()
    rename(shop, was=None, steps=TWO_MAILS)
    with pytest.raises(ContentError) as refused:
        shop.publish()
    assert str(refused.value) == (
        "config/campaigns/d.yaml:1: looks like campaign 'c', whose file is gone while 1 of its customers are under way; "
        "write `was: c` into it, or put config/campaigns/c.yaml back (`status: ended` ends it)"
    )
    assert held(shop) == ("live", None, None)


def test_it_is_not_refused_when_nobody_is_under_way(shop: Shop) -> None:
    start(shop)
    rename(shop, was=None)
    assert shop.publish() == ["campaign d", "campaign c (its file is gone: held)"]


def test_a_file_that_looks_otherwise_is_another_campaign(shop: Shop) -> None:
    start(shop, steps=TWO_MAILS)
    sign_up(shop, "alice")
    shop.tick()
    take_away(shop)
    other = {"kind": "winback", "topic": "news", "enter": "{lapse: order, after: 9 days}", "steps": "[{send: again}]"}
    shop.campaign("d", journey(**other))
    assert shop.publish() == ["campaign d", "campaign c (its file is gone: held)"]


def test_comments_make_no_file_another(shop: Shop) -> None:
    start(shop, steps=TWO_MAILS)
    sign_up(shop, "alice")
    shop.tick()
    text = take_away(shop)
    shop.campaign("d", "# one\n# two\n# three\n# four\n# five\n" + text.replace("\n", " # a word\n\n"))
    with pytest.raises(ContentError, match="looks like campaign 'c'"):
        shop.publish()
