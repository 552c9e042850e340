"""The store: one SQLite file or one PostgreSQL database, and the transactions everything else runs in."""

from __future__ import annotations

import random
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import BigInteger, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from crm_store import lives, migrate, sqlitefunctions
from crm_store.clock import MachineClock, from_micros, machine_instant
from crm_store.errors import StoreError, UsageError
from crm_store.jsontexts import from_json, to_json

P = ParamSpec("P")
T = TypeVar("T")

BUSY_SECONDS = 60
RETRIES = 50
# WAL: readers never wait. FULL: a commit outlives a power cut. Checkpoints every 32 MB instead of 4, each costs a sync.
# A connection keeps 16 MB of pages: a drain has several of them in several processes, and 64 made nothing faster.
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    "wal_autocheckpoint = 8000",
    "cache_size = -16384",
)
_JSON: dict[str, Any] = {"json_serializer": to_json, "json_deserializer": from_json}
_TRY_AGAIN = {"40001", "40P01"}  # serialization failure, deadlock: PostgreSQL asks to run the transaction again


class Store:
    """Reads and writes of one store. A write is a function of a connection: it runs in one transaction, again if the
    database asks for it, so it must have no effect but on that connection."""

    def __init__(self, engine: Engine, location: str) -> None:
        self.engine = engine
        self.location = location
        self.clock = MachineClock()

    def use_clock(self, clock: MachineClock) -> None:
        """Go by another machine clock, on PostgreSQL too, whose own is used otherwise."""
        self.clock = clock
        self.engine.update_execution_options(machine_clock=clock)

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    @property
    def shared(self) -> str | None:
        """The address, with its password, by which another process opens the same store; None for one that only this
        process sees as it is: in memory, in a rehearsal, by another clock."""
        alone = (self.dialect == "sqlite" and self.engine.url.database is None) or type(self.clock) is not MachineClock
        return None if alone else self.engine.url.render_as_string(hide_password=False)

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for a store that is none."""
        database = self.engine.url.database if self.dialect == "sqlite" else None
        return Path(database) if database else None

    def assert_newest(self, requests: int) -> None:
        """Raise StoreError if the store, which knows of so many requests, is a copy from before others were sent."""
        if self.file is not None:
            lives.assert_newest(lives.mark_of(self.file), requests, self.location)

    def remember(self, requests: int) -> None:
        """Mark beside the store that so many requests were sent from it."""
        if self.file is not None:
            lives.advance_or_warn(lives.mark_of(self.file), requests)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one snapshot (SQLite) or the latest commits (PostgreSQL); it writes nothing."""
        try:
            with self.engine.connect() as conn:
                yield conn
        except DBAPIError as error:
            raise _explained(error, self.location) from error

    def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(conn, ...)` in one write transaction. Raises StoreError if the store stays locked."""
        return self._transact({"write": True}, lambda conn: work(conn, *args, **kwargs))

    def write_surely(
        self, until: float, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same for what would be lost otherwise: again every second, while the database is away or its disk is full,
        up to the instant `until` of the monotonic clock."""
        while True:
            try:
                return self.write(work, *args, **kwargs)
            except (StoreError, OperationalError):
                if self.clock.monotonic() >= until:
                    raise
                self.clock.sleep(1)

    def write_snapshot(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same, where every statement sees the store as at the transaction's start."""
        options: dict[str, Any] = {"write": True}
        if self.dialect == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        return self._transact(options, lambda conn: work(conn, *args, **kwargs))

    def _transact(self, options: dict[str, Any], work: Callable[[Connection], T]) -> T:
        for attempt in range(RETRIES):
            try:
                with self.engine.connect() as conn:
                    conn = conn.execution_options(**options)
                    with conn.begin():
                        return work(conn)
            except DBAPIError as error:
                if not _worth_retrying(error) or attempt == RETRIES - 1:
                    raise _explained(error, self.location) from error
                time.sleep(random.uniform(0, 0.01 * (attempt + 1)))
        raise StoreError(f"store {self.location} stays locked; is another program holding it?")

    def close(self) -> None:
        self.engine.dispose()


class Rehearsal(Store):
    """A store whose writes are all undone when `rehearse` ends: for dry runs through the real code."""

    def __init__(self, store: Store, conn: Connection) -> None:
        super().__init__(store.engine, store.location)
        self._conn = conn

    @property
    def shared(self) -> None:
        return None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        yield self._conn

    def _transact(self, options: dict[str, Any], work: Callable[[Connection], T]) -> T:  # one outer transaction serves all
        with self._conn.begin_nested():
            return work(self._conn)


@contextmanager
def rehearse(store: Store) -> Iterator[Rehearsal]:
    """A rehearsal on the store as it is; at the end nothing of it has happened."""
    with store.engine.connect() as conn:
        conn = conn.execution_options(write=True)
        with conn.begin() as outer:
            yield Rehearsal(store, conn)
            outer.rollback()


def machine_now(conn: Connection) -> datetime:
    """The clock that leases are held by: the database's on PostgreSQL, where machines' clocks differ."""
    clock: MachineClock | None = conn.get_execution_options().get("machine_clock")
    if clock is not None:
        return clock.instant()
    if conn.dialect.name == "postgresql":
        seconds = func.extract("epoch", func.clock_timestamp())
        return from_micros(conn.execute(select(func.cast(seconds * 1_000_000, BigInteger))).scalar_one())
    return machine_instant()


def parse_url(url: str, base: Path) -> URL:
    """The store's address; a relative SQLite path is below `base`. Raises UsageError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise UsageError("--store is not an address; write sqlite:///file.db or postgresql://host/database") from None
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise UsageError("--store names no file; write e.g. sqlite:///rapport.db")
        return parsed.set(drivername="sqlite", database=str(base / (parsed.database or "")))
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise UsageError(f"store '{parsed.get_backend_name()}' is not known; use sqlite:///file.db or postgresql://...")


def connect(url: URL) -> Store:
    """The store at that address, whatever its schema."""
    if url.get_backend_name() == "postgresql":
        engine = create_engine(url, **_JSON)
    else:
        engine = create_engine(url, **_JSON, connect_args={"timeout": BUSY_SECONDS})
        _prepare_sqlite(engine)
    return Store(engine, url.render_as_string(hide_password=True))


def memory_store() -> Store:
    """An empty SQLite store in memory, without tables, gone when it is closed."""
    engine = create_engine("sqlite://", poolclass=StaticPool, **_JSON)
    _prepare_sqlite(engine)
    return Store(engine, "in memory")


def open_store(url: str, base: Path) -> Store:
    """The store, with the schema this program knows.

    A new SQLite file is made; an older one that nobody else has open is backed up and migrated. An older PostgreSQL
    store is refused (`rapport store upgrade` is for a person to run), a newer one always. Raises StoreError.
    """
    parsed = parse_url(url, base)
    store = connect(parsed)
    try:
        with _explaining(store, "opened"):
            version = migrate.version_of(store.engine)
            if version != migrate.KNOWN:
                _bring_up_to_date(store, parsed, version)
    except BaseException:
        store.close()
        raise
    return store


def upgrade_store(url: str, base: Path) -> tuple[str | None, Path | None]:
    """Migrate the store, whatever it is. Returns the version it had and, for SQLite, where the backup is."""
    parsed = parse_url(url, base)
    store = connect(parsed)
    try:
        with _explaining(store, "migrated"):
            version = migrate.version_of(store.engine)
            return version, None if version == migrate.KNOWN else _migrate(store, parsed, version)
    finally:
        store.close()


def copy_to(store: Store, target: Path) -> None:
    """Copy an SQLite store, as at one instant, while others may use it. Raises StoreError for any other."""
    if store.file is None:
        raise StoreError(f"store {store.location} is no file of ours; copy it with `pg_dump --format=custom`")
    if target.exists():
        raise UsageError(f"{target} is there already; name a file that is not")
    _copy(store.file, target)


def put_back(url: str, base: Path, copy: Path) -> Path:
    """Put a copy in the place of an SQLite store. Returns where the store as it was is kept. Raises StoreError."""
    parsed = parse_url(url, base)
    if parsed.get_backend_name() != "sqlite":
        raise StoreError("only an SQLite store is a file; use pg_restore, then run `rapport store restore` without a file")
    refuse_what_is_no_copy(copy)
    file = Path(parsed.database or "")
    kept = file.with_name(f"{file.name}.before-restore-{secrets.token_hex(3)}")
    if file.exists():
        _copy(file, kept)
    _copy(copy, file)
    return kept


def refuse_what_is_no_copy(file: Path) -> None:
    """Raise UsageError or StoreError unless the file is a store of Rapport's that this program knows."""
    migrate.refuse_unknown(_version_of_file(file), str(file))


def _version_of_file(file: Path) -> str:
    if not file.is_file():
        raise UsageError(f"{file} is not there; name a file that `rapport store backup` has made")
    store = connect(parse_url(f"sqlite:///{file.name}", file.absolute().parent))
    try:
        with _explaining(store, "put back"):
            version = migrate.version_of(store.engine)
    finally:
        store.close()
    if version is None:
        raise UsageError(f"{file} is no store of Rapport's; name a file that `rapport store backup` has made")
    return version


def _copy(file: Path, target: Path) -> None:
    """Page by page, within one transaction of each."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target, timeout=BUSY_SECONDS)) as copy:
        source.backup(copy)


def _bring_up_to_date(store: Store, url: URL, version: str | None) -> None:
    if store.dialect == "postgresql":
        has = f"has schema {version}" if version else "has no tables of Rapport's yet"
        migrate.refuse_unknown(version, store.location)
        raise StoreError(f"store {store.location} {has}, this program needs {migrate.KNOWN}; run `rapport store upgrade`")
    _migrate(store, url, version)


def _migrate(store: Store, url: URL, version: str | None) -> Path | None:
    migrate.refuse_unknown(version, store.location)
    store.engine.dispose()  # our own connection would look like another program's
    backup = _backup(Path(url.database or ""), version) if version and store.dialect == "sqlite" else None
    with _explaining(store, "migrated, and is as it was"):
        migrate.upgrade(store.engine)
    return backup


@contextmanager
def _explaining(store: Store, what: str) -> Iterator[None]:
    """Whatever the database says becomes a StoreError: the store can't be `what`."""
    try:
        yield
    except DBAPIError as error:
        known = _explained(error, store.location)
        unknown = StoreError(f"store {store.location} can't be {what}: {_said(error)}")
        raise known if isinstance(known, StoreError) else unknown from error


def _backup(file: Path, version: str) -> Path:
    """A copy of the SQLite file beside it. Raises StoreError if another program holds the store."""
    copy = file.with_name(f"{file.name}.before-{migrate.KNOWN}-{secrets.token_hex(3)}")
    source, target = sqlite3.connect(file, timeout=1), sqlite3.connect(copy)
    try:
        source.execute("PRAGMA locking_mode = EXCLUSIVE")
        source.execute("BEGIN EXCLUSIVE")
        source.execute("COMMIT")
        source.backup(target)
    except sqlite3.OperationalError:
        copy.unlink(missing_ok=True)
        raise StoreError(
            f"store {file} has schema {version}, this program needs {migrate.KNOWN}, and another program has it open; "
            "stop that, then run `rapport store upgrade`"
        ) from None
    finally:
        source.close()
        target.close()
    return copy


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        sqlitefunctions.register(connection)

    @event.listens_for(engine, "begin")
    def on_begin(conn: Connection) -> None:
        # A write must take its lock before it reads: upgrading a read lock later fails at once with "locked".
        conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get("write") else "BEGIN")


def assert_durable(conn: Connection) -> None:
    """Raise StoreError unless a commit on this connection outlives a power cut: claim and dispatch stand on it."""
    if conn.dialect.name == "postgresql":
        durable = conn.execute(select(func.current_setting("synchronous_commit"))).scalar_one() != "off"
    else:
        durable = conn.exec_driver_sql("PRAGMA synchronous").scalar_one() >= 2
    if not durable:
        raise StoreError("the store does not flush commits to disk; switch synchronous_commit (PostgreSQL) on")


def _worth_retrying(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _TRY_AGAIN


def _explained(error: DBAPIError, location: str) -> Exception:
    """A StoreError for what a person can mend, else the error itself."""
    said = _said(error)
    if "locked" in said or "busy" in said:
        return StoreError(f"store {location} stays locked; another program holds it for over {BUSY_SECONDS} s")
    if "unable to open" in said:
        return StoreError(f"store {location} can't be opened; does its folder exist, and may you write there?")
    if "not a database" in said:
        return StoreError(f"store {location} is not an SQLite database; name another file")
    if "disk is full" in said or "No space left" in said:
        return StoreError(f"store {location} has no room left on its disk; make room and run again, nothing is half done")
    if any(word in said for word in ("connection", "resolve host", "FATAL")):
        return StoreError(f"store {location} can't be reached: {said}")
    return error


def _said(error: DBAPIError) -> str:
    """The database's own words, their first line."""
    return (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0]
