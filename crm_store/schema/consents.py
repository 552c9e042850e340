"""Who may be written to. The history is append-only; the current state is its latest row, for speed."""

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from crm_store.schema.base import METADATA
from crm_store.schema.types import Id, Instant, Words

consent = Table(
    "consent",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), nullable=False),
    Column("channel", Words, nullable=False),
    Column("topic", Words, nullable=False),
    Column("state", Words, nullable=False),  # given | pending | withdrawn | lapsed
    Column("basis", Words),
    Column("source", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("proof", Words),
    Column("recorded_at", Instant, nullable=False),
    UniqueConstraint("customer_id", "channel", "topic", "at", "state"),
)

Index("ix_consent_channel_topic_at", consent.c.channel, consent.c.topic, consent.c.at)

consent_state = Table(
    "consent_state",
    METADATA,
    Column("customer_id", ForeignKey("customer.id"), primary_key=True),
    Column("channel", Words, primary_key=True),
    Column("topic", Words, primary_key=True),
    Column("state", Words, nullable=False),
    Column("at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

suppression = Table(
    "suppression",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("channel", Words, nullable=False),
    Column("address", Words, nullable=False),  # in its normal form
    Column("reason", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("channel", "address", "reason"),
)
Index("ix_suppression_address", suppression.c.address)
Index("ix_suppression_at", suppression.c.at)

# Secrets that sign the links in mails; kept with the store, so that every worker and, later, the pages share them.
link_key = Table(
    "link_key",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("secret", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
)
