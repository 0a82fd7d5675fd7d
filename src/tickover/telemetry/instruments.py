"""Every metric that there is: one table, from which OpenTelemetry's and Prometheus's are both made. Pure.

Labels are bounded: routes, functions and kinds come from the contract, everything else from a closed set. No client, no
key and no error is one.
"""

from dataclasses import dataclass
from enum import StrEnum

OTHER = "other"
"""Stands for every kind of job that no handler of the contract is for."""


class Sort(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    """Only grows, in each process for itself."""
    HISTOGRAM = "histogram"
    """Counts values by their size, in each process for itself."""
    GAUGE = "gauge"
    """How things stand in the database, the same whichever replica is asked."""


_SUFFIXES = {"s": "_seconds"}
_WAITS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
_TIMES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A metric.

    Args:
        name: as OpenTelemetry names it, with dots.
        sort: how it behaves.
        unit: as UCUM writes it: `s`, or what is counted, in braces.
        description: what a value says.
        labels: what its series differ by.
        buckets: upper bounds of a histogram, in its unit.
    """

    name: str
    sort: Sort
    unit: str
    description: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def exposed(self) -> str:
        """Its name in Prometheus: the unit stands in it, and a counter ends in `_total`."""
        base = self.name.replace(".", "_") + _SUFFIXES.get(self.unit, "")
        return f"{base}_total" if self.sort is Sort.COUNTER else base

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its series in Prometheus."""
        if self.sort is Sort.HISTOGRAM:
            return tuple(f"{self.exposed}_{part}" for part in ("bucket", "sum", "count"))
        return (self.exposed,)


TICKS = Instrument(
    "tickover.ticks", Sort.COUNTER, "{tick}", "Ticks answered, by route and by what was done about them, if anything.",
    ("route", "mode"),
)  # fmt: skip
OBLIGATIONS = Instrument(
    "tickover.obligations", Sort.COUNTER, "{obligation}",
    "Attempts at obligations that ended, by who made them and the state they left behind.",
    ("function", "path", "state"),
)  # fmt: skip
WAIT = Instrument(
    "tickover.obligation.wait", Sort.HISTOGRAM, "s",
    "Time from a tick's acceptance until its work began, first attempts only.", ("function", "path"), _WAITS,
)  # fmt: skip
DURATION = Instrument(
    "tickover.obligation.duration", Sort.HISTOGRAM, "s", "Time from the begin to the end of an attempt.",
    ("function", "path"), _TIMES,
)  # fmt: skip
RECOVERIES = Instrument(
    "tickover.recoveries", Sort.COUNTER, "{recovery}",
    "Runs that carried out late work beside the engine, by the state in which it was stuck.",
    ("function", "was"),
)  # fmt: skip
EXECUTIONS = Instrument(
    "tickover.executions", Sort.COUNTER, "{execution}",
    "Calls of the engine that this application carried out, which is what the engine bills.", ("function", "path"),
)  # fmt: skip
JOBS = Instrument(
    "tickover.jobs", Sort.COUNTER, "{job}", "Claimed jobs, by kind and by what became of them.", ("kind", "outcome"),
)  # fmt: skip
REFUSED = Instrument(
    "tickover.refused.requests", Sort.COUNTER, "{request}", "Requests that were refused, by endpoint and cause.",
    ("endpoint", "cause"),
)  # fmt: skip
STATUS_FAILURES = Instrument(
    "tickover.status.write.failures", Sort.COUNTER, "{write}",
    "Statuses that could not be mirrored in Redis; the ledger has them all.", ("cause",),
)  # fmt: skip
DATABASE_UP = Instrument(
    "tickover.database.up", Sort.GAUGE, "", "1 while the ledger's database answers; all gauges below are read from it.",
)  # fmt: skip
WRONG_ENVIRONMENT = Instrument(
    "tickover.wrong_environment", Sort.GAUGE, "",
    "1 while this process may change nothing where it stands: every tick is answered 409.",
)  # fmt: skip
GAP = Instrument(
    "tickover.coverage.gap", Sort.GAUGE, "s", "Time since a route's newest tick of cron.", ("route",),
)  # fmt: skip
INTERVAL = Instrument(
    "tickover.coverage.interval", Sort.GAUGE, "s",
    "Time between two ticks of a route, as declared or as usual; absent before enough have come.", ("route",),
)  # fmt: skip
QUEUE_DUE = Instrument(
    "tickover.queue.due", Sort.GAUGE, "{job}", "Jobs that are due, counted up to 10,000.",
)  # fmt: skip
QUEUE_AGE = Instrument(
    "tickover.queue.oldest_due_age", Sort.GAUGE, "s", "Time for which the oldest due job has waited; 0 without one.",
)  # fmt: skip
QUEUE_STALE_AFTER = Instrument(
    "tickover.queue.stale_after", Sort.GAUGE, "s",
    "Time for which the oldest due job may wait: as `queue_health` was given, or else half an hour.",
)  # fmt: skip
CIRCUIT = Instrument(
    "tickover.circuit.open", Sort.GAUGE, "", "1 while a route's ticks are not handed to the engine.", ("route",),
)  # fmt: skip
NOTICES = Instrument(
    "tickover.notices.open", Sort.GAUGE, "{notice}", "Notices that are open, by severity.", ("severity",),
)  # fmt: skip

COUNTED = (TICKS, OBLIGATIONS, WAIT, DURATION, RECOVERIES, EXECUTIONS, JOBS, REFUSED, STATUS_FAILURES)
"""What each process counts for itself."""

READ = (DATABASE_UP, WRONG_ENVIRONMENT, GAP, INTERVAL, QUEUE_DUE, QUEUE_AGE, QUEUE_STALE_AFTER, CIRCUIT, NOTICES)
"""What is read when somebody asks."""

INSTRUMENTS = (*COUNTED, *READ)
"""All of them."""
