"""The touch ledger: what was to be sent, to whom, why, and what became of it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    literal_column,
)

from crm_store.schema.base import METADATA, partial_index
from crm_store.schema.types import Id, Instant, Json, Words

# The work that one tick makes for one campaign. `eligible` is counted by a select that does not read `touch`.
campaign_run = Table(
    "campaign_run",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("campaign", Words, nullable=False),
    Column("now", Instant, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("eligible", BigInteger, nullable=False),
    Column("accepted_at", Instant),  # a person let the late touches of this run go
    Column("copied_at", Instant),  # the company's own people have got their copies (business time)
    # Why nothing of it is claimed: planning is not over, held by its guard, stopped by a person. None: it is open.
    Column("state", Words),
    Column("state_since", Instant),  # machine time
    Column("why", Words),  # it was held or stopped; stays when a person has let it go
)
Index("ix_campaign_run_campaign_now", campaign_run.c.campaign, campaign_run.c.now)
partial_index(Index("ix_campaign_run_state", campaign_run.c.campaign, campaign_run.c.state), "state IS NOT NULL")

# One call of a provider: named in the store before its first byte leaves.
request = Table(
    "request",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("channel", Words, nullable=False),
    Column("provider", Words, nullable=False),
    Column("definition_id", BigInteger),  # whose settings said the way out; empty in old ones: that of its touches
    Column("touches", Integer, nullable=False),
    Column("body_hash", Words, nullable=False),
    Column("claimed_at", Instant),  # machine time: when its touches were looked at last
    Column("dispatched_at", Instant, nullable=False),  # machine time
    Column("answered_at", Instant),
    Column("answer", Words),
)

touch = Table(
    "touch",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("run_id", ForeignKey("campaign_run.id"), nullable=False),
    Column("enrolment_id", ForeignKey("enrolment.id"), nullable=False),
    Column("step", Words, nullable=False),
    Column("campaign", Words, nullable=False),
    # As they were when it was written, if they were renamed since: providers know it by those.
    Column("first_campaign", Words),
    Column("first_step", Words),
    Column("definition_id", ForeignKey("definition.id"), nullable=False),
    Column("customer_id", ForeignKey("customer.id"), nullable=False),
    Column("channel", Words, nullable=False),
    Column("topic", Words),
    Column("template", Words, nullable=False),
    Column("variant", Words),
    Column("template_id", ForeignKey("definition.id")),  # set at the claim
    Column("trigger_event_id", ForeignKey("event.id")),
    Column("offer_id", ForeignKey("offer.id")),
    Column("state", Words, nullable=False),
    Column("reason", Words),
    Column("right_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("retry_at", Instant),  # machine time
    Column("verdicts", Words),
    Column("decided_at", Instant),  # business time of the last look
    Column("claim", Words),
    Column("lease_until", Instant),  # machine time
    Column("request_id", ForeignKey("request.id")),
    Column("message_id", Words),
    Column("sent_at", Instant),  # business time
    Column("doubt_since", Instant),  # machine time; stays when the doubt has ended
    Column("outcome", Words),  # what its events say, the one of the highest rank
    UniqueConstraint("enrolment_id", "step"),
)
# Claims go by the hour, and within it in the order in which touches were written: what lies together is read, changed and
# flushed together. By the very instant a batch touches as many pages of each table and index as it has mails.
HOUR = 3_600_000_000  # microseconds
partial_index(
    Index(
        "ix_touch_due",
        touch.c.campaign, touch.c.definition_id, touch.c.step, literal_column(f"(due_at / {HOUR})"), touch.c.id,
    ),
    "state = 'due'",
)  # fmt: skip
partial_index(Index("ix_touch_leased", touch.c.lease_until), "state IN ('claimed', 'dispatched')")
# People look for touches: what is unusual has a reason; the newest come first.
partial_index(Index("ix_touch_reason", touch.c.reason, touch.c.due_at), "reason IS NOT NULL")
partial_index(Index("ix_touch_doubt_since", touch.c.doubt_since), "state = 'in_doubt'")
partial_index(Index("ix_touch_message_id", touch.c.message_id), "substr(message_id, 1, 1) <> '<'")
Index("ix_touch_campaign_due_at", touch.c.campaign, touch.c.due_at)
Index("ix_touch_due_at", touch.c.due_at)
Index("ix_touch_run_id_state", touch.c.run_id, touch.c.state)
# What a customer has been sent, and what else wants to be. Not partial: SQLite prefers one of all touches to those.
Index("ix_touch_customer_id_state_sent_at", touch.c.customer_id, touch.c.state, touch.c.sent_at)
Index("ix_touch_request_id", touch.c.request_id)

# What a claim has taken of a campaign's pace, or of a channel's ramp, and when (business time).
place = Table(
    "place",
    METADATA,
    Column("claim", Words, primary_key=True),
    Column("campaign", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("taken", Integer, nullable=False),  # by touches that have not come back, and have not failed
)
Index("ix_place_campaign_at", place.c.campaign, place.c.at)
Index("ix_place_channel_at", place.c.channel, place.c.at)

# Whose turn it was to be written to at an address that customers share: once for each campaign, step and occasion.
address_use = Table(
    "address_use",
    METADATA,
    Column("hash", Id, primary_key=True, autoincrement=False),  # of all that, under a key of the store's
    Column("touch_id", ForeignKey("touch.id"), nullable=False),
)

# An account of a provider, as a channel of rapport.yaml names it: one row that all workers share. All machine time.
account = Table(
    "account",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("tokens", Float),  # of its rate, as at refilled_at
    Column("refilled_at", Instant),
    Column("blocked_until", Instant),  # the provider wants nothing before
    Column("broken_since", Instant),  # the breaker is open
    Column("probe_at", Instant),  # when one worker may try one touch
    Column("probes", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),  # in the minute that began at refusals_since
    Column("refusals_since", Instant),
)

# Which workers have requests of an account under way, until their lease is gone.
holder = Table(
    "holder",
    METADATA,
    Column("account", Words, primary_key=True),
    Column("who", Words, primary_key=True),
    Column("until", Instant, nullable=False),
)

# What a provider said no to, or nothing: stays when its touches have left with a later request.
refusal = Table(
    "refusal",
    METADATA,
    Column("request_id", ForeignKey("request.id"), primary_key=True),
    Column("run_id", ForeignKey("campaign_run.id"), primary_key=True),
    Column("answer", Words, primary_key=True),
    Column("touches", Integer, nullable=False),
)
Index("ix_refusal_run_id", refusal.c.run_id)

# What people ordered: only ever added to (triggers refuse everything else).
log = Table(
    "log",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("at", Instant, nullable=False),  # machine time
    Column("who", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("reason", Words),
    Column("details", Json(), nullable=False),
)
Index("ix_log_at", log.c.at)

# One row: which life of the store this is. `number` grows with each request; the same number is kept beside the store.
epoch = Table(
    "epoch",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("restored_at", Instant),  # touches that were right before this may have been sent in an earlier life
)

# What the mails of a template share, once for each definition, locale and campaign; nothing about a customer is in it.
shell = Table(
    "shell",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("hash", Words, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    UniqueConstraint("hash"),
)

# What a mail has of its own, compressed: with the shell that it names, or else with the template's definition, it gives the
# mail again, byte for byte.
touch_values = Table(
    "touch_values",
    METADATA,
    Column("touch_id", ForeignKey("touch.id"), primary_key=True),
    Column("packed", LargeBinary, nullable=False),
)

# What became of a touch after it was sent, as its provider told it: each of the provider's events once.
touch_event = Table(
    "touch_event",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("touch_id", ForeignKey("touch.id"), nullable=False),
    Column("customer_id", ForeignKey("customer.id"), nullable=False),
    Column("kind", Words, nullable=False),  # delivered | opened | clicked | bounced | complained | unsubscribed
    Column("at", Instant, nullable=False),
    Column("actor", Words, nullable=False),  # human | machine | unknown
    Column("link", Words),
    Column("provider", Words, nullable=False),
    Column("provider_event_id", Words, nullable=False),
    UniqueConstraint("provider", "provider_event_id"),
)
Index("ix_touch_event_kind_customer_id_at", touch_event.c.kind, touch_event.c.customer_id, touch_event.c.at)
Index("ix_touch_event_kind_at", touch_event.c.kind, touch_event.c.at)
Index("ix_touch_event_touch_id", touch_event.c.touch_id)

# Events whose touch is not in the store, or not yet: kept aside until it appears.
stray_event = Table(
    "stray_event",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("word", Words, nullable=False),  # of the reference that the provider has from us (ledger/reference.py)
    Column("kind", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", Words, nullable=False),
    Column("link", Words),
    Column("provider", Words, nullable=False),
    Column("provider_event_id", Words, nullable=False),
    Column("withdraws", Boolean, nullable=False),  # it ends the consent to the touch's topic
    Column("received_at", Instant, nullable=False),  # machine time
    UniqueConstraint("provider", "provider_event_id"),
)
Index("ix_stray_event_word", stray_event.c.word)
