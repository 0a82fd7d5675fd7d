"""What the reference application itself reads from the environment."""

from pydantic import Field

from tickover.settings import TrimmedSettings


class OutreachSettings(TrimmedSettings):
    """How long things are kept, and when a waiting queue is an alarm."""

    draft_pipeline_run_retention_days: int = Field(default=30, ge=1, le=3650, description="days a pipeline run is kept")
    background_job_stale_queue_alert_minutes: int = Field(
        default=30, ge=5, le=10_080, description="minutes the oldest due job may wait before that is an alarm"
    )
