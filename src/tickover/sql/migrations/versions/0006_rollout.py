"""Where each function stands between inline and durable, and what its shadow found."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the control, note acceptance and idleness, and create the table of shadow runs."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Drop all of it; what was set for a function is forgotten, so its flag alone decides again."""
    op.execute(Path(__file__).with_name("0006_rollout_back.sql").read_text())
