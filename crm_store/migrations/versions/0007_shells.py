"""What mails share is kept once; customers who are erased are found at once, to forget their mails."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Id, Words

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shell",
        sa.Column("id", Id, nullable=False),
        sa.Column("hash", Words, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shell")),
        sa.UniqueConstraint("hash", name=op.f("uq_shell_hash")),
    )
    op.create_index(
        "ix_customer_erased",
        "customer",
        ["id"],
        unique=False,
        sqlite_where=sa.text("erased_at IS NOT NULL"),
        postgresql_where=sa.text("erased_at IS NOT NULL"),
    )
