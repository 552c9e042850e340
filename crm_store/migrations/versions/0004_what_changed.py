"""Followed segments are refreshed by what has changed: marks on customers, turns, indexes on the instants of facts."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Id, Instant, Words

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_changed",
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_customer_changed_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_changed")),
    )
    with op.batch_alter_table("followed_segment") as table:
        table.alter_column("refreshed_at", existing_type=Instant(), nullable=True)
        table.add_column(sa.Column("turn", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("digest", Words, nullable=True))
    with op.batch_alter_table("followed_segment") as table:
        table.alter_column("turn", existing_type=sa.BigInteger(), server_default=None)
    op.create_index("ix_customer_change_name_at", "customer_change", ["name", "at"])
    op.create_index("ix_consent_channel_topic_at", "consent", ["channel", "topic", "at"])
    op.create_index("ix_suppression_at", "suppression", ["at"])
