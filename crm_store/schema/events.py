"""What customers did. Amounts are integers of minor units."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, SmallInteger, Table, UniqueConstraint

from crm_store.schema.base import METADATA
from crm_store.schema.types import Id, Instant, Json, Words

event = Table(
    "event",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), nullable=False),
    Column("kind", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("amount", BigInteger),
    Column("currency", Words),
    Column("properties", Json(), nullable=False),
    Column("source", Words, nullable=False),
    Column("dedupe_key", Words, nullable=False),
    UniqueConstraint("source", "dedupe_key"),
)
# Holds whatever a condition without filters asks, so that the rows themselves need not be read.
Index(
    "ix_event_kind_customer_id_at_amount_currency",
    event.c.kind,
    event.c.customer_id,
    event.c.at,
    event.c.amount,
    event.c.currency,
)
Index("ix_event_kind_at", event.c.kind, event.c.at)

product = Table(
    "product",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("key", Words, nullable=False, unique=True),
    Column("title", Words),
    Column("category", Words),  # a path, e.g. GROCERY/COFFEE/GROUND
    Column("brand", Words),
    Column("price", BigInteger),
    Column("currency", Words),
    Column("attributes", Json(), nullable=False),
    Column("stub", SmallInteger, nullable=False),  # 1: named by an event, not yet by a catalogue
)
Index("ix_product_category", product.c.category)
Index("ix_product_brand", product.c.brand)

event_item = Table(
    "event_item",
    METADATA,
    Column("event_id", ForeignKey("event.id"), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("product_id", ForeignKey("product.id"), nullable=False),
    Column("quantity", Float, nullable=False),
    Column("amount", BigInteger),
    sqlite_with_rowid=False,
)
Index("ix_event_item_product_id_event_id", event_item.c.product_id, event_item.c.event_id)

# Per customer, kind and currency ('' for none): kept in step on intake, read only where `last` is not after `now`.
tally = Table(
    "tally",
    METADATA,
    Column("kind", Words, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), primary_key=True),
    Column("currency", Words, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("sum", BigInteger, nullable=False),
    Column("first", Instant, nullable=False),
    Column("last", Instant, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_tally_kind_last", tally.c.kind, tally.c.last)
Index("ix_tally_customer_id", tally.c.customer_id)
