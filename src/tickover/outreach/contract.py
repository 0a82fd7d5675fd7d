"""What the reference application owes to its cron endpoint: the example to copy."""

from datetime import timedelta

from tickover import Contract, Function, Responsibility, Route
from tickover.jobs.drain import queue_drain
from tickover.maintenance.queue_health import queue_health
from tickover.maintenance.recovery import Evidence, StaleRecovery
from tickover.maintenance.retention import Retention
from tickover.outreach.handlers import HANDLERS
from tickover.outreach.settings import OutreachSettings
from tickover.outreach.states import DraftState, Source

_OWES = (
    "queue-drain",
    "stale-draft-recovery",
    "prune-draft-pipeline-runs",
    "prune-lead-memory",
    "prune-workspace-memory",
    "queue-health",
)
_STALE_DRAFTS = StaleRecovery(
    "outreach.ai_draft",
    stuck=DraftState.SENDING,
    after=timedelta(minutes=10),
    evidence=Evidence("outreach.message", "draft_id"),
    done=DraftState.SENT,
    undone=DraftState.APPROVED,
    undone_as="missing_messages",
)
_LEAD_GUESSES = Retention("outreach.lead_memory_entry", since="expires_at", only={"source": Source.INFERENCE})
_WORKSPACE_GUESSES = Retention("outreach.workspace_memory_entry", since="expires_at", only={"source": Source.INFERENCE})


def contract(settings: OutreachSettings) -> Contract:
    """One route, two functions, six responsibilities."""
    keep_runs = timedelta(days=settings.draft_pipeline_run_retention_days)
    alert_after = timedelta(minutes=settings.background_job_stale_queue_alert_minutes)
    old_runs = Retention("outreach.draft_pipeline_run", since="created_at", keep=keep_runs)
    process = Function(
        "process-background-jobs",
        "background/process.requested",
        (Responsibility("queue-drain", queue_drain(HANDLERS)),),
        retries=5,
        continues=True,
    )
    maintain = Function(
        "background-maintenance",
        "background/maintenance.requested",
        (
            Responsibility("stale-draft-recovery", _STALE_DRAFTS),
            Responsibility("prune-draft-pipeline-runs", old_runs),
            Responsibility("prune-lead-memory", _LEAD_GUESSES),
            Responsibility("prune-workspace-memory", _WORKSPACE_GUESSES),
            Responsibility("queue-health", queue_health(alert_after)),
        ),
        retries=3,
    )
    return Contract((Route("background-jobs", "BACKGROUND_JOBS_USE_INNGEST", _OWES, (process, maintain)),))
