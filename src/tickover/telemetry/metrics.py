"""Metrics: recorded once, told to OpenTelemetry's API and kept for Prometheus.

Without an SDK of the user's OpenTelemetry does nothing, and what Prometheus is shown stays in this process until
`/metrics` is asked for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import prometheus_client as prometheus
from opentelemetry import metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tickover.telemetry import instruments
from tickover.telemetry.instruments import COUNTED, READ, Instrument, Sort

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `exposition` returns."""

_CREATED = "_created"  # series that nobody asks for, one for each of the others


@dataclass(slots=True)
class Reading:
    """How things stand, as gauges.

    Args:
        values: by metric and by its labels' values; a metric without one is absent.
    """

    values: dict[Instrument, dict[tuple[str, ...], float]] = field(default_factory=dict)

    def set(self, instrument: Instrument, value: float, *labels: str) -> None:
        """Note a value.

        Args:
            instrument: of which metric.
            value: in its unit.
            labels: in the order of its labels.
        """
        self.values.setdefault(instrument, {})[labels] = value


class _Recorder:
    """What is counted, in OpenTelemetry and in a registry of its own: the user's default one is left alone."""

    def __init__(self) -> None:
        meter = metrics.get_meter("tickover")
        self._registry = prometheus.CollectorRegistry()
        self._told: dict[Instrument, Any] = {one: _told(meter, one) for one in instruments.INSTRUMENTS}
        self._kept: dict[Instrument, Any] = {one: _kept(self._registry, one) for one in COUNTED}

    def count(self, instrument: Instrument, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a counter."""
        self._told[instrument].add(amount, dict(labels))
        self._kept[instrument].labels(**labels).inc(amount)

    def begin(self, instrument: Instrument, labels: Mapping[str, str]) -> None:
        """Show a series before anything is counted in it: of one that begins at 1 the first would not be seen."""
        self._kept[instrument].labels(**labels)

    def observe(self, instrument: Instrument, labels: Mapping[str, str], value: float) -> None:
        """Add a value to a histogram."""
        self._told[instrument].record(value, dict(labels))
        self._kept[instrument].labels(**labels).observe(value)

    def tell(self, instrument: Instrument, labels: Mapping[str, str], value: float) -> None:
        """Set a gauge of OpenTelemetry; what Prometheus is shown is read when it asks."""
        self._told[instrument].set(value, dict(labels))

    def exposition(self, reading: Reading) -> bytes:
        """All of it, as Prometheus reads it."""
        shown = prometheus.CollectorRegistry()
        shown.register(_Shown(self._registry, reading))
        return prometheus.generate_latest(shown)


class _Shown(Collector):
    """What a scrape sees: what was counted, and what was read for it."""

    def __init__(self, counted: prometheus.CollectorRegistry, reading: Reading) -> None:
        self._counted = counted
        self._reading = reading

    def collect(self) -> Iterable[Metric]:
        """Each metric with its series."""
        for metric in self._counted.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith(_CREATED)]
            yield metric
        yield from self._read()

    def _read(self) -> Iterator[Metric]:
        for instrument in READ:
            if instrument not in self._reading.values:
                continue
            family = GaugeMetricFamily(instrument.exposed, instrument.description, labels=instrument.labels)
            for labels, value in self._reading.values[instrument].items():
                family.add_metric(labels, value)
            yield family


def _told(meter: metrics.Meter, instrument: Instrument) -> Any:
    name, unit, description = instrument.name, instrument.unit, instrument.description
    if instrument.sort is Sort.COUNTER:
        return meter.create_counter(name, unit, description)
    if instrument.sort is Sort.HISTOGRAM:
        buckets: Sequence[float] = instrument.buckets
        return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=buckets)
    return meter.create_gauge(name, unit, description)


def _kept(registry: prometheus.CollectorRegistry, instrument: Instrument) -> Any:
    name, description, labels = instrument.exposed, instrument.description, instrument.labels
    if instrument.sort is Sort.COUNTER:
        return prometheus.Counter(name, description, labels, registry=registry)
    return prometheus.Histogram(name, description, labels, registry=registry, buckets=instrument.buckets)


_recorder = _Recorder()


def exposition(reading: Reading) -> bytes:
    """What was counted in this process, with what was read, in Prometheus's text format.

    Args:
        reading: the gauges.
    """
    return _recorder.exposition(reading)


def begin_series(instrument: Instrument, *labels: str) -> None:
    """Show Prometheus a series of something that has not happened yet.

    Args:
        instrument: one that is counted.
        labels: in the order of its labels.
    """
    _recorder.begin(instrument, dict(zip(instrument.labels, labels, strict=True)))


def record_reading(reading: Reading) -> None:
    """Tell OpenTelemetry how things stand."""
    for instrument, values in reading.values.items():
        for labels, value in values.items():
            _recorder.tell(instrument, dict(zip(instrument.labels, labels, strict=True)), value)


def record_queue_health(*, due: int, oldest_age: float) -> None:
    """Report the job queue.

    Args:
        due: jobs whose time has come.
        oldest_age: seconds since the oldest of them became due; 0 without one.
    """
    _recorder.tell(instruments.QUEUE_DUE, {}, due)
    _recorder.tell(instruments.QUEUE_AGE, {}, oldest_age)


def record_tick(route: str, mode: str) -> None:
    """Count a tick that was answered.

    Args:
        route: the cron endpoint.
        mode: what was done about it.
    """
    _recorder.count(instruments.TICKS, {"route": route, "mode": mode})


def record_begin(function: str, path: str, waited_s: float) -> None:
    """Note that an obligation was taken up for the first time.

    Args:
        function: whose.
        path: who carries it out.
        waited_s: seconds since its tick was accepted.
    """
    _recorder.observe(instruments.WAIT, {"function": function, "path": path}, max(0.0, waited_s))


def record_end(function: str, path: str, state: str, duration_s: float) -> None:
    """Note that an attempt at an obligation has ended.

    Args:
        function: whose.
        path: who carried it out.
        state: what it left behind.
        duration_s: seconds from its begin.
    """
    _recorder.count(instruments.OBLIGATIONS, {"function": function, "path": path, "state": state})
    _recorder.observe(instruments.DURATION, {"function": function, "path": path}, duration_s)


def record_covered(function: str, path: str, count: int) -> None:
    """Count older obligations that a success has covered.

    Args:
        function: whose.
        path: who carried out what covers them.
        count: how many.
    """
    if count:
        _recorder.count(instruments.OBLIGATIONS, {"function": function, "path": path, "state": "covered"}, count)


def record_recovery(function: str, was: str) -> None:
    """Count a run that carried out what was late; what it covered besides is counted with the obligations.

    Args:
        function: whose.
        was: the state in which the newest of them was stuck.
    """
    _recorder.count(instruments.RECOVERIES, {"function": function, "was": was})


def record_execution(function: str, path: str) -> None:
    """Count a call of the engine.

    Args:
        function: which it asked for.
        path: `durable`, or `shadow` for a dry run.
    """
    _recorder.count(instruments.EXECUTIONS, {"function": function, "path": path})


def record_jobs(kind: str, outcome: str, count: int, kinds: frozenset[str]) -> None:
    """Count jobs of one kind that a drain had claimed.

    Args:
        kind: which; the label is `other` where no handler is for it, since anybody may enqueue any kind.
        outcome: what became of them.
        count: how many.
        kinds: those that there is a handler for.
    """
    label = kind if kind in kinds else instruments.OTHER
    _recorder.count(instruments.JOBS, {"kind": label, "outcome": outcome}, count)


def record_refused(endpoint: str, cause: str) -> None:
    """Count a request that was refused.

    Args:
        endpoint: `engine` or `cron`.
        cause: one that has a remedy.
    """
    _recorder.count(instruments.REFUSED, {"endpoint": endpoint, "cause": cause})


def record_status_failure(cause: str) -> None:
    """Count a status that could not be mirrored.

    Args:
        cause: `away`, or `foreign` where Redis belongs to another environment.
    """
    _recorder.count(instruments.STATUS_FAILURES, {"cause": cause})
