"""The jobs that a drain holds, from their claim until their outcome is recorded."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import structlog

from tickover import clock, telemetry
from tickover.jobs.claims import Claimed, Claims, Outcome, Standing
from tickover.jobs.states import Ending, JobState


class Holdings:
    """What is held, what has ended and is not recorded yet, and what became of it.

    Args:
        claims: what is done to the rows.
        batch: the most outcomes recorded by one statement.
        let_go: told of each job that another drain has won, so that work on it stops.
        log: where outcomes are told.
        kinds: those that there is a handler for, which the metrics name.
    """

    def __init__(
        self,
        claims: Claims,
        batch: int,
        let_go: Callable[[Claimed], None],
        log: structlog.stdlib.BoundLogger,
        kinds: frozenset[str],
    ) -> None:
        self._claims = claims
        self._batch = batch
        self._on_let_go = let_go
        self._log = log
        self._kinds = kinds
        self._uncounted: Counter[tuple[str, Ending]] = Counter()  # told to the metrics by the batch: a drain is fast
        self._held: dict[int, Claimed] = {}
        self._outcomes: list[Outcome] = []
        self._locked: set[int] = set()  # jobs whose outcome could not be recorded: they are in their own transaction
        self._renew_at = clock.monotonic() + claims.lease_s / 3
        self.claimed: Counter[str] = Counter()
        self.endings: Counter[Ending] = Counter()
        self.lost = 0

    @property
    def unrecorded(self) -> Sequence[Outcome]:
        """What has ended and is not recorded."""
        return self._outcomes

    @property
    def is_recordable(self) -> bool:
        """Whether something has ended that is not recorded, and is not known to be locked."""
        return len(self._outcomes) > len(self._locked)

    @property
    def held(self) -> Iterable[Claimed]:
        """What is held."""
        return list(self._held.values())

    def take(self, jobs: Sequence[Claimed]) -> None:
        """Hold jobs that were claimed."""
        self._held.update((job.id, job) for job in jobs)
        self.claimed.update(job.kind for job in jobs)

    def end(self, outcomes: Sequence[Outcome]) -> None:
        """Note what became of jobs, to be recorded."""
        self._outcomes.extend(outcomes)

    async def record(self) -> None:
        """Record what has ended. Each job's own fence protects it, so finished work needs no other lease."""
        ended = min(len(self._outcomes), self._batch)
        if not ended:
            return
        held = [outcome for outcome in self._outcomes[:ended] if self._held.get(outcome.job.id) is outcome.job]
        # A worker that did not stop in time may have ended after all: then its own outcome counts, which is the later.
        outcomes = list({outcome.job.id: outcome for outcome in held}.values())
        open_ = [outcome for outcome in outcomes if not outcome.committed]
        recorded = await self._claims.record(open_) if open_ else set()
        refused = {outcome.job.id: outcome for outcome in open_ if outcome.job.id not in recorded}
        standings = await self._claims.standings([outcome.job for outcome in refused.values()]) if refused else {}
        del self._outcomes[:ended]  # not before it is recorded; meanwhile workers only append
        for outcome in outcomes:
            if outcome.job.id in refused:
                self._settle_refused(outcome, standings.get(outcome.job.id))
            else:
                self._count(outcome)
        for (kind, ending), count in self._uncounted.items():
            telemetry.record_jobs(kind, str(ending), count, self._kinds)
        self._uncounted.clear()

    async def record_all(self) -> None:
        """Record all that has ended, but for what is locked at the moment."""
        left = len(self._outcomes) + 1
        while 0 < len(self._outcomes) < left:
            left = len(self._outcomes)
            await self.record()

    async def renew(self) -> None:
        """Hold on to what is held once a third of its lease is over; let go of what another drain has won meanwhile."""
        if clock.monotonic() < self._renew_at or not self._held:
            return
        self._renew_at = clock.monotonic() + self._claims.lease_s / 3
        jobs = list(self._held.values())
        kept = await self._claims.renew(jobs)
        for job in jobs:
            if job.id not in kept:
                self.let_go(job)

    def let_go(self, job: Claimed) -> None:
        """Hold a job no more: another drain has won it, or will."""
        if self._held.get(job.id) is not job:
            return  # this drain has won it anew, after its own lease had expired
        del self._held[job.id]
        self._locked.discard(job.id)
        self._on_let_go(job)
        self.lost += 1
        telemetry.record_jobs(job.kind, "lost", 1, self._kinds)
        self._log.warning("job.lost", job_id=job.id, kind=job.kind, fence=job.fence)

    def _settle_refused(self, outcome: Outcome, standing: Standing | None) -> None:
        """Go by the job's row: another drain's, or still in its own transaction, or ended by that."""
        if standing is None or standing.fence != outcome.job.fence:
            self.let_go(outcome.job)
        elif standing.state is JobState.RUNNING:
            self._locked.add(outcome.job.id)
            self._outcomes.insert(0, outcome._replace(is_plain=False))  # its row is locked; once more at the next turn
        elif standing.state is JobState.SUCCEEDED and outcome.ending is not Ending.SUCCEEDED:
            error = outcome.error or "cut off when the drain ended"
            self._count(outcome._replace(ending=Ending.SUCCEEDED, error=error))
        else:
            self._count(outcome)  # recorded before, and the answer was lost

    def _count(self, outcome: Outcome) -> None:
        del self._held[outcome.job.id]
        self._locked.discard(outcome.job.id)
        self.endings[outcome.ending] += 1
        self._uncounted[outcome.job.kind, outcome.ending] += 1
        if outcome.error is not None:
            _tell(self._log, outcome)


def _tell(log: structlog.stdlib.BoundLogger, outcome: Outcome) -> None:
    job = outcome.job
    log = log.bind(job_id=job.id, kind=job.kind, job_client_id=job.client_id, job_attempt=outcome.attempts)
    if outcome.ending is Ending.DEAD:
        log.error("job.died", error=outcome.error, max_attempts=job.max_attempts, exc_info=outcome.cause)
    elif outcome.ending is Ending.RETRIED:
        log.warning("job.failed", error=outcome.error, run_at=outcome.run_at)
    elif outcome.ending is Ending.SUCCEEDED:
        log.warning("job.failed_after_commit", error=outcome.error, exc_info=outcome.cause)
