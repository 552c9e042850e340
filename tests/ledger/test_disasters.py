"""The database goes away in mid-batch; a disk is full; many deliver at once: nothing is lost, nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from crm_store.errors import StoreError
from crm_store.ledger.dispatch import Answer
from crm_store.ledger.settling import settle
from outreach.channels.base import Mail
from tests.journeys.files import sums_hold
from tests.ledger.channels import Told, accept, use
from tests.ledger.clocks import clock_of
from tests.ledger.processes import child, heard, tell
from tests.ledger.rows import by_customer, planned, run_out_leases
from tests.world import NOON, SETTINGS, Shop

PEOPLE = tuple(f"c{n}" for n in range(6))
ON_POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@ON_POSTGRESQL
def test_an_answer_outlives_a_database_that_goes_away_while_it_is_waited_for(
    shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_of(shop)

    def cut(mails: Sequence[Mail]) -> Answer:
        with psycopg.connect(store_url, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return accept(mails)

    channel = use(Told(cut, per_request=2), monkeypatch)
    planned(shop, *PEOPLE)
    shop.deliver()
    assert sorted(channel.addresses) == [f"{key}@example.com" for key in PEOPLE]
    assert set(by_customer(shop, "state").values()) == {"sent"}
    assert sums_hold(shop)


def test_an_answer_that_can_not_be_written_is_tried_again_every_second(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, write, failures = clock_of(shop), shop.store.write, [StoreError("no room")] * 2

    def full(work: Callable[..., Any], *args: Any) -> Any:
        if work is settle and failures:
            raise failures.pop()
        return write(work, *args)

    use(Told(accept), monkeypatch)
    planned(shop, *PEOPLE)
    monkeypatch.setattr(shop.store, "write", full)
    shop.deliver()
    assert (failures, clock.slept) == ([], [1, 1])
    assert set(by_customer(shop, "state").values()) == {"sent"}


@ON_SQLITE
def test_a_store_whose_disk_is_full_says_so_and_sends_nothing_that_it_can_not_name(shop: Shop) -> None:
    many = tuple(f"c{n:02}" for n in range(60))
    planned(shop, *many)
    most = 1

    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")  # a lower one than there are means: no more

    event.listen(shop.store.engine, "checkout", limit)
    with pytest.raises(StoreError, match="has no room left on its disk"):
        shop.deliver()
    assert shop.mails() == []
    most = 1_000_000
    run_out_leases(shop)
    shop.tick()
    assert len(shop.mails()) == len(many)
    assert sums_hold(shop)


@pytest.mark.parametrize("workers", [2, 4])
def test_as_many_deliverers_as_you_like_send_each_mail_once(shop: Shop, store_url: str, workers: int) -> None:
    shop.write({"config/rapport.yaml": SETTINGS + "delivery: {batch: 3}\n"})
    keys = tuple(f"c{n:02}" for n in range(24))
    planned(shop, *keys)
    shop.store.close()
    with ExitStack() as stack:
        processes = [stack.enter_context(child("tick", store_url, shop)) for _ in range(workers)]
        assert {heard(one) for one in processes} == {"ready"}
        for one in processes:
            tell(one, NOON.isoformat())
        assert {heard(one) for one in processes} == {"done"}
    assert set(by_customer(shop, "state").values()) == {"sent"}
    files = [path.name for path in Path(shop.root / "outbox").glob("*/*.eml")]
    assert len(files) == len(keys)
    assert not [name for name in files if "-" in name]
