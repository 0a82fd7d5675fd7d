"""Recorded spans, for the tests of traces."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tickover.telemetry import tracing


class Recorded:
    """What an exporter was given."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> list[ReadableSpan]:
        """Every span that has ended, in the order of their ends."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """Those of that name."""
        return [span for span in self.all() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only one of that name."""
        (found,) = self.named(name)
        return found

    def said(self) -> str:
        """Everything that stands in them."""
        return "\n".join(span.to_json() for span in self.all())


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """Record spans, as an application does that has the SDK."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("tickover"))
    try:
        yield Recorded(exporter)
    finally:
        provider.shutdown()


def parent_of(span: ReadableSpan) -> int | None:
    """The id of the span around it."""
    return None if span.parent is None else int(span.parent.span_id)


def id_of(span: ReadableSpan) -> int:
    """Its own id."""
    context = span.get_span_context()
    assert context is not None
    return int(context.span_id)


def trace_of(span: ReadableSpan) -> int:
    """The trace it is part of."""
    context = span.get_span_context()
    assert context is not None
    return int(context.trace_id)
