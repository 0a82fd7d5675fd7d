"""The local engine's state: functions, events, runs, and the queue of calls."""

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
    op.execute("DROP SCHEMA tickover_engine CASCADE")
