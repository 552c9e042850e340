"""What is published, who is in which segment, and who is where in which campaign."""

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, Table, UniqueConstraint

from crm_store.schema.base import METADATA, partial_index
from crm_store.schema.types import Id, Instant, Json, Words

definition = Table(
    "definition",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("kind", Words, nullable=False),  # segment | campaign | template
    Column("name", Words, nullable=False),
    Column("hash", Words, nullable=False),
    Column("files", Json(), nullable=False),  # the closure: path -> text
    Column("renderer", Words, nullable=False),
    Column("git_commit", Words),
    Column("author", Words),
    Column("published_at", Instant, nullable=False),
    UniqueConstraint("kind", "name", "hash"),
)

published = Table(
    "published",
    METADATA,
    Column("kind", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("definition_id", ForeignKey("definition.id"), nullable=False),
)

campaign = Table(
    "campaign",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("live_since", Instant),
    Column("plans", BigInteger, nullable=False),  # slices since it went live; counting them makes planners take turns
    Column("held", Words),  # why nothing of it is planned or sent just now; people can see it, and mend what it says
    Column("held_since", Instant),
    Column("renamed_from", Words),  # while something is still written under the name it had before
    Column("entered_to", Instant),  # where everybody is a candidate: up to when all have been looked at,
    Column("entered_by", BigInteger),  # and by which definition
)

# Campaigns that a person has paused, whatever their files say; EVERY campaign by one row. Only a person lifts it.
EVERY = "*"
campaign_pause = Table(
    "campaign_pause",
    METADATA,
    Column("campaign", Words, primary_key=True),
    Column("at", Instant, nullable=False),  # machine time
    Column("who", Words, nullable=False),
    Column("reason", Words),
)

segment_member = Table(
    "segment_member",
    METADATA,
    Column("segment", Words, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("entered_at", Instant, nullable=False),
    Column("left_at", Instant),
    Column("at_start", Boolean, nullable=False),  # was a member already when following began
)
Index("ix_segment_member_segment_entered_at", segment_member.c.segment, segment_member.c.entered_at)

# The segments that are kept refreshed, and as of which `now` they were (none: they are for the first time).
# `turn` grows with each refresh: only the last to begin may write. `digest` says what was refreshed; another one, or none:
# everybody has to be looked at again.
followed_segment = Table(
    "followed_segment",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("refreshed_at", Instant),
    Column("turn", BigInteger, nullable=False),
    Column("digest", Words),
)

enrolment = Table(
    "enrolment",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("campaign", Words, nullable=False),
    Column("customer_id", ForeignKey("customer.id"), nullable=False),
    Column("occasion", Words, nullable=False),
    Column("definition_id", ForeignKey("definition.id"), nullable=False),
    Column("state", Words, nullable=False),  # in | finished | left
    Column("reason", Words),
    Column("entered_at", Instant, nullable=False),  # the right instant of entry, not when it was noticed
    Column("trigger_at", Instant, nullable=False),
    Column("trigger_event_id", ForeignKey("event.id")),
    Column("occurs_on", Date),
    Column("step", Words),
    Column("since", Instant),  # when she came to the step: the right instant, from which waits are counted
    Column("next_at", Instant),  # when the step's turn comes; NULL while its touch is under way
    Column("variant", Words),  # the arm of the last split she came through
    Column("unseen", Boolean),  # true: she has not been looked at since she came to the step, for an exit or a wait_for
    Column("past", Boolean, nullable=False),  # a wait's moment had passed: skip the sends up to the next wait
    Column("finished_at", Instant),
    Column("left_at", Instant),
    Column("goal_at", Instant),
    Column("goal_event_id", BigInteger),
    Column("goal_value", BigInteger),  # minor units, of goal_currency
    Column("goal_currency", Words),
    Column("goal_until", Instant),  # while she may still reach the goal: the end of its window
    Column("held_out_at", Instant),  # planned like everybody, but gets nothing, so that the rest can be compared with her
    UniqueConstraint("campaign", "customer_id", "occasion"),
)
partial_index(
    Index("ix_enrolment_open", enrolment.c.definition_id, enrolment.c.step, enrolment.c.next_at, enrolment.c.id),
    "state = 'in'",
)
partial_index(Index("ix_enrolment_unseen", enrolment.c.definition_id, enrolment.c.id), "unseen IS NOT NULL")
partial_index(Index("ix_enrolment_aiming", enrolment.c.definition_id, enrolment.c.id), "goal_until IS NOT NULL")
Index("ix_enrolment_customer_id", enrolment.c.customer_id)

# As of when a tick has looked at a version's customers: those who may enter by it (`entry`), those who are under way in it
# (`way`). Without a row everybody is looked at; so with another digest, which says what else the looks depended on.
looked = Table(
    "looked",
    METADATA,
    Column("definition_id", ForeignKey("definition.id"), primary_key=True),
    Column("part", Words, primary_key=True),
    Column("as_of", Instant, nullable=False),
    Column("digest", Words, nullable=False),
)

# Who is to take which arm of a split: drawn when she entered.
assignment = Table(
    "assignment",
    METADATA,
    Column("enrolment_id", ForeignKey("enrolment.id"), primary_key=True),
    Column("step", Words, primary_key=True),
    Column("variant", Words, nullable=False),
    Column("taken_at", Instant),  # when she came to the split: the right instant
    Column("seen_at", Instant),  # as of when a planning saw it; NULL: before this was written down
    sqlite_with_rowid=False,
)
partial_index(Index("ix_assignment_taken", assignment.c.step, assignment.c.taken_at), "taken_at IS NOT NULL")

# The one look at a split: who comes to it afterwards takes the winner, if there is one.
split_decision = Table(
    "split_decision",
    METADATA,
    Column("campaign", Words, primary_key=True),
    Column("step", Words, primary_key=True),
    Column("decided_at", Instant, nullable=False),
    Column("winner", Words),
    Column("figures", Json(), nullable=False),  # arm -> those who took it, and those of them who did what counts
)

# Whom somebody has entered by hand, under the key of the request: the same request again enters nobody twice.
entry_request = Table(
    "entry_request",
    METADATA,
    Column("campaign", Words, primary_key=True),
    Column("request", Words, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Words, nullable=False),
)
Index("ix_entry_request_campaign_at", entry_request.c.campaign, entry_request.c.at)

# While it lasts nothing of the topic (none: no marketing at all) is sent to the customer.
pause = Table(
    "pause",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), nullable=False),
    Column("topic", Words),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("lifts", Boolean, nullable=False),  # may end sooner: its step's condition holds, a person lifts it
    Column("lifted_at", Instant),  # ended before its time
    Column("enrolment_id", ForeignKey("enrolment.id")),  # of the step that began it
    Column("step", Words),
    # The version by which it is looked whether its condition holds; NULL: nothing can end it sooner any more.
    Column("definition_id", BigInteger),
    UniqueConstraint("enrolment_id", "step"),
)
Index("ix_pause_customer_id", pause.c.customer_id)
partial_index(Index("ix_pause_definition_id_until", pause.c.definition_id, pause.c.until), "definition_id IS NOT NULL")

offer = Table(
    "offer",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("enrolment_id", ForeignKey("enrolment.id"), nullable=False),
    Column("customer_id", ForeignKey("customer.id"), nullable=False),
    Column("campaign", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("code", Words, nullable=False),
    Column("is_unique", Boolean, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("valid_until", Instant),
    Column("redeemed_at", Instant),
    UniqueConstraint("enrolment_id", "name"),
)
partial_index(Index("ix_offer_code", offer.c.code, unique=True), "is_unique")
Index("ix_offer_customer_id", offer.c.customer_id)

# A task for a person.
follow_up = Table(
    "follow_up",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), nullable=False),
    Column("enrolment_id", ForeignKey("enrolment.id")),
    Column("kind", Words, nullable=False),
    Column("assignee", Words),
    Column("note", Words),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("done_at", Instant),
    Column("outcome", Words),
    Column("touch_id", ForeignKey("touch.id")),  # what was to be said by it; one task at most for each touch
)
Index("ix_follow_up_touch_id", follow_up.c.touch_id, unique=True)
Index("ix_follow_up_customer_id", follow_up.c.customer_id)
Index("ix_follow_up_kind_created_at", follow_up.c.kind, follow_up.c.created_at)
