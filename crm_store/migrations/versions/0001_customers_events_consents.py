"""Customers, events, consents."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Id, Instant, Json, Words

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "link_key",
        sa.Column("id", Id, nullable=False),
        sa.Column("secret", Words, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_key")),
    )
    op.create_table(
        "product",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", Words, nullable=False),
        sa.Column("title", Words, nullable=True),
        sa.Column("category", Words, nullable=True),
        sa.Column("brand", Words, nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("currency", Words, nullable=True),
        sa.Column("attributes", Json(), nullable=False),
        sa.Column("stub", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("key", name=op.f("uq_product_key")),
    )
    op.create_index("ix_product_brand", "product", ["brand"], unique=False)
    op.create_index("ix_product_category", "product", ["category"], unique=False)
    op.create_table(
        "suppression",
        sa.Column("id", Id, nullable=False),
        sa.Column("channel", Words, nullable=False),
        sa.Column("address", Words, nullable=False),
        sa.Column("reason", Words, nullable=False),
        sa.Column("source", Words, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sa.UniqueConstraint("channel", "address", "reason", name=op.f("uq_suppression_channel_address_reason")),
    )
    op.create_index("ix_suppression_address", "suppression", ["address"], unique=False)
    op.create_table(
        "zone",
        sa.Column("id", Id, nullable=False),
        sa.Column("time_zone", Words, nullable=False),
        sa.Column("country", Words, nullable=False),
        sa.Column("name", Words, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone")),
        sa.UniqueConstraint("time_zone", "country", name=op.f("uq_zone_time_zone_country")),
    )
    op.create_table(
        "customer",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", Words, nullable=False),
        sa.Column("email", Words, nullable=True),
        sa.Column("email_key", Words, nullable=True),
        sa.Column("phone", Words, nullable=True),
        sa.Column("first_name", Words, nullable=True),
        sa.Column("last_name", Words, nullable=True),
        sa.Column("locale", Words, nullable=True),
        sa.Column("time_zone", Words, nullable=True),
        sa.Column("country", Words, nullable=True),
        sa.Column("region", Words, nullable=True),
        sa.Column("city", Words, nullable=True),
        sa.Column("postal_code", Words, nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("birth_month", sa.SmallInteger(), nullable=True),
        sa.Column("birth_day", sa.SmallInteger(), nullable=True),
        sa.Column("birth_year", sa.SmallInteger(), nullable=True),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("stage", Words, nullable=True),
        sa.Column("attributes", Json(), nullable=False),
        sa.Column("zone_id", Id, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("erased_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["zone_id"], ["zone.id"], name=op.f("fk_customer_zone_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("key", name=op.f("uq_customer_key")),
    )
    op.create_index("ix_customer_birth", "customer", ["birth_month", "birth_day", "zone_id"], unique=False)
    op.create_index("ix_customer_email_key", "customer", ["email_key"], unique=False)
    op.create_index("ix_customer_zone_id", "customer", ["zone_id"], unique=False)
    op.create_table(
        "consent",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("channel", Words, nullable=False),
        sa.Column("topic", Words, nullable=False),
        sa.Column("state", Words, nullable=False),
        sa.Column("basis", Words, nullable=True),
        sa.Column("source", Words, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("proof", Words, nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_consent_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint(
            "customer_id", "channel", "topic", "at", "state", name=op.f("uq_consent_customer_id_channel_topic_at_state")
        ),
    )
    op.create_table(
        "consent_state",
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("channel", Words, nullable=False),
        sa.Column("topic", Words, nullable=False),
        sa.Column("state", Words, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_consent_state_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "channel", "topic", name=op.f("pk_consent_state")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer_change",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("old", Json(), nullable=True),
        sa.Column("new", Json(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("source", Words, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_customer_change_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_change")),
    )
    op.create_index(
        "ix_customer_change_customer_id_name_at", "customer_change", ["customer_id", "name", "at"], unique=False
    )
    op.create_table(
        "event",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("kind", Words, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", Words, nullable=True),
        sa.Column("properties", Json(), nullable=False),
        sa.Column("source", Words, nullable=False),
        sa.Column("dedupe_key", Words, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_event_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("source", "dedupe_key", name=op.f("uq_event_source_dedupe_key")),
    )
    op.create_index("ix_event_kind_at", "event", ["kind", "at"], unique=False)
    op.create_index(
        "ix_event_kind_customer_id_at_amount_currency",
        "event",
        ["kind", "customer_id", "at", "amount", "currency"],
        unique=False,
    )
    op.create_table(
        "tally",
        sa.Column("kind", Words, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("currency", Words, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("sum", sa.BigInteger(), nullable=False),
        sa.Column("first", Instant(), nullable=False),
        sa.Column("last", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_tally_customer_id")),
        sa.PrimaryKeyConstraint("kind", "customer_id", "currency", name=op.f("pk_tally")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tally_customer_id", "tally", ["customer_id"], unique=False)
    op.create_index("ix_tally_kind_last", "tally", ["kind", "last"], unique=False)
    op.create_table(
        "event_item",
        sa.Column("event_id", Id, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("quantity", sa.Float(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_event_item_event_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_event_item_product_id")),
        sa.PrimaryKeyConstraint("event_id", "line", name=op.f("pk_event_item")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_event_item_product_id_event_id", "event_item", ["product_id", "event_id"], unique=False)
