"""What somebody was told, or is to be told, of what is wrong."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of notices, of where they go, and of their deliveries."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Drop them; what is still wrong is told anew after the next upgrade."""
    op.execute(Path(__file__).with_name("0007_notices_back.sql").read_text())
