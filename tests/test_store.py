"""Opening a store: what is made, migrated, refused and why; and what its transactions promise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text, update

from crm_store import migrate
from crm_store import store as store_module
from crm_store.clock import machine_instant
from crm_store.errors import StoreError, UsageError
from crm_store.schema import METADATA, SCHEMA_VERSION, product
from crm_store.store import (
    Store,
    assert_durable,
    connect,
    machine_now,
    memory_store,
    open_store,
    parse_url,
    rehearse,
    upgrade_store,
)

HERE = Path("/")


def add(conn: Connection, key: str = "beans") -> None:
    conn.execute(insert(product), {"key": key, "attributes": {}, "stub": 0})


def keys(store: Store) -> list[str]:
    with store.read() as conn:
        return list(conn.execute(select(product.c.key).order_by(product.c.key)).scalars())


def version(store: Store) -> str | None:
    return migrate.version_of(store.engine)


@pytest.fixture
def older(bare_url: str) -> str:
    """A store as the first migration left it, with a product in it."""
    _make_older(bare_url)
    return bare_url


@pytest.fixture
def older_file(tmp_path: Path) -> Path:
    _make_older(f"sqlite:///{tmp_path / 'older.db'}")
    return tmp_path / "older.db"


def _make_older(url: str) -> None:
    with closing(connect(parse_url(url, HERE))) as store:
        migrate.upgrade(store.engine, "0001")
        store.write(add)


def found(url: str) -> tuple[str | None, list[str]]:
    """The schema version and the products of a store, as they are."""
    with closing(connect(parse_url(url, HERE))) as store:
        return version(store), keys(store)


def opened(url: str, base: Path = HERE) -> tuple[str | None, list[str]]:
    """The same, after it has been opened as commands do."""
    open_store(url, base).close()
    return found(str(parse_url(url, base)))


# Opening


def test_a_new_sqlite_file_is_made_with_the_newest_schema(tmp_path: Path) -> None:
    assert opened("sqlite:///new.db", tmp_path) == (SCHEMA_VERSION, [])
    assert [path.name for path in tmp_path.iterdir()] == ["new.db"]


def test_an_older_sqlite_file_is_backed_up_then_migrated_with_its_data(older_file: Path) -> None:
    assert opened("sqlite:///older.db", older_file.parent) == (SCHEMA_VERSION, ["beans"])
    (backup,) = older_file.parent.glob("older.db.before-*")
    assert found(f"sqlite:///{backup}") == ("0001", ["beans"])


def test_an_up_to_date_store_is_opened_as_it_is(store_url: str, tmp_path: Path) -> None:
    with closing(open_store(store_url, HERE)) as store:
        store.write(add)
    assert opened(store_url) == (SCHEMA_VERSION, ["beans"])
    assert not list(tmp_path.glob("*.before-*"))


HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1])
held.execute("SELECT 1 FROM product").fetchall()
print("held", flush=True)
input()
"""


@pytest.fixture
def held(older_file: Path) -> Iterator[Path]:
    """A file that another process has open."""
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(older_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    yield older_file
    child.communicate(b"\n")


def test_an_older_sqlite_file_that_another_process_has_open_is_refused_untouched(held: Path) -> None:
    with pytest.raises(StoreError) as raised:
        open_store("sqlite:///older.db", held.parent)
    assert str(raised.value) == (
        f"store {held} has schema 0001, this program needs {SCHEMA_VERSION}, and another program has it open; "
        "stop that, then run `rapport store upgrade`"
    )
    assert not list(held.parent.glob("*.before-*"))
    assert found(f"sqlite:///{held}") == ("0001", ["beans"])


def test_a_newer_store_is_refused_on_both_databases(store_url: str) -> None:
    with closing(open_store(store_url, HERE)) as store:
        store.write(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    for opening in (open_store, upgrade_store):
        with pytest.raises(StoreError, match=r"has schema 9999, newer than this program \(\d+\); upgrade Rapport"):
            opening(store_url, HERE)


only_postgresql = pytest.mark.parametrize("bare_url", ["postgresql"], indirect=True)


@only_postgresql
def test_an_empty_postgresql_is_refused_with_the_way_out(bare_url: str) -> None:
    with pytest.raises(StoreError, match=r"has no tables of Rapport's yet, .*; run `rapport store upgrade`"):
        open_store(bare_url, HERE)


@only_postgresql
def test_an_older_postgresql_is_refused_with_the_way_out(older: str) -> None:
    with pytest.raises(StoreError, match=r"has schema 0001, this program needs \d+; run `rapport store upgrade`"):
        open_store(older, HERE)
    assert found(older) == ("0001", ["beans"])


def test_an_upgrade_goes_from_any_schema_to_the_newest_and_keeps_the_data(older: str) -> None:
    had, backup = upgrade_store(older, HERE)
    assert had == "0001"
    assert (backup is not None) == older.startswith("sqlite")
    assert opened(older) == (SCHEMA_VERSION, ["beans"])


def test_an_upgrade_makes_an_empty_store(bare_url: str) -> None:
    assert upgrade_store(bare_url, HERE) == (None, None)
    assert opened(bare_url) == (SCHEMA_VERSION, [])


def test_a_second_upgrade_does_nothing(older: str, tmp_path: Path) -> None:
    upgrade_store(older, HERE)
    backups = list(tmp_path.glob("*.before-*"))
    assert upgrade_store(older, HERE) == (SCHEMA_VERSION, None)
    assert list(tmp_path.glob("*.before-*")) == backups


def test_a_migration_that_fails_changes_nothing(older: str) -> None:
    with closing(connect(parse_url(older, HERE))) as raw:
        raw.write(lambda conn: conn.execute(text("CREATE TABLE touch (id INTEGER)")))  # in the second migration's way
    with pytest.raises(StoreError, match=r"can't be migrated, and is as it was: .*touch.* already exists"):
        upgrade_store(older, HERE)
    assert found(older) == ("0001", ["beans"])
    with closing(connect(parse_url(older, HERE))) as after, after.read() as conn:
        assert not conn.dialect.has_table(conn, "campaign")


# What can't be opened


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to look at " * 40)
    with pytest.raises(StoreError, match=r"notes.txt is not an SQLite database; name another file"):
        open_store("sqlite:///notes.txt", tmp_path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none/x.db can't be opened; does its folder exist, and may you write there\?"):
        open_store("sqlite:///none/x.db", tmp_path)


UNREACHABLE = {
    "postgresql://ann:s3cret@127.0.0.1:1/db": "can't be reached: connection failed",
    "postgresql://ann:s3cret@no-such-host.invalid/db": "can't be reached: ",
    "postgresql://ann:s3cret@127.0.0.1:1/db?colour=red": "can't be reached: ",
}
WRONG = {
    "rapport.db": "--store is not an address; write sqlite:///file.db or postgresql://host/database",
    "": "--store is not an address; write sqlite:///file.db or postgresql://host/database",
    "postgresql://ann:s3cret@host:port/db": "--store is not an address",
    "mysql://ann:s3cret@host/db": "store 'mysql' is not known; use sqlite:///file.db or postgresql://...",
    "nonsense://ann:s3cret@host/db": "store 'nonsense' is not known; use sqlite:///file.db or postgresql://...",
    "sqlite://": "--store names no file; write e.g. sqlite:///rapport.db",
    "sqlite:///:memory:": "--store names no file; write e.g. sqlite:///rapport.db",
}


@pytest.mark.parametrize("url", UNREACHABLE)
def test_a_server_that_cannot_be_reached_is_said_in_one_line_without_its_password(url: str) -> None:
    with pytest.raises(StoreError) as raised:
        open_store(url, HERE)
    assert UNREACHABLE[url] in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("url", WRONG)
def test_an_address_that_means_nothing_is_said_in_one_line_without_its_password(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        open_store(url, HERE)
    assert str(raised.value).startswith(WRONG[url])
    assert "s3cret" not in str(raised.value)


@only_postgresql
@pytest.mark.parametrize("other", ["no_such_database", "postgres?user=nobody_at_all"])
def test_what_a_postgresql_server_refuses_is_said(bare_url: str, other: str) -> None:
    base, _, query = bare_url.partition("?")
    url = f"{base.rpartition('/')[0]}/{other}" + (("&" if "?" in other else "?") + query if query else "")
    with pytest.raises(StoreError, match=r"can't be reached: .*(no_such_database|nobody_at_all|No such file)"):
        open_store(url, HERE)


def test_a_relative_file_is_below_the_workspace_and_an_absolute_one_is_not(tmp_path: Path) -> None:
    assert parse_url("sqlite:///a/b.db", tmp_path).database == str(tmp_path / "a/b.db")
    assert parse_url("sqlite:////a/b.db", tmp_path).database == "/a/b.db"


def test_the_driver_is_ours_whatever_the_address_says(tmp_path: Path) -> None:
    assert parse_url("postgresql+asyncpg://h/d", tmp_path).drivername == "postgresql+psycopg"
    assert parse_url("sqlite+aiosqlite:///x.db", tmp_path).drivername == "sqlite"


# Transactions


def test_what_is_written_is_there_afterwards(store: Store) -> None:
    store.write(add)
    assert keys(store) == ["beans"]


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    def half(conn: Connection) -> None:
        add(conn)
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        store.write(half)
    assert keys(store) == []


def test_a_read_writes_nothing(store: Store) -> None:
    with store.read() as conn:
        add(conn)
    assert keys(store) == []


def test_a_statement_that_is_wrong_stays_the_databases_own_error(store: Store) -> None:
    store.write(add)
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.write(add)


def test_a_snapshot_that_others_have_overtaken_is_run_again(store: Store, store_url: str) -> None:
    store.write(add)
    tries: list[str | None] = []

    def rename(conn: Connection, other: Store) -> None:
        tries.append(conn.execute(select(product.c.title)).scalar())
        if len(tries) == 1 and store.dialect == "postgresql":  # on SQLite nobody else could
            other.write(lambda conn: conn.execute(update(product).values(title="theirs")))
        conn.execute(update(product).values(title="ours", stub=product.c.stub + 1))

    with closing(open_store(store_url, HERE)) as other:
        store.write_snapshot(rename, other)
    assert tries == ([None, "theirs"] if store.dialect == "postgresql" else [None])
    with store.read() as conn:
        assert tuple(conn.execute(select(product.c.title, product.c.stub)).one()) == ("ours", 1)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_an_sqlite_write_takes_its_lock_before_it_reads(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.01)

    def look_only(conn: Connection, other: Store) -> str:
        conn.execute(select(func.count()).select_from(product))
        with pytest.raises(StoreError, match="stays locked; another program holds it"):
            other.write(add)
        return "done"

    with closing(connect(store.engine.url)) as impatient:
        assert store.write(look_only, impatient) == "done"
    assert keys(store) == []


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_an_sqlite_reader_waits_for_nobody_and_sees_one_snapshot(store: Store) -> None:
    with store.read() as conn:
        before = conn.execute(select(func.count()).select_from(product)).scalar_one()
        store.write(add)
        assert conn.execute(select(func.count()).select_from(product)).scalar_one() == before == 0
    assert keys(store) == ["beans"]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_an_sqlite_connection_is_set_up_as_the_design_says(store: Store) -> None:
    with store.read() as conn:
        found = [
            conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]


def test_commits_outlive_a_power_cut(store: Store) -> None:
    store.write(assert_durable)


def test_a_connection_whose_commits_do_not_is_refused(store: Store) -> None:
    careless = "SET synchronous_commit = off" if store.dialect == "postgresql" else "PRAGMA synchronous = OFF"
    with store.engine.connect() as conn:
        conn.connection.driver_connection.execute(careless)  # type: ignore[union-attr]  # before a transaction begins
        with pytest.raises(StoreError, match="does not flush commits to disk; switch"):
            assert_durable(conn)


def test_leases_are_held_by_the_databases_clock(store: Store) -> None:
    with store.read() as conn:
        first, second = machine_now(conn), machine_now(conn)
    assert first < second
    assert abs((first - machine_instant()).total_seconds()) < 60


# Rehearsals


def test_a_rehearsal_sees_what_it_does_and_undoes_everything(store: Store) -> None:
    store.write(add)
    with rehearse(store) as rehearsal:
        rehearsal.write(add, "tea")
        rehearsal.write_snapshot(add, "milk")
        assert keys(rehearsal) == ["beans", "milk", "tea"]
    assert keys(store) == ["beans"]


def test_a_write_that_fails_in_a_rehearsal_is_undone_alone(store: Store) -> None:
    with rehearse(store) as rehearsal:
        rehearsal.write(add, "tea")
        with pytest.raises(Exception, match=r"(?i)unique"):
            rehearsal.write(add, "tea")
        assert keys(rehearsal) == ["tea"]
    assert keys(store) == []


def test_a_rehearsal_that_fails_leaves_nothing_either(store: Store) -> None:
    def fail(rehearsal: Store) -> None:
        rehearsal.write(add)
        raise RuntimeError("stop")

    with rehearse(store) as rehearsal, pytest.raises(RuntimeError, match="stop"):
        fail(rehearsal)
    assert keys(store) == []


def test_a_store_in_memory_is_gone_when_it_is_closed() -> None:
    with closing(memory_store()) as store:
        store.write(METADATA.create_all)
        store.write(add)
        assert keys(store) == ["beans"]
    with closing(memory_store()) as store, store.read() as conn:
        assert not conn.dialect.has_table(conn, "product")


def test_json_is_kept_with_its_numbers(store: Store) -> None:
    from decimal import Decimal

    kept: dict[str, Any] = {"text": "Zoë", "whole": Decimal(5), "part": Decimal("0.5"), "yes": True, "nothing": None}
    store.write(lambda conn: conn.execute(insert(product), {"key": "x", "attributes": kept, "stub": 0}))
    with store.read() as conn:
        found = conn.execute(select(product.c.attributes)).scalar_one()
    assert found == {"text": "Zoë", "whole": 5, "part": 0.5, "yes": True, "nothing": None}
