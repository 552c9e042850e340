"""What an idle tick needs to find pauses by their version, and a renaming to go on where it was broken off."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Words

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaign", sa.Column("renamed_from", Words, nullable=True))
    op.add_column("pause", sa.Column("definition_id", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE pause SET definition_id = (SELECT e.definition_id FROM enrolment e WHERE e.id = pause.enrolment_id)"
        " WHERE lifts AND lifted_at IS NULL"
    )
    where = sa.text("definition_id IS NOT NULL")
    op.create_index(
        "ix_pause_definition_id_until", "pause", ["definition_id", "until"], sqlite_where=where, postgresql_where=where
    )
