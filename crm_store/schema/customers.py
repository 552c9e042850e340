"""Who the customers are."""

from sqlalchemy import Column, Date, Float, ForeignKey, Index, SmallInteger, Table, UniqueConstraint

from crm_store.schema.base import METADATA
from crm_store.schema.types import Id, Instant, Json, Words

# The distinct (time zone, country) pairs customers have, and the zone that is used for them: the zone itself, else the
# country's only one; NULL is the company's. Few rows, so that local dates are worked out in Python and joined.
zone = Table(
    "zone",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("time_zone", Words, nullable=False),  # '' when missing
    Column("country", Words, nullable=False),
    Column("name", Words),
    UniqueConstraint("time_zone", "country"),
)

customer = Table(
    "customer",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("key", Words, nullable=False, unique=True),
    Column("email", Words),
    Column("email_key", Words),  # the address in its one normal form, for suppression and finding
    Column("phone", Words),
    Column("first_name", Words),
    Column("last_name", Words),
    Column("locale", Words),
    Column("time_zone", Words),
    Column("country", Words),
    Column("region", Words),
    Column("city", Words),
    Column("postal_code", Words),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("birth_month", SmallInteger),
    Column("birth_day", SmallInteger),
    Column("birth_year", SmallInteger),
    Column("joined_on", Date),
    Column("stage", Words),
    Column("attributes", Json(), nullable=False),
    Column("zone_id", ForeignKey("zone.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("erased_at", Instant),
)
Index("ix_customer_email_key", customer.c.email_key)
Index("ix_customer_birth", customer.c.birth_month, customer.c.birth_day, customer.c.zone_id)
Index("ix_customer_zone_id", customer.c.zone_id)

customer_change = Table(
    "customer_change",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), nullable=False),
    Column("name", Words, nullable=False),  # a column, or attributes.NAME
    Column("old", Json()),
    Column("new", Json()),
    Column("at", Instant, nullable=False),
    Column("source", Words, nullable=False),
)
Index(
    "ix_customer_change_customer_id_name_at",
    customer_change.c.customer_id,
    customer_change.c.name,
    customer_change.c.at,
)
