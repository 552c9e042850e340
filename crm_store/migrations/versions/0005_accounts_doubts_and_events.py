"""Accounts with their limits and breakers, doubts and who ended them, events kept aside, which life of a store it is."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Id, Instant, Json, Words

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("touch", sa.Column("doubt_since", Instant(), nullable=True))
    op.add_column("touch", sa.Column("outcome", Words, nullable=True))
    _indexes()
    _accounts()
    _people()
    op.create_table(
        "stray_event",
        sa.Column("id", Id, nullable=False),
        sa.Column("word", Words, nullable=False),
        sa.Column("kind", Words, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", Words, nullable=False),
        sa.Column("link", Words, nullable=True),
        sa.Column("provider", Words, nullable=False),
        sa.Column("provider_event_id", Words, nullable=False),
        sa.Column("withdraws", sa.Boolean(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stray_event")),
        sa.UniqueConstraint("provider", "provider_event_id", name=op.f("uq_stray_event_provider_provider_event_id")),
    )
    op.create_index("ix_stray_event_word", "stray_event", ["word"], unique=False)


_INDEXES = (
    ("ix_touch_reason", "touch", ["reason", "due_at"], "reason IS NOT NULL"),
    ("ix_touch_doubt_since", "touch", ["doubt_since"], "state = 'in_doubt'"),
    ("ix_touch_message_id", "touch", ["message_id"], "substr(message_id, 1, 1) <> '<'"),
    ("ix_customer_change_old_email", "customer_change", ["old"], "name = 'email'"),
    ("ix_touch_campaign_due_at", "touch", ["campaign", "due_at"], None),
    ("ix_touch_due_at", "touch", ["due_at"], None),
)


def _indexes() -> None:
    """For finding touches."""
    for name, table, columns, where in _INDEXES:
        only = None if where is None else sa.text(where)
        op.create_index(name, table, columns, unique=False, sqlite_where=only, postgresql_where=only)


def _accounts() -> None:
    op.create_table(
        "account",
        sa.Column("name", Words, nullable=False),
        sa.Column("tokens", sa.Float(), nullable=True),
        sa.Column("refilled_at", Instant(), nullable=True),
        sa.Column("blocked_until", Instant(), nullable=True),
        sa.Column("broken_since", Instant(), nullable=True),
        sa.Column("probe_at", Instant(), nullable=True),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("refusals_since", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_account")),
    )
    op.create_table(
        "holder",
        sa.Column("account", Words, nullable=False),
        sa.Column("who", Words, nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account", "who", name=op.f("pk_holder")),
    )


def _people() -> None:
    op.create_table(
        "log",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("who", Words, nullable=False),
        sa.Column("action", Words, nullable=False),
        sa.Column("subject", Words, nullable=False),
        sa.Column("details", Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log")),
    )
    op.create_index("ix_log_at", "log", ["at"], unique=False)
    op.create_table(
        "epoch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("restored_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_epoch")),
    )
    op.execute("INSERT INTO epoch (id, number) VALUES (1, 0)")
