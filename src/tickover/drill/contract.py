"""What the drill's application owes, with deadlines in seconds that stand for minutes."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta

from tickover import (
    Contract,
    DrainSettings,
    Function,
    Job,
    Responsibility,
    Route,
    Run,
    Summary,
    queue_drain,
    queue_health,
)
from tickover.sql import statement

FLAG = "BACKGROUND_JOBS_USE_INNGEST"
JOB_KIND = "drill"
FUNCTIONS = ("process-background-jobs", "background-maintenance")
MAINTENANCE = ("stale-draft-recovery", "prune-draft-pipeline-runs", "prune-lead-memory", "prune-workspace-memory")
RESPONSIBILITIES = ("queue-drain", *MAINTENANCE, "queue-health")
START_BY = timedelta(seconds=3)
FINISH_BY = timedelta(seconds=6)
LEASE_S = 3.0
INLINE_BUDGET_S = 5.0
SQL = "tickover.drill.sql"
_BATCHES = 3
_JOB_LEASE = timedelta(seconds=3)


def contract(batch_s: float, job_s: float) -> Contract:
    """One route, two functions, six responsibilities, as an application has them that moves to durable functions.

    Args:
        batch_s: seconds a batch of maintenance takes.
        job_s: seconds a job takes.
    """

    async def carry_out_job(job: Job) -> None:
        async with job.transaction() as connection:
            await asyncio.sleep(job_s)
            await connection.execute(
                statement("add_effect", SQL), {"job_id": job.id, "attempt": job.attempt, "pid": os.getpid()}
            )

    process = Function(
        FUNCTIONS[0],
        "background/process.requested",
        (
            Responsibility(
                "queue-drain", queue_drain({JOB_KIND: carry_out_job}, DrainSettings(batch=20, lease=_JOB_LEASE))
            ),
        ),
        retries=4,
        start_by=START_BY,
        finish_by=FINISH_BY,
        continues=True,
    )
    maintain = Function(
        FUNCTIONS[1],
        "background/maintenance.requested",
        (
            *(Responsibility(name, _batches(batch_s)) for name in MAINTENANCE),
            Responsibility("queue-health", queue_health(timedelta(minutes=5))),
        ),
        retries=4,
        start_by=START_BY,
        finish_by=FINISH_BY,
    )
    second = timedelta(seconds=1)
    route = Route("background-jobs", FLAG, RESPONSIBILITIES, (process, maintain), window=second, every=second)
    return Contract((route,))


def _batches(batch_s: float) -> Callable[[Run], Awaitable[Summary]]:
    """Maintenance that leaves a mark with each batch, so that it shows afterwards who did what under which fence."""

    async def carry_out(run: Run) -> Summary:
        for done in range(_BATCHES):
            if not run.may_go_on():
                return Summary(looked_at=done, changed=done, left=_BATCHES - done)
            async with run.batch() as connection:
                await asyncio.sleep(batch_s)
                mark = {
                    "obligation_id": run.lease.obligation_id,
                    "fence": run.lease.fence,
                    "responsibility": run.responsibility,
                    "pid": os.getpid(),
                }
                await connection.execute(statement("add_mark", SQL), mark)
        return Summary(looked_at=_BATCHES, changed=_BATCHES)

    return carry_out
