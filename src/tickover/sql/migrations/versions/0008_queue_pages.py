"""Jobs can be discarded, their attempts are kept, and acts on many jobs go on in the background."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a state, the tables of attempts and of acts, and what pages are made of."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Drop them; what was discarded is a dead letter then."""
    op.execute(Path(__file__).with_name("0008_queue_pages_back.sql").read_text())
