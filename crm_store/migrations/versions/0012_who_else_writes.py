"""What is due to a customer is found by the customer: touches of several campaigns are weighed against each other."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    due = sa.text("state = 'due'")
    op.create_index("ix_touch_customer_due", "touch", ["customer_id"], sqlite_where=due, postgresql_where=due)
