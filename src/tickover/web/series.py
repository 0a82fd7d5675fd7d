"""Every series that alerts look at, shown as zero from the start: Prometheus sees no growth in one that begins at 1."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product

from tickover.contract import Contract
from tickover.jobs.drain import QueueDrain
from tickover.jobs.states import Ending
from tickover.ledger.states import ENDED, Path, State
from tickover.maintenance.queue_health import QueueHealth
from tickover.telemetry import instruments
from tickover.telemetry.metrics import begin_series
from tickover.ticks.decision import Mode
from tickover.ticks.findings import REMEDIES
from tickover.web.problems import UNDONE

_PATHS = (Path.DURABLE, Path.INLINE, Path.FALLBACK, Path.RECOVERY)
_STALE_AFTER = timedelta(minutes=30)  # where nothing watches the queue
_STUCK = [state for state in State if state not in ENDED]


def begin_all(contract: Contract) -> None:
    """Show the series of a contract's routes, functions and kinds of jobs, and of every cause of refusals."""
    for route, mode in product(contract.routes, [*Mode, *UNDONE]):
        begin_series(instruments.TICKS, route.id, str(mode))
    for function in contract.functions:
        for path, state in product(_PATHS, (State.SUCCEEDED, State.FAILED)):
            begin_series(instruments.OBLIGATIONS, function.id, str(path), str(state))
        for state in _STUCK:
            begin_series(instruments.RECOVERIES, function.id, str(state))
        begin_series(instruments.EXECUTIONS, function.id, str(Path.DURABLE))
    for kind, ending in product(sorted(kinds_of(contract) | {instruments.OTHER}), Ending):
        begin_series(instruments.JOBS, kind, str(ending))
    for endpoint, cause in REMEDIES:
        begin_series(instruments.REFUSED, endpoint, cause)
    for cause in ("away", "foreign"):
        begin_series(instruments.STATUS_FAILURES, cause)


def stale_after_of(contract: Contract) -> timedelta:
    """How long the oldest due job may wait: the shortest that a contract's watches over the queue were given."""
    return min((body.stale_after for body in _bodies(contract) if isinstance(body, QueueHealth)), default=_STALE_AFTER)


def kinds_of(contract: Contract) -> frozenset[str]:
    """The kinds of jobs that some drain of a contract has a handler for."""
    return frozenset(kind for body in _bodies(contract) if isinstance(body, QueueDrain) for kind in body.kinds)


def _bodies(contract: Contract) -> Iterator[object]:
    return (responsibility.run for function in contract.functions for responsibility in function.responsibilities)
