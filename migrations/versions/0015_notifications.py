"""Channels, rules, notices, deliveries, what was read of the inbox, and how far events are dealt with.

What happened before is not told: cursors begin at the newest event of each organisation.

Revision: 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def tenant() -> list[sa.Column]:
    return [
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "notification_channels",
        *tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("config", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.String(length=120), nullable=True),
        sa.Column("old_secret", sa.String(length=120), nullable=True),
        sa.Column("old_until", sa.BigInteger(), nullable=True),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_channels")),
    )
    op.create_index(
        "uq_notification_channels_name",
        "notification_channels",
        ["org_id", "project_id", "name"],
        unique=True,
    )
    op.create_table(
        "notification_rules",
        *tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("event_types", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("condition", sa.String(), nullable=True),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.Column("daily_at", sa.String(length=5), nullable=False),
        sa.Column("quiet_from", sa.String(length=5), nullable=True),
        sa.Column("quiet_until", sa.String(length=5), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("throttle_s", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["notification_channels.id"],
            name=op.f("fk_notification_rules_channel_id_notification_channels"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_rules")),
    )
    op.create_index(
        "uq_notification_rules_name",
        "notification_rules",
        ["org_id", "project_id", "name"],
        unique=True,
    )
    op.create_index(
        "ix_notification_rules_channel",
        "notification_rules",
        ["org_id", "project_id", "channel_id"],
    )
    op.create_table(
        "notification_deliveries",
        *tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=True),
        sa.Column("bucket", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("waiting_for", sa.String(length=16), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("response_code", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.Column("error_code", sa.String(length=120), nullable=True),
        sa.Column("error_detail", sa.String(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_deliveries")),
    )
    op.create_index(
        "uq_notification_deliveries_bucket",
        "notification_deliveries",
        ["org_id", "project_id", "rule_id", "bucket"],
        unique=True,
    )
    op.create_index(
        "ix_notification_deliveries_created",
        "notification_deliveries",
        ["org_id", "project_id", "created_at", "id"],
    )
    op.create_index(
        "ix_notification_deliveries_due",
        "notification_deliveries",
        ["org_id", "project_id", "rule_id", "due_at"],
    )
    op.create_index("ix_notification_deliveries_age", "notification_deliveries", ["created_at"])
    op.create_table(
        "notification_notices",
        *tenant(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("in_inbox", sa.Boolean(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=True),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["notification_deliveries.id"],
            name=op.f("fk_notification_notices_delivery_id_notification_deliveries"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_notices")),
    )
    op.create_index(
        "uq_notification_notices_event",
        "notification_notices",
        ["org_id", "project_id", "rule_id", "seq"],
        unique=True,
    )
    op.create_index(
        "ix_notification_notices_delivery",
        "notification_notices",
        ["org_id", "project_id", "delivery_id"],
    )
    op.create_index(
        "ix_notification_notices_inbox",
        "notification_notices",
        ["org_id", "project_id", "created_at", "id"],
        sqlite_where=sa.text("in_inbox"),
        postgresql_where=sa.text("in_inbox"),
    )
    op.create_index("ix_notification_notices_age", "notification_notices", ["created_at"])
    op.create_table(
        "inbox_marks",
        *tenant(),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "org_id", "project_id", "principal_id", name=op.f("pk_inbox_marks")
        ),
    )
    op.create_table(
        "inbox_reads",
        *tenant(),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"],
            ["notification_notices.id"],
            name=op.f("fk_inbox_reads_notice_id_notification_notices"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "org_id", "project_id", "principal_id", "notice_id", name=op.f("pk_inbox_reads")
        ),
    )
    op.create_index("ix_inbox_reads_notice", "inbox_reads", ["notice_id"])
    op.create_table(
        "notification_cursors",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_notification_cursors")),
    )
    op.execute(
        "INSERT INTO notification_cursors (org_id, seq) SELECT org_id, last_seq FROM feed_heads"
    )


def downgrade() -> None:
    for table in (
        "notification_cursors",
        "inbox_reads",
        "inbox_marks",
        "notification_notices",
        "notification_deliveries",
        "notification_rules",
        "notification_channels",
    ):
        op.drop_table(table)
