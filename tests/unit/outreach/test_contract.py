from datetime import timedelta

from tickover.execution.run import Work
from tickover.maintenance.recovery import StaleRecovery
from tickover.maintenance.retention import Retention
from tickover.outreach.contract import contract
from tickover.outreach.handlers import HANDLERS
from tickover.outreach.settings import OutreachSettings
from tickover.outreach.states import MOVES, DraftState

MAINTENANCE = [
    "stale-draft-recovery",
    "prune-draft-pipeline-runs",
    "prune-lead-memory",
    "prune-workspace-memory",
    "queue-health",
]


def works(settings: OutreachSettings) -> dict[str, Work]:
    """The body of every responsibility."""
    return {part.id: part.run for function in contract(settings).functions for part in function.responsibilities}


def test_f01_the_contract_carries_all_six_responsibilities() -> None:
    """What the cron route did is split over two functions, in order, and nothing is dropped."""
    (route,) = contract(OutreachSettings()).routes
    assert (route.id, route.flag) == ("background-jobs", "BACKGROUND_JOBS_USE_INNGEST")
    process, maintain = route.functions
    assert [part.id for part in process.responsibilities] == ["queue-drain"]
    assert [part.id for part in maintain.responsibilities] == MAINTENANCE
    assert list(route.owes) == ["queue-drain", *MAINTENANCE]


def test_the_functions_are_declared_as_engines_know_them() -> None:
    """Ids, events and retries of both; only the drain goes on at once when work is left."""
    (route,) = contract(OutreachSettings()).routes
    assert [(f.id, f.event, f.retries, f.continues) for f in route.functions] == [
        ("process-background-jobs", "background/process.requested", 5, True),
        ("background-maintenance", "background/maintenance.requested", 3, False),
    ]


def test_every_job_kind_has_a_handler() -> None:
    """The five kinds of the reference application."""
    assert set(HANDLERS) == {
        "email_inbound_post_process",
        "sms_inbound_post_process",
        "lead_scoring",
        "conversation_sync",
        "ai_auto_send_delayed",
    }


def test_stale_drafts_are_those_that_are_being_sent() -> None:
    """Ten minutes in `sending`, a hundred a run; on to `sent` or back to `approved`, both allowed moves."""
    recovery = works(OutreachSettings())["stale-draft-recovery"]
    assert isinstance(recovery, StaleRecovery)
    assert (recovery.stuck, recovery.after.total_seconds(), recovery.limit) == (DraftState.SENDING, 600, 100)
    assert {DraftState(recovery.done), DraftState(recovery.undone)} <= MOVES[DraftState.SENDING]


def test_the_settings_reach_the_responsibilities() -> None:
    """The days that pipeline runs are kept come from the environment."""
    runs = works(OutreachSettings(draft_pipeline_run_retention_days=7))["prune-draft-pipeline-runs"]
    assert isinstance(runs, Retention)
    assert runs.keep == timedelta(days=7)
