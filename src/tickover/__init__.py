"""Moves cron-driven background work onto durable functions, and back, without dropping a tick."""

from tickover.app import Tickover
from tickover.contract import Contract, Function, Responsibility, Route
from tickover.execution.run import Run, Summary
from tickover.jobs.drain import DrainSettings, Order, drain, queue_drain
from tickover.jobs.handler import BatchError, Job, RetryJobError, batch
from tickover.jobs.limits import Limit
from tickover.jobs.new_job import NewJob
from tickover.jobs.queue import JobQueue, enqueue_many_sync, enqueue_sync
from tickover.jobs.recurring import Recurring
from tickover.maintenance.queue_health import queue_health
from tickover.rollout.limits import LIMITS, Limits, Tolerance
from tickover.rollout.stages import Stage

__all__ = [
    "LIMITS",
    "BatchError",
    "Contract",
    "DrainSettings",
    "Function",
    "Job",
    "JobQueue",
    "Limit",
    "Limits",
    "NewJob",
    "Order",
    "Recurring",
    "Responsibility",
    "RetryJobError",
    "Route",
    "Run",
    "Stage",
    "Summary",
    "Tickover",
    "Tolerance",
    "batch",
    "drain",
    "enqueue_many_sync",
    "enqueue_sync",
    "queue_drain",
    "queue_health",
]
