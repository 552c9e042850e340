"""Control: runs that are held or stopped, campaigns that a person has paused, refusals, a log that is only added to."""

import sqlalchemy as sa
from alembic import op

from crm_store.schema.types import Id, Instant, Words

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_REFUSED = "the log is only added to"


def upgrade() -> None:
    op.add_column("campaign_run", sa.Column("state", Words, nullable=True))
    op.add_column("campaign_run", sa.Column("state_since", Instant(), nullable=True))
    op.add_column("campaign_run", sa.Column("why", Words, nullable=True))
    where = sa.text("state IS NOT NULL")
    op.create_index(
        "ix_campaign_run_state", "campaign_run", ["campaign", "state"], sqlite_where=where, postgresql_where=where
    )
    op.add_column("request", sa.Column("claimed_at", Instant(), nullable=True))
    op.add_column("log", sa.Column("reason", Words, nullable=True))
    op.create_table(
        "campaign_pause",
        sa.Column("campaign", Words, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("who", Words, nullable=False),
        sa.Column("reason", Words, nullable=True),
        sa.PrimaryKeyConstraint("campaign", name=op.f("pk_campaign_pause")),
    )
    op.create_table(
        "refusal",
        sa.Column("request_id", Words, nullable=False),
        sa.Column("run_id", Id, nullable=False),
        sa.Column("answer", Words, nullable=False),
        sa.Column("touches", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_refusal_request_id")),
        sa.ForeignKeyConstraint(["run_id"], ["campaign_run.id"], name=op.f("fk_refusal_run_id")),
        sa.PrimaryKeyConstraint("request_id", "run_id", "answer", name=op.f("pk_refusal")),
    )
    op.create_index("ix_refusal_run_id", "refusal", ["run_id"])
    _add_only()


def _add_only() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for what in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER log_no_{what} BEFORE {what.upper()} ON log BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_change_of_log() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    for name, what, each in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER log_no_{name} BEFORE {what} ON log FOR EACH {each} EXECUTE FUNCTION refuse_change_of_log()"
        )
