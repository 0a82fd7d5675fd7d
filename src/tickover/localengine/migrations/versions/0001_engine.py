"""The local engine's state: functions, events, runs, the queue of calls, and what moves them."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and functions."""
    folder = Path(__file__).parent
    for name in ("0001_engine.sql", "0001_functions.sql"):
        op.execute((folder / name).read_text())


def downgrade() -> None:
    """Drop everything the first revision made."""
    op.execute("DROP SCHEMA tickover_engine CASCADE")
