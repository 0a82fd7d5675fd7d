"""Rows that wake a step, and the indexes by which events are found and old rows dropped."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the indexes."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Drop them; steps that sleep are called again."""
    op.execute("DROP INDEX tickover_engine.event_event, tickover_engine.event_received, tickover_engine.run_ended")
    op.execute("ALTER TABLE tickover_engine.item DROP COLUMN wakes")
