"""What a pace or a ramp has given out, and which of those who share an address was written to."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Id, Instant, Words

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "place",
        sa.Column("touch_id", Id, nullable=False),
        sa.Column("campaign", Words, nullable=False),
        sa.Column("channel", Words, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("touch_id", name="pk_place"),
        sa.ForeignKeyConstraint(["touch_id"], ["touch.id"], name="fk_place_touch_id"),
    )
    op.create_index("ix_place_campaign_at", "place", ["campaign", "at"])
    op.create_index("ix_place_channel_at", "place", ["channel", "at"])
    op.create_table(
        "address_use",
        sa.Column("hash", Id, autoincrement=False, nullable=False),
        sa.Column("touch_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_address_use"),
        sa.ForeignKeyConstraint(["touch_id"], ["touch.id"], name="fk_address_use_touch_id"),
    )
