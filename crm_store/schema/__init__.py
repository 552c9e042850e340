"""The tables, under the names of the design; migrations bring a store to them."""

from crm_store.schema.base import METADATA
from crm_store.schema.consents import consent, consent_state, link_key, suppression
from crm_store.schema.customers import customer, customer_change, customer_changed, list_member, score, static_list, zone
from crm_store.schema.events import event, event_item, product, tally
from crm_store.schema.journeys import (
    assignment,
    campaign,
    definition,
    enrolment,
    entry_request,
    follow_up,
    followed_segment,
    looked,
    offer,
    pause,
    published,
    segment_member,
    split_decision,
)
from crm_store.schema.ledger import (
    account,
    campaign_run,
    epoch,
    holder,
    log,
    request,
    shell,
    stray_event,
    touch,
    touch_event,
    touch_values,
)

# The newest migration. Kept here so that opening an up-to-date store needs no Alembic; a test compares the two.
SCHEMA_VERSION = "0012"

__all__ = [
    "METADATA",
    "SCHEMA_VERSION",
    "account",
    "assignment",
    "campaign",
    "campaign_run",
    "consent",
    "consent_state",
    "customer",
    "customer_change",
    "customer_changed",
    "definition",
    "enrolment",
    "entry_request",
    "epoch",
    "event",
    "event_item",
    "follow_up",
    "followed_segment",
    "holder",
    "link_key",
    "list_member",
    "log",
    "looked",
    "offer",
    "pause",
    "product",
    "published",
    "request",
    "score",
    "segment_member",
    "shell",
    "split_decision",
    "static_list",
    "stray_event",
    "suppression",
    "tally",
    "touch",
    "touch_event",
    "touch_values",
    "zone",
]
