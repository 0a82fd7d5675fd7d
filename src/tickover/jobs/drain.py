"""Draining the queue for a given time: the body of `queue-drain`, and a call of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import psycopg

from tickover import clock
from tickover.database import Database
from tickover.errors import ScheduleError
from tickover.execution.run import Run, Summary
from tickover.jobs.attempt import Attempts
from tickover.jobs.claims import Claims, Terms
from tickover.jobs.crew import Crew, Size
from tickover.jobs.forgetting import Keeping, forget_jobs
from tickover.jobs.handler import Handlers
from tickover.jobs.holdings import Holdings
from tickover.jobs.limits import Limit, declare_limits
from tickover.jobs.pace import Pace
from tickover.jobs.queue import JobQueue
from tickover.jobs.recurring import Recurring, require_distinct
from tickover.jobs.schedules import enqueue_recurring, is_recurring_due
from tickover.jobs.slice import Slice
from tickover.jobs.states import Ending
from tickover.sql import statement
from tickover.telemetry import tracing

_KINDS_SHOWN = 20


class Order(StrEnum):
    """In which order due jobs are claimed."""

    FAIR = "fair"
    """Round by round among the clients that have due jobs; a client's own by priority, then by time."""
    FIFO = "fifo"
    """By priority, then by time, whosever they are."""


@dataclass(frozen=True, slots=True)
class DrainSettings:
    """How a queue is drained.

    Args:
        order: in which order due jobs are claimed.
        concurrency: handlers running at a time, sync ones in threads. Keep it below the size of the database's pool.
        batch: the most jobs claimed, or recorded, by one statement.
        lease: how long a claim outlives a process that died; it is renewed while the drain lives.
        quota: jobs a client gets in each round, unless `tickover.client_quota` says otherwise.
        max_running: jobs of one client that may be running, across all replicas, unless that table says otherwise; None
            for any number.
        limits: of some kinds, across all replicas.
        keeping: how long jobs are kept after they have ended; None is as the environment says.

    Raises:
        ValueError: a limit is not above zero.
    """

    order: Order = Order.FAIR
    concurrency: int = 8
    batch: int = 1000
    lease: timedelta = timedelta(seconds=60)
    quota: int = 1
    max_running: int | None = None
    limits: Mapping[str, Limit] = field(default_factory=dict)
    keeping: Keeping | None = None

    def __post_init__(self) -> None:
        most = 1 if self.max_running is None else self.max_running
        if min(self.batch, self.concurrency, self.quota, most) < 1 or self.lease <= timedelta():
            raise ValueError(
                "batch, concurrency, quota and max_running must be at least 1, and a lease longer than nothing"
            )


def queue_drain(
    handlers: Handlers, settings: DrainSettings | None = None, *, recurring: Sequence[Recurring] = ()
) -> "QueueDrain":
    """The responsibility that runs due jobs until none is left or its time is over.

    It claims no more than can be begun in time, and hands back what it has not begun. A handler still running when the
    time is over is cut off, and its job handed back; neither costs an attempt. A thread cannot be stopped: a sync
    handler that was cut off goes on beside the next attempt at its job, so it should look at `job.time_left()`.

    Args:
        handlers: the handler of each job kind. A job of any other kind becomes a dead letter.
        settings: how the queue is drained.
        recurring: jobs that are enqueued by themselves, at the beginning of each slice.

    Returns:
        A body for `Responsibility`. Its summary: `looked_at` jobs were claimed, `changed` succeeded, `left` are due
        still (counted up to 10,000). While a run is dry, due jobs are counted and nothing changes.

    Raises:
        ScheduleError: two recurring jobs have the same name, or one is of a kind without a handler.
        SettingsError: how long jobs are kept is malformed in the environment.
        ValueError: a kind with limits has no handler.
    """
    return QueueDrain(handlers, settings or DrainSettings(), tuple(recurring))


async def drain(
    database: Database,
    handlers: Handlers,
    *,
    budget: timedelta,
    settings: DrainSettings | None = None,
    recurring: Sequence[Recurring] = (),
    client_id: str | None = None,
) -> Summary:
    """Drain the queue now, outside any tick: a worker process, a command, a test.

    Args:
        database: where the queue stands.
        handlers: the handler of each job kind.
        budget: how long it may take.
        settings: how the queue is drained.
        recurring: jobs that are enqueued by themselves, at the beginning.
        client_id: only this client's jobs, or None for all.

    Returns:
        As `queue_drain`.

    Raises:
        ScheduleError: two recurring jobs have the same name, or one is of a kind without a handler.
        SettingsError: how long jobs are kept is malformed in the environment.
        ValueError: a kind with limits has no handler.
    """
    body = queue_drain(handlers, settings, recurring=recurring)
    with tracing.span("drain", {}) as span:
        summary = await body.drain(Slice.lasting(database, budget.total_seconds(), client_id))
        figures = {"looked_at": summary.looked_at, "changed": summary.changed, "left": summary.left}
        tracing.describe(span, {f"tickover.{name}": value for name, value in figures.items()})
    return summary


class QueueDrain:
    """The body that `queue_drain` makes.

    Args:
        handlers: the handler of each job kind.
        settings: how the queue is drained.
        recurring: jobs that are enqueued by themselves.

    Raises:
        ScheduleError: two recurring jobs have the same name, or one is of a kind without a handler.
        SettingsError: how long jobs are kept is malformed in the environment.
        ValueError: a kind with limits has no handler.
    """

    def __init__(self, handlers: Handlers, settings: DrainSettings, recurring: Sequence[Recurring]) -> None:
        if unknown := sorted(set(settings.limits) - set(handlers)):
            raise ValueError(f"limits are given for kinds without a handler: {', '.join(unknown)}")
        require_distinct(recurring)
        if unhandled := sorted(schedule.name for schedule in recurring if schedule.kind not in handlers):
            raise ScheduleError(f"recurring jobs of kinds without a handler: {', '.join(unhandled)}")
        self.recurring = recurring
        self._handlers = handlers
        self._settings = settings
        self._keeping = settings.keeping or Keeping.of_the_environment()
        self._quickest: dict[str, float] = {}
        self._threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="tickover-job")

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of jobs that it has a handler for."""
        return frozenset(self._handlers)

    async def __call__(self, run: Run) -> Summary:
        """Drain the queue for as long as a run may take."""
        if run.dry:
            health = await JobQueue(run.database).health(clock.now(), run.client_id)
            return Summary(looked_at=health.due, left=health.due, details={"more": health.more})
        return await self.drain(Slice.of(run))

    async def owes_nothing(self, database: Database, client_id: str | None, now: datetime) -> bool:
        """Whether a drain would find nothing to do but to forget what has ended.

        No job is due, none was left behind by a process that died, and no recurring one has its time now.

        Args:
            database: where the queue stands.
            client_id: only this client's jobs; all where None.
            now: the current time.
        """
        async with database.connection() as connection:
            cursor = await connection.execute(statement("jobs/is_idle"), {"client_id": client_id})
            row = await cursor.fetchone()
        is_idle = row is not None and bool(row[0])
        return is_idle and not await is_recurring_due(database, self.recurring, now)

    async def drain(self, slice_: Slice) -> Summary:
        """Drain the queue for one slice."""
        settings, database = self._settings, slice_.database
        recurred = await enqueue_recurring(database, self.recurring, clock.now()) if self.recurring else None
        lanes = await declare_limits(database, self._handlers, settings.limits)
        lease_s = settings.lease.total_seconds()
        terms = Terms(settings.order is Order.FAIR, lease_s, settings.quota, settings.max_running)
        attempts = Attempts(slice_, self._handlers, lanes, self._threads)
        pace = Pace(settings.concurrency, settings.batch, slice_.whole_s, self._quickest)
        crew = Crew(slice_, attempts, Claims(slice_, terms), pace, Size(settings.concurrency, settings.batch))
        is_over = asyncio.Event()
        forgetting = asyncio.create_task(self._forget(slice_, is_over))
        try:
            await crew.carry_out()
        finally:
            is_over.set()
            forgotten = await forgetting
        left = (await JobQueue(database).health(clock.now(), slice_.client_id)).due
        more = {"forgotten": forgotten, **({} if recurred is None else {"recurring": asdict(recurred)})}
        return _summary(crew.holdings, left, more)

    async def _forget(self, slice_: Slice, is_over: asyncio.Event) -> int:
        """Drop old jobs beside the work, which is as good without it."""
        try:
            return await forget_jobs(slice_.database, self._keeping, clock.now(), is_over)
        except psycopg.Error as error:
            slice_.log.warning("jobs.not_forgotten", reason=str(error).partition("\n")[0])
            return 0


def _summary(holdings: Holdings, left: int, more: Mapping[str, object]) -> Summary:
    return Summary(
        looked_at=holdings.claimed.total(),
        changed=holdings.endings[Ending.SUCCEEDED],
        left=left,
        details={
            **{str(ending): holdings.endings[ending] for ending in Ending},
            "lost": holdings.lost,
            "kinds": dict(holdings.claimed.most_common(_KINDS_SHOWN)),
            **more,
        },
    )
