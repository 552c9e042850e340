"""Touches that are due lie in the order in which they are claimed: by the hour, then as they were written."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    due = sa.text("state = 'due'")
    op.drop_index("ix_touch_due", "touch")
    op.create_index(
        "ix_touch_due",
        "touch",
        ["campaign", "definition_id", "step", sa.text("(due_at / 3600000000)"), "id"],
        unique=False,
        sqlite_where=due,
        postgresql_where=due,
    )
