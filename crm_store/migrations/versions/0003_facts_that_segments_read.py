"""What segments read: message facts, lists, scores, follow-ups, how enrolments ended, buckets for samples."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
import yaml
from alembic import op

from crm_store.schema.types import Id, Instant, Json, Words

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BATCH = 10_000


def upgrade() -> None:
    _customers()
    _journeys()
    _ledger()


def _customers() -> None:
    op.add_column("customer", sa.Column("bucket", sa.BigInteger(), nullable=True))
    _fill_buckets(op.get_bind())
    op.create_table(
        "static_list",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("source", Words, nullable=False),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_static_list")),
        sa.UniqueConstraint("name", name=op.f("uq_static_list_name")),
    )
    op.create_table(
        "list_member",
        sa.Column("list_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["static_list.id"], name=op.f("fk_list_member_list_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_list_member_customer_id")),
        sa.PrimaryKeyConstraint("list_id", "customer_id", name=op.f("pk_list_member")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_list_member_customer_id", "list_member", ["customer_id"], unique=False)
    op.create_table(
        "score",
        sa.Column("name", Words, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_score_customer_id")),
        sa.PrimaryKeyConstraint("name", "customer_id", name=op.f("pk_score")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_score_customer_id", "score", ["customer_id"], unique=False)


def _fill_buckets(conn: sa.Connection) -> None:
    customer = sa.table("customer", sa.column("id"), sa.column("key"), sa.column("bucket"))
    update = sa.update(customer).where(customer.c.id == sa.bindparam("row_id"))
    chosen = sa.select(customer.c.id, customer.c.key).order_by(customer.c.id).limit(_BATCH)
    last = 0
    while rows := conn.execute(chosen.where(customer.c.id > last)).all():
        conn.execute(
            update.values(bucket=sa.bindparam("new")), [{"row_id": row.id, "new": _bucket(row.key)} for row in rows]
        )
        last = rows[-1].id


def _bucket(key: str) -> int:
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big") % (2**31 - 1)


def _journeys() -> None:
    for name in ("finished_at", "left_at", "goal_at", "held_out_at"):
        op.add_column("enrolment", sa.Column(name, Instant(), nullable=True))
    op.execute("UPDATE enrolment SET finished_at = ended_at WHERE state = 'finished'")
    op.execute("UPDATE enrolment SET left_at = ended_at WHERE state = 'left'")
    op.drop_column("enrolment", "ended_at")
    op.add_column("offer", sa.Column("redeemed_at", Instant(), nullable=True))
    op.create_table(
        "followed_segment",
        sa.Column("name", Words, nullable=False),
        sa.Column("refreshed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_followed_segment")),
    )
    op.create_table(
        "follow_up",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("enrolment_id", Id, nullable=True),
        sa.Column("kind", Words, nullable=False),
        sa.Column("assignee", Words, nullable=True),
        sa.Column("note", Words, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("outcome", Words, nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_follow_up_customer_id")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_follow_up_enrolment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up")),
    )
    op.create_index("ix_follow_up_customer_id", "follow_up", ["customer_id"], unique=False)
    op.create_index("ix_follow_up_kind_created_at", "follow_up", ["kind", "created_at"], unique=False)


def _ledger() -> None:
    for name in ("topic", "variant"):
        op.add_column("touch", sa.Column(name, Words, nullable=True))
    _fill_topics(op.get_bind())
    sent = sa.text("state = 'sent'")
    op.create_index(
        "ix_touch_sent", "touch", ["customer_id", "sent_at"], unique=False, sqlite_where=sent, postgresql_where=sent
    )
    op.create_table(
        "touch_event",
        sa.Column("id", Id, nullable=False),
        sa.Column("touch_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("kind", Words, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", Words, nullable=False),
        sa.Column("link", Words, nullable=True),
        sa.Column("provider", Words, nullable=False),
        sa.Column("provider_event_id", Words, nullable=False),
        sa.ForeignKeyConstraint(["touch_id"], ["touch.id"], name=op.f("fk_touch_event_touch_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_touch_event_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touch_event")),
        sa.UniqueConstraint("provider", "provider_event_id", name=op.f("uq_touch_event_provider_provider_event_id")),
    )
    op.create_index("ix_touch_event_kind_customer_id_at", "touch_event", ["kind", "customer_id", "at"], unique=False)
    op.create_index("ix_touch_event_kind_at", "touch_event", ["kind", "at"], unique=False)
    op.create_index("ix_touch_event_touch_id", "touch_event", ["touch_id"], unique=False)


def _fill_topics(conn: sa.Connection) -> None:
    touch = sa.table("touch", sa.column("definition_id"), sa.column("topic"))
    for definition_id, topic in _topics(conn):
        conn.execute(sa.update(touch).where(touch.c.definition_id == definition_id).values(topic=topic))


def _topics(conn: sa.Connection) -> Iterator[tuple[int, str]]:
    """The topic that each published version of a campaign names."""
    definition = sa.table(
        "definition", sa.column("id", Id), sa.column("kind"), sa.column("name"), sa.column("files", Json())
    )
    for row in conn.execute(sa.select(definition).where(definition.c.kind == "campaign")):
        said: Any = yaml.load(row.files[f"config/campaigns/{row.name}.yaml"], Loader=yaml.BaseLoader)
        yield row.id, said["topic"]
