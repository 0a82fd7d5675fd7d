"""Leads, messages, drafts, draft pipeline runs and memories."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Drop everything the first revision made."""
    op.execute("DROP SCHEMA outreach CASCADE")
