"""An application whose only job kind writes down that it ran; served by the tests that break things around it."""

import asyncio
from datetime import timedelta

from fastapi import FastAPI

from tickover import Contract, Function, Job, Responsibility, Route, Tickover, queue_drain, queue_health


async def count(job: Job) -> None:
    """Take a few milliseconds, and leave a row."""
    await asyncio.sleep(0.003)
    async with job.transaction() as connection:
        await connection.execute("INSERT INTO handled (job_id, attempt) VALUES (%s, %s)", (job.id, job.attempt))


CONTRACT = Contract(
    (
        Route(
            "background-jobs",
            "BACKGROUND_JOBS_USE_INNGEST",
            ("queue-drain", "queue-health"),
            (
                Function(
                    "process-background-jobs",
                    "background/process.requested",
                    (Responsibility("queue-drain", queue_drain({"count": count})),),
                    retries=5,
                    continues=True,
                ),
                Function(
                    "background-maintenance",
                    "background/maintenance.requested",
                    (Responsibility("queue-health", queue_health(timedelta(minutes=30))),),
                ),
            ),
        ),
    )
)

app = FastAPI()
tickover = Tickover(CONTRACT, app_id="counting")
tickover.mount(app)


@app.get("/health")
async def health() -> dict[str, str]:
    """Whether it serves."""
    return {"status": "ok"}
