"""When recurring jobs occur next."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of recurring jobs."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Drop the table of recurring jobs."""
    op.execute("DROP TABLE tickover.recurring")
