"""Jobs are claimed by rounds of clients, and within the limits of their kinds."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let only due jobs stand in the indexes that claiming walks; make the lanes and the claim."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Go back to one line of jobs for all; what was scheduled waits in it."""
    op.execute(Path(__file__).with_name("0003_fair_jobs_back.sql").read_text())
