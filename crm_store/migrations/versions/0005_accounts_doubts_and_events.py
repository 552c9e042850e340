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
