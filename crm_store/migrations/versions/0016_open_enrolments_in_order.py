"""Who stands at a step is found in the order of her number, where all wait for the same instant or for a touch."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    still_in = sa.text("state = 'in'")
    op.drop_index("ix_enrolment_open", "enrolment")
    columns = ["definition_id", "step", "next_at", "id"]
    op.create_index("ix_enrolment_open", "enrolment", columns, sqlite_where=still_in, postgresql_where=still_in)
