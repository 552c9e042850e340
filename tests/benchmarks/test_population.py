"""The made-up stores that benchmarks measure on."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, Table, func, select

from benchmarks.draws import Calendar, amounts, lines, orders, people
from benchmarks.population import fill, make_once
from benchmarks.shape import NOW, load_shape
from benchmarks.stores import exists, making
from crm_store.intake.buckets import bucket_of
from crm_store.schema import METADATA, consent, consent_state, customer, customer_change, event, event_item, tally, touch
from crm_store.store import open_store
from tests.benchmarks.conftest import SIZE


def count(conn: Connection, table: Table) -> int:
    return conn.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_store_holds_together(filled: Connection) -> None:
    assert count(filled, customer) == SIZE
    assert count(filled, event) == pytest.approx(10 * SIZE, rel=0.05)
    for table in METADATA.sorted_tables:
        for key in table.foreign_keys:
            lonely = select(func.count()).where(key.parent.is_not(None), key.parent.not_in(select(key.column)))
            assert filled.execute(lonely).scalar_one() == 0, key
    for key, bucket in filled.execute(select(customer.c.key, customer.c.bucket)):
        assert bucket == bucket_of(key)


def test_tallies_are_in_step_with_events(filled: Connection) -> None:
    found = defaultdict(list)
    for row in filled.execute(select(event)):
        found[(row.kind, row.customer_id, row.currency or "")].append(row)
    expected = {
        (*key, len(rows), sum(row.amount or 0 for row in rows), min(row.at for row in rows), max(row.at for row in rows))
        for key, rows in found.items()
    }
    assert {tuple(row) for row in filled.execute(select(tally))} == expected


def test_the_last_of_the_history_is_the_state(filled: Connection) -> None:
    last = {
        (row.customer_id, row.topic): (row.state, row.at)
        for row in filled.execute(select(consent).order_by(consent.c.at, consent.c.id))
    }
    states = {(row.customer_id, row.topic): (row.state, row.at) for row in filled.execute(select(consent_state))}
    assert states == last


def test_the_last_change_is_what_the_customer_has(filled: Connection) -> None:
    chosen = select(customer.c.attributes, customer_change.c.old, customer_change.c.new).join(customer_change)
    rows = filled.execute(chosen).all()
    assert rows
    assert all(row.attributes["tier"] == row.new != row.old for row in rows)


def test_a_little_lies_after_now(filled: Connection) -> None:
    for column in (event.c.at, touch.c.sent_at):
        later = filled.execute(select(func.count()).where(column > NOW)).scalar_one()
        assert 0 < later < count(filled, column.table) / 20


def test_every_index_is_there_again(filled: Connection) -> None:
    of_sqlite = filled.dialect.name == "sqlite"  # whose indexes of expressions SQLAlchemy does not read
    names = "name FROM sqlite_master WHERE type = 'index'" if of_sqlite else "indexname FROM pg_indexes"
    there = set(filled.exec_driver_sql(f"SELECT {names}").scalars())
    assert {index.name for table in METADATA.sorted_tables for index in table.indexes} <= there


@pytest.mark.long
def test_the_same_size_gives_the_same_store(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.db", "other.db")]
    for file in files:
        fill(f"sqlite:///{file}", 20)
    contents = []
    for file in files:
        store = open_store(f"sqlite:///{file}", Path("/"))
        with store.read() as conn:
            contents.append([conn.execute(select(table)).all() for table in (customer, event, event_item, touch)])
        store.close()
    assert contents[0] == contents[1]


@pytest.mark.long
def test_a_store_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    assert not exists(url)
    make_once(url, 20)
    assert "made" in capsys.readouterr().err
    make_once(url, 20)
    assert capsys.readouterr().err == ""


def test_a_store_that_is_broken_off_does_not_count(bare_url: str) -> None:
    def break_off() -> None:
        with making(wanted):
            raise KeyboardInterrupt

    wanted = bare_url.replace("/bare.db", "/wanted.db")
    if bare_url.startswith("postgresql"):
        base, _, query = bare_url.partition("?")
        wanted = f"{base}_wanted" + (f"?{query}" if query else "")
    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert not exists(wanted)
    with making(wanted) as half:
        fill(half, 20)
    assert exists(wanted)


def test_the_figures_are_those_of_the_load_shape() -> None:
    """load_shape.json: 2.357 orders each, 60.8 % with one order, 99th percentile 16; lines scaled by an eighth of 21.5."""
    shape = load_shape()
    them = people(shape, 20_000)
    bought = orders(shape, them, Calendar(shape))
    each = np.bincount(bought.owner)[~them.prospect[: bought.owner.max() + 1]]
    assert each.mean() == pytest.approx(2.357, rel=0.03)
    assert (each == 1).mean() == pytest.approx(0.608, abs=0.02)
    assert np.percentile(each, 99) == pytest.approx(16, abs=2)
    worth = amounts(shape, them.size, bought)
    assert np.median(worth) / 100 == pytest.approx(27.23, rel=0.1)
    per_order = np.bincount(lines(shape, worth).order)
    assert per_order.mean() == pytest.approx(21.5 * shape.lines_scale, rel=0.1)
    assert (them.prospect.mean(), len(each)) == (pytest.approx(0.1, abs=0.01), (~them.prospect).sum())
