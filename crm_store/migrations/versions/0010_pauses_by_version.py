"""By which version it is looked whether a pause ends before its time: an idle tick must not go through all pauses."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pause", sa.Column("definition_id", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE pause SET definition_id = (SELECT e.definition_id FROM enrolment e WHERE e.id = pause.enrolment_id)"
        " WHERE lifts AND lifted_at IS NULL"
    )
    where = sa.text("definition_id IS NOT NULL")
    op.create_index(
        "ix_pause_definition_id_until", "pause", ["definition_id", "until"], sqlite_where=where, postgresql_where=where
    )
