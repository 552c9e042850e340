"""A copy of the store put back: what may have been sent since is held in doubt, whoever puts it back, and however."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from crm_store.errors import StoreError, UsageError
from crm_store.ledger.log import Order
from crm_store.ledger.restoring import begin_new_life
from crm_store.store import copy_to, open_store, put_back
from outreach.events import take, take_up
from tests.copies import copy_of, shop_on
from tests.journeys.files import journey, sums_hold
from tests.ledger.rows import by_customer
from tests.world import NOON, Shop

DAY = timedelta(days=1)
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
LATER = NOON + timedelta(hours=6)


def birthdays(shop: Shop) -> None:
    """Alice's birthday mail is due; Bob's will be, in the evening."""
    shop.campaign("c", journey(kind="occasion", enter="{date: birthday, at: '13:00'}"))
    shop.publish(NOON - DAY)
    shop.customer("alice", birthday="--06-15", time_zone="Europe/Berlin")
    shop.customer("bob", birthday="--06-15", time_zone="America/New_York")
    shop.plan(NOON)


def test_after_a_restore_of_a_copy_from_before_a_birthday_run_nobody_gets_a_second_mail(shop: Shop, store_url: str) -> None:
    birthdays(shop)
    assert by_customer(shop, "state") == {"alice": "due"}
    shop.store.close()
    with copy_of(store_url) as copy:
        shop.tick(LATER)
        assert by_customer(shop, "state") == {"alice": "sent", "bob": "sent"}
        references = [mail["Message-ID"].strip("<>").partition("@")[0] for mail in shop.mails()]
        shop.store.close()
        with shop_on(copy, shop.root) as again:
            assert begin_new_life(again.store, LATER, Order("ann")) == 1
            again.tick(LATER)
            assert by_customer(again, "state", "reason") == dict.fromkeys(("alice", "bob"), ("in_doubt", "restored"))
            assert len(again.mails()) == 2
            assert sums_hold(again)
            again.customer("eve", birthday="--06-16", time_zone="Europe/Berlin")
            again.tick(NOON + DAY)
            assert by_customer(again, "state")["eve"] == "sent"
            told = [
                {"event": "delivered", "timestamp": 1_781_524_800, "sg_event_id": str(name), "rapport_touch": one}
                for name, one in enumerate(references)
            ]
            take(again.store, "sendgrid", told)
            assert by_customer(again, "state") == dict.fromkeys(("alice", "bob", "eve"), "sent")


def test_events_of_an_earlier_life_wait_for_the_touch_that_is_planned_again(shop: Shop, store_url: str) -> None:
    birthdays(shop)
    shop.store.close()
    with copy_of(store_url) as copy:
        shop.tick(LATER)
        (bob,) = [mail for mail in shop.mails() if "bob" in str(mail["To"])]
        shop.store.close()
        with shop_on(copy, shop.root) as again:
            begin_new_life(again.store, LATER, Order("ann"))
            reference = bob["Message-ID"].strip("<>").partition("@")[0]
            raw = {"event": "delivered", "timestamp": 1_781_524_800, "sg_event_id": "1", "rapport_touch": reference}
            assert take(again.store, "sendgrid", [raw]).told.aside == 1
            again.plan(LATER)
            assert by_customer(again, "state") == {"alice": "in_doubt", "bob": "in_doubt"}
            assert take_up(again.store).settled == 1
            assert by_customer(again, "state") == {"alice": "in_doubt", "bob": "sent"}


@ON_SQLITE
def test_a_file_that_was_simply_copied_back_is_noticed_and_nothing_leaves(shop: Shop, store_url: str) -> None:
    birthdays(shop)
    shop.store.close()
    file = Path(store_url.removeprefix("sqlite:///"))
    shutil.copy(file, file.with_suffix(".copy"))
    shop.deliver(LATER)
    shop.store.close()
    shutil.copy(file.with_suffix(".copy"), file)
    with pytest.raises(StoreError, match=r"is a copy from before the last mails left.*run `rapport store restore`"):
        shop.deliver(LATER)
    assert by_customer(shop, "state") == {"alice": "due"}
    begin_new_life(shop.store, LATER, Order("ann"))
    shop.deliver(LATER)
    assert (by_customer(shop, "state"), len(shop.mails())) == ({"alice": "in_doubt"}, 1)


@ON_SQLITE
def test_a_store_goes_on_where_its_mark_was_lost(shop: Shop, store_url: str) -> None:
    birthdays(shop)
    shop.deliver(LATER)
    Path(store_url.removeprefix("sqlite:///") + ".mark").unlink()
    shop.deliver(LATER)
    assert by_customer(shop, "state") == {"alice": "sent"}


@ON_SQLITE
def test_a_backup_is_the_store_at_one_instant_and_comes_back_as_it_was(shop: Shop, store_url: str, tmp_path: Path) -> None:
    birthdays(shop)
    copy = tmp_path / "monday.db"
    copy_to(shop.store, copy)
    with pytest.raises(UsageError, match="is there already"):
        copy_to(shop.store, copy)
    shop.tick(LATER)
    shop.store.close()
    kept = put_back(store_url, Path("/"), copy)
    assert by_customer(shop, "state") == {"alice": "due"}
    with shop_on(f"sqlite:///{kept}", shop.root) as before:
        assert by_customer(before, "state") == {"alice": "sent", "bob": "sent"}


def test_what_is_no_copy_is_not_put_back(store_url: str, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    for name in ("missing.db", "empty.db"):
        with pytest.raises((UsageError, StoreError), match=r"name a file that|only an SQLite store"):
            put_back(store_url, Path("/"), tmp_path / name)
    open_store(store_url, Path("/")).close()
