"""A customer's touches are found by one index: what is due, under way, or was sent when."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("ix_touch_customer_due", "ix_touch_sent", "ix_touch_customer_id"):
        op.drop_index(name, "touch")
    op.create_index("ix_touch_customer_id_state_sent_at", "touch", ["customer_id", "state", "sent_at"])
