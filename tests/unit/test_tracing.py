"""What travels with an event, what is taken up of it, and that no secret gets into a span."""

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from tests.spans import id_of, parent_of, recorded, trace_of
from tickover.telemetry import tracing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_without_an_sdk_nothing_travels_and_nothing_is_recorded() -> None:
    """The API alone makes spans that nobody records."""
    with tracing.span("a", {}) as span:
        assert tracing.carried() == {}
        assert not span.is_recording()
        assert not tracing.is_recording()


def test_what_is_carried_is_taken_up_as_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing but the text has come along."""
    with recorded(monkeypatch) as spans:
        with tracing.span("send", {"tickover.route": "r", "none": None}, SpanKind.PRODUCER):
            sent = tracing.carried()
        with tracing.span("process", {}, SpanKind.CONSUMER, parent=tracing.taken_up(sent)):
            pass
        send, process = spans.one("send"), spans.one("process")
        assert (trace_of(process), parent_of(process)) == (trace_of(send), id_of(send))
        assert dict(send.attributes or {}) == {"tickover.route": "r"}


@pytest.mark.parametrize(
    "said",
    [
        None, "", 7, [], {}, {"traceparent": None}, {"traceparent": 7}, {"traceparent": ""},
        {"traceparent": "x" * 10_000},
        {"traceparent": "00-00000000000000000000000000000000-b7ad6b7169203331-01"}, {"traceparent": PARENT[:-5]},
        {"tracestate": "a=b"}, {"traceparent": PARENT.replace("0af", "zzz")},
    ],
)  # fmt: skip
def test_what_is_no_context_is_ignored(said: object) -> None:
    """Tried: nothing, other types, far too much, zeros, cut off, other letters."""
    assert tracing.taken_up(said) is None


def test_a_request_goes_on_with_the_trace_of_its_caller_or_of_the_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    """An instrumented framework has taken the header up already."""
    with recorded(monkeypatch) as spans:
        with tracing.request_span("tick", {"traceparent": PARENT}, {}):
            pass
        with tracing.span("framework", {}), tracing.request_span("within", {"traceparent": PARENT}, {}):
            pass
        tick, within = spans.one("tick"), spans.one("within")
        assert (trace.format_trace_id(trace_of(tick)), tick.kind) == (PARENT.split("-")[1], SpanKind.SERVER)
        assert (trace_of(within), within.kind) == (trace_of(spans.one("framework")), SpanKind.INTERNAL)


def test_an_error_is_told_whole_without_the_secrets_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the status, the message and the stack; it is raised on."""
    monkeypatch.setenv("INNGEST_EVENT_KEY", "event-key-that-is-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:pass-word-7@host/db")
    with recorded(monkeypatch) as spans:
        with (
            pytest.raises(RuntimeError, match="pass-word-7"),
            tracing.span("a", {}),
        ):
            raise RuntimeError("POST https://inn.gs/e/event-key-that-is-secret as u:pass-word-7")
        span = spans.one("a")
        assert span.status.status_code is StatusCode.ERROR
        assert "<INNGEST_EVENT_KEY>" in spans.said()
        assert [event.name for event in span.events] == ["exception"]
        for secret in ("event-key-that-is-secret", "pass-word-7"):
            assert secret not in spans.said()


def test_a_link_leads_to_what_a_span_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is no parent; one that cannot be read is none."""
    with recorded(monkeypatch) as spans:
        with tracing.span("recovery", {}, linked=[tracing.taken_up({"traceparent": PARENT}), None]):
            pass
        span = spans.one("recovery")
        assert [trace.format_trace_id(link.context.trace_id) for link in span.links] == [PARENT.split("-")[1]]
        assert trace.format_trace_id(trace_of(span)) != PARENT.split("-")[1]


def test_an_answer_like_any_other_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised on all the same."""
    with recorded(monkeypatch) as spans:
        with pytest.raises(KeyError), tracing.span("a", {}, ordinary=(KeyError,)):
            raise KeyError
        assert (spans.one("a").status.status_code, list(spans.one("a").events)) == (StatusCode.UNSET, [])
