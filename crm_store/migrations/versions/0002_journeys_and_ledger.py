"""Definitions, journeys, the touch ledger."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Id, Instant, Json, Words

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "campaign",
        sa.Column("name", Words, nullable=False),
        sa.Column("kind", Words, nullable=False),
        sa.Column("status", Words, nullable=False),
        sa.Column("live_since", Instant(), nullable=True),
        sa.Column("plans", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_campaign")),
    )
    op.create_table(
        "campaign_run",
        sa.Column("id", Id, nullable=False),
        sa.Column("campaign", Words, nullable=False),
        sa.Column("now", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("eligible", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_run")),
    )
    op.create_index("ix_campaign_run_campaign_now", "campaign_run", ["campaign", "now"], unique=False)
    op.create_table(
        "definition",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("hash", Words, nullable=False),
        sa.Column("files", Json(), nullable=False),
        sa.Column("renderer", Words, nullable=False),
        sa.Column("git_commit", Words, nullable=True),
        sa.Column("author", Words, nullable=True),
        sa.Column("published_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_definition")),
        sa.UniqueConstraint("kind", "name", "hash", name=op.f("uq_definition_kind_name_hash")),
    )
    op.create_table(
        "request",
        sa.Column("id", Words, nullable=False),
        sa.Column("channel", Words, nullable=False),
        sa.Column("provider", Words, nullable=False),
        sa.Column("touches", sa.Integer(), nullable=False),
        sa.Column("body_hash", Words, nullable=False),
        sa.Column("dispatched_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("answer", Words, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
    )
    op.create_table(
        "published",
        sa.Column("kind", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("definition_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["definition_id"], ["definition.id"], name=op.f("fk_published_definition_id")),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_published")),
    )
    op.create_table(
        "segment_member",
        sa.Column("segment", Words, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entered_at", Instant(), nullable=False),
        sa.Column("left_at", Instant(), nullable=True),
        sa.Column("at_start", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_segment_member_customer_id")),
        sa.PrimaryKeyConstraint("segment", "customer_id", "n", name=op.f("pk_segment_member")),
    )
    op.create_index("ix_segment_member_segment_entered_at", "segment_member", ["segment", "entered_at"], unique=False)
    op.create_table(
        "enrolment",
        sa.Column("id", Id, nullable=False),
        sa.Column("campaign", Words, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("occasion", Words, nullable=False),
        sa.Column("definition_id", Id, nullable=False),
        sa.Column("state", Words, nullable=False),
        sa.Column("reason", Words, nullable=True),
        sa.Column("entered_at", Instant(), nullable=False),
        sa.Column("trigger_at", Instant(), nullable=False),
        sa.Column("trigger_event_id", Id, nullable=True),
        sa.Column("occurs_on", sa.Date(), nullable=True),
        sa.Column("step", Words, nullable=True),
        sa.Column("next_at", Instant(), nullable=True),
        sa.Column("past", sa.Boolean(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_enrolment_customer_id")),
        sa.ForeignKeyConstraint(["definition_id"], ["definition.id"], name=op.f("fk_enrolment_definition_id")),
        sa.ForeignKeyConstraint(["trigger_event_id"], ["event.id"], name=op.f("fk_enrolment_trigger_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
        sa.UniqueConstraint("campaign", "customer_id", "occasion", name=op.f("uq_enrolment_campaign_customer_id_occasion")),
    )
    op.create_index("ix_enrolment_customer_id", "enrolment", ["customer_id"], unique=False)
    op.create_index(
        "ix_enrolment_open",
        "enrolment",
        ["definition_id", "step", "next_at"],
        unique=False,
        sqlite_where=sa.text("state = 'in'"),
        postgresql_where=sa.text("state = 'in'"),
    )
    op.create_table(
        "offer",
        sa.Column("id", Id, nullable=False),
        sa.Column("enrolment_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("campaign", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("code", Words, nullable=False),
        sa.Column("is_unique", sa.Boolean(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("valid_until", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_offer_customer_id")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_offer_enrolment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
        sa.UniqueConstraint("enrolment_id", "name", name=op.f("uq_offer_enrolment_id_name")),
    )
    op.create_index(
        "ix_offer_code",
        "offer",
        ["code"],
        unique=True,
        sqlite_where=sa.text("is_unique"),
        postgresql_where=sa.text("is_unique"),
    )
    op.create_index("ix_offer_customer_id", "offer", ["customer_id"], unique=False)
    op.create_table(
        "touch",
        sa.Column("id", Id, nullable=False),
        sa.Column("run_id", Id, nullable=False),
        sa.Column("enrolment_id", Id, nullable=False),
        sa.Column("step", Words, nullable=False),
        sa.Column("campaign", Words, nullable=False),
        sa.Column("definition_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("channel", Words, nullable=False),
        sa.Column("template", Words, nullable=False),
        sa.Column("template_id", Id, nullable=True),
        sa.Column("trigger_event_id", Id, nullable=True),
        sa.Column("offer_id", Id, nullable=True),
        sa.Column("state", Words, nullable=False),
        sa.Column("reason", Words, nullable=True),
        sa.Column("right_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retry_at", Instant(), nullable=True),
        sa.Column("verdicts", Words, nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("claim", Words, nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("request_id", Words, nullable=True),
        sa.Column("message_id", Words, nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_touch_customer_id")),
        sa.ForeignKeyConstraint(["definition_id"], ["definition.id"], name=op.f("fk_touch_definition_id")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_touch_enrolment_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_touch_offer_id")),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_touch_request_id")),
        sa.ForeignKeyConstraint(["run_id"], ["campaign_run.id"], name=op.f("fk_touch_run_id")),
        sa.ForeignKeyConstraint(["template_id"], ["definition.id"], name=op.f("fk_touch_template_id")),
        sa.ForeignKeyConstraint(["trigger_event_id"], ["event.id"], name=op.f("fk_touch_trigger_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touch")),
        sa.UniqueConstraint("enrolment_id", "step", name=op.f("uq_touch_enrolment_id_step")),
    )
    op.create_index("ix_touch_customer_id", "touch", ["customer_id"], unique=False)
    op.create_index(
        "ix_touch_due",
        "touch",
        ["campaign", "definition_id", "step", "due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'due'"),
        postgresql_where=sa.text("state = 'due'"),
    )
    op.create_index(
        "ix_touch_leased",
        "touch",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state IN ('claimed', 'dispatched')"),
        postgresql_where=sa.text("state IN ('claimed', 'dispatched')"),
    )
    op.create_index("ix_touch_request_id", "touch", ["request_id"], unique=False)
    op.create_index("ix_touch_run_id_state", "touch", ["run_id", "state"], unique=False)
    op.create_table(
        "touch_values",
        sa.Column("touch_id", Id, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["touch_id"], ["touch.id"], name=op.f("fk_touch_values_touch_id")),
        sa.PrimaryKeyConstraint("touch_id", name=op.f("pk_touch_values")),
    )
