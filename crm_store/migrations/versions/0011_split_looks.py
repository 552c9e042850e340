"""As of when a planning saw somebody come to a split: a decision counts those of earlier ones only."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Instant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assignment", sa.Column("seen_at", Instant(), nullable=True))
