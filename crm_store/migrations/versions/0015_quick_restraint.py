"""A customer's touches are found by one index: what is due, under way, or was sent when. Places are counted by claim."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Instant, Words

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TAKEN = """\
CREATE TABLE taken_place AS
SELECT touch.claim, min(place.campaign) AS campaign, min(place.channel) AS channel, min(place.at) AS at, count(*) AS taken
FROM place JOIN touch ON touch.id = place.touch_id
WHERE touch.claim IS NOT NULL AND touch.state IN ('claimed', 'dispatched', 'in_doubt', 'sent')
GROUP BY touch.claim"""


def upgrade() -> None:
    for name in ("ix_touch_customer_due", "ix_touch_sent", "ix_touch_customer_id"):
        op.drop_index(name, "touch")
    op.create_index("ix_touch_customer_id_state_sent_at", "touch", ["customer_id", "state", "sent_at"])
    _count_by_claim()


def _count_by_claim() -> None:
    op.execute(_TAKEN)
    op.drop_table("place")
    op.create_table(
        "place",
        sa.Column("claim", Words, nullable=False),
        sa.Column("campaign", Words, nullable=False),
        sa.Column("channel", Words, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("claim", name=op.f("pk_place")),
    )
    op.create_index("ix_place_campaign_at", "place", ["campaign", "at"])
    op.create_index("ix_place_channel_at", "place", ["channel", "at"])
    op.execute("INSERT INTO place SELECT claim, campaign, channel, at, taken FROM taken_place")
    op.drop_table("taken_place")
