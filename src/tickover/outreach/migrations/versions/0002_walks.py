"""Indexes that pruning walks go on with the key."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the longer ones, and drop those that they replace."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Go back to the shorter ones."""
    op.execute("CREATE INDEX draft_pipeline_run_age ON outreach.draft_pipeline_run (created_at)")
    op.execute("DROP INDEX outreach.draft_pipeline_run_walk")
    for table in ("lead_memory_entry", "workspace_memory_entry"):
        op.execute(f"CREATE INDEX {table}_expiry ON outreach.{table} (source, expires_at)")
        op.execute(f"DROP INDEX outreach.{table}_walk")
