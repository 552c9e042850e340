"""Migrations bring a store to exactly the tables that the schema declares, on both databases."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select

from crm_store import migrate
from crm_store.clock import from_micros
from crm_store.intake.buckets import bucket_of
from crm_store.migrate import VERSION_TABLE
from crm_store.schema import METADATA, SCHEMA_VERSION, customer, enrolment, place, touch
from crm_store.store import Store, connect, parse_url

MIGRATIONS = Path(__file__).parent.parent / "crm_store" / "migrations"
PARTIAL = {
    "ix_assignment_taken": "taken_at IS NOT NULL",
    "ix_campaign_run_state": "state IS NOT NULL",
    "ix_customer_erased": "erased_at",
    "ix_enrolment_aiming": "goal_until IS NOT NULL",
    "ix_enrolment_open": "state = 'in'",
    "ix_enrolment_unseen": "unseen IS NOT NULL",
    "ix_offer_code": "is_unique",
    "ix_pause_definition_id_until": "definition_id IS NOT NULL",
    "ix_customer_change_old_email": "name = 'email'",
    "ix_touch_doubt_since": "state = 'in_doubt'",
    "ix_touch_due": "state = 'due'",
    "ix_touch_leased": "'claimed'",
    "ix_touch_message_id": "substr(message_id, 1, 1) <> '<'",
    "ix_touch_reason": "reason IS NOT NULL",
}


# SQLAlchemy does not read indexes of expressions on SQLite; `indexes` below does.
_BLIND = pytest.mark.filterwarnings("ignore:Skipped unsupported reflection:sqlalchemy.exc.SAWarning")


@pytest.fixture
def declared(bare_url: str) -> Iterator[Store]:
    """A store whose tables were made from the schema, without migrations."""
    with closing(connect(parse_url(bare_url, Path("/")))) as store:
        store.write(METADATA.create_all)
        yield store


def structure(conn: Connection) -> dict[str, Any]:
    """Every table: its columns, keys and constraints; and the indexes."""
    looked = inspect(conn)
    return {"indexes": indexes(conn)} | {
        name: {
            "columns": {one["name"]: (str(one["type"]), one["nullable"]) for one in looked.get_columns(name)},
            "primary key": looked.get_pk_constraint(name)["constrained_columns"],
            "unique": sorted((one["name"], one["column_names"]) for one in looked.get_unique_constraints(name)),
            "foreign keys": sorted(
                (one["name"], one["constrained_columns"], one["referred_table"]) for one in looked.get_foreign_keys(name)
            ),
        }
        for name in looked.get_table_names()
        if name != VERSION_TABLE
    }


def indexes(conn: Connection) -> dict[str, str]:
    """How each index was made, in the database's words."""
    question = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        if conn.dialect.name == "sqlite"
        else "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    )
    found = {name: " ".join(sql.split()) for name, sql in conn.exec_driver_sql(question)}
    return {name: sql for name, sql in found.items() if VERSION_TABLE not in name}


def test_the_newest_migration_is_the_schemas_version() -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    assert script.get_heads() == [SCHEMA_VERSION]


def test_migrations_follow_one_another() -> None:
    revisions = list(reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())))
    assert [one.revision for one in revisions] == [f"{number:04d}" for number in range(1, len(revisions) + 1)]
    assert [one.down_revision for one in revisions] == [None, *(one.revision for one in revisions[:-1])]


@_BLIND
@pytest.mark.filterwarnings("ignore:autogenerate skipping:UserWarning")
def test_a_migrated_store_needs_nothing_more(store: Store) -> None:
    with store.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


@_BLIND
@pytest.mark.parametrize(
    ("store_url", "bare_url"),
    [("sqlite", "sqlite"), ("postgresql", "postgresql")],
    indirect=True,
    ids=["sqlite", "postgresql"],
)
def test_a_migrated_store_is_what_the_schema_declares(store: Store, declared: Store) -> None:
    with store.read() as migrated, declared.read() as made:
        assert structure(migrated) == structure(made)


def test_partial_indexes_are_partial(store: Store) -> None:
    with store.read() as conn:
        found = {name: sql.partition(" WHERE ")[2] for name, sql in indexes(conn).items() if " WHERE " in sql}
    assert set(found) == set(PARTIAL)
    for name, words in PARTIAL.items():
        assert words in found[name].replace("::text", "").replace('COLLATE "C"', ""), name


@pytest.mark.parametrize("path", sorted((MIGRATIONS / "versions").glob("*.py")), ids=lambda path: path.stem)
def test_a_migration_depends_on_nothing_that_will_change(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    standard = {"collections.abc", "hashlib", "typing"}
    assert modules <= {"alembic", "sqlalchemy", "yaml", "crm_store.schema.types", *standard}


def test_0003_fills_buckets_topics_and_how_enrolments_ended(bare_url: str) -> None:
    statements = (Path(__file__).parent / "at_0002.sql").read_text(encoding="utf-8").split(";\n")
    with closing(connect(parse_url(bare_url, Path("/")))) as store:
        migrate.upgrade(store.engine, "0002")
        store.write(_run_all, [one for one in statements if one.strip()])
        migrate.upgrade(store.engine)
        with store.read() as conn:
            assert conn.execute(select(customer.c.key, customer.c.bucket).order_by(customer.c.id)).all() == [
                (key, bucket_of(key)) for key in ("c1", "c2")
            ]
            assert conn.execute(select(touch.c.topic)).scalars().all() == ["offers"]
            ended = select(enrolment.c.finished_at, enrolment.c.left_at).order_by(enrolment.c.id)
            assert conn.execute(ended).all() == [(from_micros(9), None), (None, from_micros(9))]


def test_0015_counts_places_by_claim(bare_url: str) -> None:
    statements = (Path(__file__).parent / "at_0002.sql").read_text(encoding="utf-8").split(";\n")
    given = [
        "INSERT INTO touch (run_id, enrolment_id, step, campaign, definition_id, customer_id, channel, template, state, "
        "right_at, due_at, expires_at, attempt) "
        "SELECT 1, 2, step, campaign, definition_id, 2, channel, template, 'failed', 5, 5, 9, 1 FROM touch",
        "UPDATE touch SET claim = 'claim'",
        "INSERT INTO place (touch_id, campaign, channel, at) SELECT id, 'welcome', 'email', 5 FROM touch",
    ]
    with closing(connect(parse_url(bare_url, Path("/")))) as store:
        migrate.upgrade(store.engine, "0002")
        store.write(_run_all, [one for one in statements if one.strip()])
        migrate.upgrade(store.engine, "0014")
        store.write(_run_all, given)
        migrate.upgrade(store.engine)
        with store.read() as conn:
            assert conn.execute(select(place)).all() == [("claim", "welcome", "email", from_micros(5), 1)]


def _run_all(conn: Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        conn.exec_driver_sql(statement)
