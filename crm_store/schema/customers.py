"""Who the customers are."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Float, ForeignKey, Index, SmallInteger, Table, UniqueConstraint

from crm_store.schema.base import METADATA, partial_index
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
    Column("bucket", BigInteger),  # a hash of the key, 0 to 2**31 - 2, for samples; always written
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("erased_at", Instant),
)
Index("ix_customer_email_key", customer.c.email_key)
Index("ix_customer_birth", customer.c.birth_month, customer.c.birth_day, customer.c.zone_id)
Index("ix_customer_zone_id", customer.c.zone_id)
partial_index(Index("ix_customer_erased", customer.c.id), "erased_at IS NOT NULL")

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
partial_index(Index("ix_customer_change_old_email", customer_change.c.old), "name = 'email'")
Index(
    "ix_customer_change_customer_id_name_at",
    customer_change.c.customer_id,
    customer_change.c.name,
    customer_change.c.at,
)
Index("ix_customer_change_name_at", customer_change.c.name, customer_change.c.at)

# Customers of whom something was written since followed segments were last refreshed, or else campaigns last planned.
customer_changed = Table(
    "customer_changed",
    METADATA,
    Column("customer_id", ForeignKey("customer.id"), primary_key=True),
    Column("mark", BigInteger, nullable=False),  # another one with each change
    Column("refreshed", Boolean),  # true: followed segments have looked at it, campaigns have not yet
)

# A list of customers that somebody made elsewhere and imported.
static_list = Table(
    "static_list",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("name", Words, nullable=False, unique=True),
    Column("source", Words, nullable=False),
    Column("imported_at", Instant, nullable=False),
)

list_member = Table(
    "list_member",
    METADATA,
    Column("list_id", ForeignKey("static_list.id"), primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), primary_key=True),
    sqlite_with_rowid=False,
)
Index("ix_list_member_customer_id", list_member.c.customer_id)

# The newest value of each score of each customer.
score = Table(
    "score",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), primary_key=True),
    Column("value", Float, nullable=False),
    Column("at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_score_customer_id", score.c.customer_id)
