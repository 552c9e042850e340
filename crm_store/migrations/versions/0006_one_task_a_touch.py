"""A touch has at most one task for a person."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Id

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("follow_up") as table:
        table.add_column(sa.Column("touch_id", Id, nullable=True))
        table.create_foreign_key(op.f("fk_follow_up_touch_id"), "touch", ["touch_id"], ["id"])
    op.create_index("ix_follow_up_touch_id", "follow_up", ["touch_id"], unique=True)
