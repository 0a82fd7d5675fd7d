"""Traces: OpenTelemetry's API. Without the user's SDK nothing is recorded, and nothing travels.

One trace leads from the cron request over the send to the durable run and each of its jobs: the context travels in the
event, in its own member, as W3C Trace Context has it (https://www.w3.org/TR/trace-context/).
"""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tickover.errors import WrongEnvironmentError
from tickover.isolation.redaction import redact, secrets_in
from tickover.settings import environment

MEMBER = "trace"
"""The member of an event's data that holds the context: `{"traceparent": …, "tracestate": …}`."""

_LONGEST = 512  # characters of what others say of their trace, as the standard asks to be kept at least
_LONGEST_MESSAGE, _LONGEST_STACK = 1_000, 8_000  # characters of what is told of an error
_KNOWN = ("traceparent", "tracestate")
_tracer = trace.get_tracer("tickover")
_propagator = TraceContextTextMapPropagator()

Attributes = Mapping[str, str | int | float | bool | None]


def carried() -> dict[str, str]:
    """The current context, to travel along; empty where nobody records it."""
    context: dict[str, str] = {}
    _propagator.inject(context)
    return context


def taken_up(said: Any) -> Context | None:
    """The context that somebody sent along; None where there is none that can be read.

    Args:
        said: whatever came in its place: headers, or a member of an event. It is nobody's to trust.
    """
    if not isinstance(said, Mapping):
        return None
    words = {name: said[name] for name in _KNOWN if isinstance(said.get(name), str) and len(said[name]) <= _LONGEST}
    if "tracestate" in words and redact(words["tracestate"], secrets_in(environment())) != words["tracestate"]:
        del words["tracestate"]  # it would go on to others
    context = _propagator.extract(words)
    return context if trace.get_current_span(context).get_span_context().is_valid else None


def is_recording() -> bool:
    """Whether somebody records the current span: what would be many small ones is spared otherwise."""
    return trace.get_current_span().is_recording()


@contextmanager
def span(
    name: str,
    attributes: Attributes,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    parent: Context | None = None,
    linked: Sequence[Context | None] = (),
    ordinary: tuple[type[Exception], ...] = (),
) -> Iterator[Span]:
    """A span around a piece of work; what it raises is told without the secrets of the process, and raised on.

    Args:
        name: of few different ones.
        attributes: those that are None are left out.
        kind: as OpenTelemetry has it.
        parent: the context to go on with, where it is not the current one.
        linked: other contexts that this is about.
        ordinary: what may be raised and is no failure: an answer like any other.
    """
    links = [Link(trace.get_current_span(context).get_span_context()) for context in linked if context is not None]
    started = _tracer.start_as_current_span(
        name, parent, kind, None, links, record_exception=False, set_status_on_exception=False
    )
    with started as current:
        describe(current, attributes)
        try:
            yield current
        except ordinary:
            raise
        except Exception as error:
            failed(current, error)
            raise


@contextmanager
def request_span(name: str, headers: Mapping[str, str], attributes: Attributes) -> Iterator[Span]:
    """The span of a request: within the one that an instrumented web framework has begun, or that of the caller.

    Args:
        name: of few different ones.
        headers: of the request.
        attributes: as for `span`.
    """
    is_begun = trace.get_current_span().get_span_context().is_valid
    kind = SpanKind.INTERNAL if is_begun else SpanKind.SERVER
    parent = None if is_begun else taken_up(headers)
    with span(name, attributes, kind, parent=parent, ordinary=(WrongEnvironmentError,)) as current:
        yield current


def describe(current: Span, attributes: Attributes) -> None:
    """Say more of a span. What callers name themselves, keys and ids among it, is told without the process's secrets.

    Args:
        current: the span.
        attributes: those that are None are left out.
    """
    if current.is_recording():
        secrets = secrets_in(environment())
        known = {key: value for key, value in attributes.items() if value is not None}
        current.set_attributes({k: redact(v, secrets) if isinstance(v, str) else v for k, v in known.items()})


def failed(current: Span, error: BaseException) -> None:
    """Say that a span's work failed, without the secrets of the process.

    Args:
        current: the span.
        error: why.
    """
    if not current.is_recording():
        return
    secrets = secrets_in(environment())
    message = redact(str(error), secrets)[:_LONGEST_MESSAGE]
    stack = redact("".join(traceback.format_exception(error)), secrets)[-_LONGEST_STACK:]
    current.set_status(Status(StatusCode.ERROR, message))
    attributes = {
        "exception.type": type(error).__qualname__,
        "exception.message": message,
        "exception.stacktrace": stack,
    }
    current.add_event("exception", attributes)


def came_to_nothing(current: Span, reason: str) -> None:
    """Say that a span's work failed without an exception.

    Args:
        current: the span.
        reason: why, in words.
    """
    if current.is_recording():
        current.set_status(Status(StatusCode.ERROR, redact(reason, secrets_in(environment()))[:_LONGEST_MESSAGE]))
