"""On PostgreSQL a job that is asked for at once is due at once, also by a clock that is ahead.

Who asks writes `run_at` by its own clock, workers compare it with the server's. Asked at once means that
`run_at` is not behind `created_at`, or that a job that waited, or was over, is offered again. Both are
brought back to the server's time as they are written; a later time that somebody chose stays. SQLite has
one clock for all.

Revision: 0022, after 0021.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"  # as the column counts
AHEAD = f"NEW.run_at > {NOW}"
WHEN = {
    "INSERT": f"NEW.run_at <= NEW.created_at AND {AHEAD}",
    "UPDATE": f"OLD.state NOT IN ('queued', 'running') AND NEW.state = 'queued' AND {AHEAD}",
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute(
        "CREATE FUNCTION camel_ext_due_now() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN NEW.run_at := {NOW}; RETURN NEW; END $$"
    )
    for change, when in WHEN.items():
        op.execute(
            f"CREATE TRIGGER due_now_{change.lower()} BEFORE {change} ON jobs "
            f"FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION camel_ext_due_now()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for change in WHEN:
        op.execute(f"DROP TRIGGER due_now_{change.lower()} ON jobs")
    op.execute("DROP FUNCTION camel_ext_due_now()")
