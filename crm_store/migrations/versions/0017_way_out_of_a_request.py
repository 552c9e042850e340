"""A request says which version's settings gave its way out: whoever recovers it asks there."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("request", sa.Column("definition_id", sa.BigInteger(), nullable=True))
