"""Journeys in full: where enrolments came from, splits, entries by hand, pauses, goals, campaigns that are held."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Id, Instant, Json, Words

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaign", sa.Column("held", Words, nullable=True))
    op.add_column("campaign", sa.Column("held_since", Instant(), nullable=True))
    op.add_column("campaign_run", sa.Column("copied_at", Instant(), nullable=True))
    op.add_column("campaign", sa.Column("entered_to", Instant(), nullable=True))
    op.add_column("campaign", sa.Column("entered_by", sa.BigInteger(), nullable=True))
    op.add_column("touch", sa.Column("first_campaign", Words, nullable=True))
    op.add_column("touch", sa.Column("first_step", Words, nullable=True))
    _enrolment()
    _looks()
    _splits()
    _entries_and_pauses()


def _enrolment() -> None:
    op.add_column("enrolment", sa.Column("since", Instant(), nullable=True))
    op.add_column("enrolment", sa.Column("variant", Words, nullable=True))
    op.add_column("enrolment", sa.Column("goal_event_id", sa.BigInteger(), nullable=True))
    op.add_column("enrolment", sa.Column("goal_value", sa.BigInteger(), nullable=True))
    op.add_column("enrolment", sa.Column("goal_currency", Words, nullable=True))
    op.add_column("enrolment", sa.Column("goal_until", Instant(), nullable=True))
    where = sa.text("goal_until IS NOT NULL")
    op.create_index("ix_enrolment_aiming", "enrolment", ["definition_id", "id"], sqlite_where=where, postgresql_where=where)


def _looks() -> None:
    op.add_column("customer_changed", sa.Column("refreshed", sa.Boolean(), nullable=True))
    op.add_column("enrolment", sa.Column("unseen", sa.Boolean(), nullable=True))
    where = sa.text("unseen IS NOT NULL")
    op.create_index("ix_enrolment_unseen", "enrolment", ["definition_id", "id"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "looked",
        sa.Column("definition_id", Id, nullable=False),
        sa.Column("part", Words, nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("digest", Words, nullable=False),
        sa.ForeignKeyConstraint(["definition_id"], ["definition.id"], name=op.f("fk_looked_definition_id")),
        sa.PrimaryKeyConstraint("definition_id", "part", name=op.f("pk_looked")),
    )


def _splits() -> None:
    op.create_table(
        "assignment",
        sa.Column("enrolment_id", Id, nullable=False),
        sa.Column("step", Words, nullable=False),
        sa.Column("variant", Words, nullable=False),
        sa.Column("taken_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_assignment_enrolment_id")),
        sa.PrimaryKeyConstraint("enrolment_id", "step", name=op.f("pk_assignment")),
        sqlite_with_rowid=False,
    )
    taken = sa.text("taken_at IS NOT NULL")
    op.create_index("ix_assignment_taken", "assignment", ["step", "taken_at"], sqlite_where=taken, postgresql_where=taken)
    op.create_table(
        "split_decision",
        sa.Column("campaign", Words, nullable=False),
        sa.Column("step", Words, nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("winner", Words, nullable=True),
        sa.Column("figures", Json(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "step", name=op.f("pk_split_decision")),
    )


def _entries_and_pauses() -> None:
    op.create_table(
        "entry_request",
        sa.Column("campaign", Words, nullable=False),
        sa.Column("request", Words, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("who", Words, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_entry_request_customer_id")),
        sa.PrimaryKeyConstraint("campaign", "request", "customer_id", name=op.f("pk_entry_request")),
    )
    op.create_index("ix_entry_request_campaign_at", "entry_request", ["campaign", "at"])
    op.create_table(
        "pause",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("topic", Words, nullable=True),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("lifts", sa.Boolean(), nullable=False),
        sa.Column("lifted_at", Instant(), nullable=True),
        sa.Column("enrolment_id", Id, nullable=True),
        sa.Column("step", Words, nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_pause_customer_id")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_pause_enrolment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pause")),
        sa.UniqueConstraint("enrolment_id", "step", name=op.f("uq_pause_enrolment_id_step")),
    )
    op.create_index("ix_pause_customer_id", "pause", ["customer_id"])
