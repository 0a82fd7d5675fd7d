"""Which environment a database belongs to."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the seal."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Drop the seal."""
    op.execute("DROP FUNCTION tickover.store_identity()")
    op.execute("DROP TABLE tickover.seal")
