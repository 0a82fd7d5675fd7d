"""What may be enqueued and what may not."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.errors import EnqueueError
from tickover.jobs.new_job import HORIZON, MAX_PAYLOAD_BYTES, NewJob, check

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
GOOD = NewJob("lead_scoring", {"lead": 1})


def nested(depth: int) -> Any:
    """Lists within lists, so many deep."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


CIRCULAR: list[Any] = []
CIRCULAR.append(CIRCULAR)

BAD_PAYLOADS = {
    "NaN": float("nan"),
    "infinity within": {"a": [float("inf")]},
    "a set": {1, 2},
    "bytes": b"raw",
    "a datetime": {"at": NOW},
    "a date": date(2026, 11, 23),
    "a Decimal": Decimal(1),
    "a UUID": UUID(int=1),
    "an object": object(),
    "a lone surrogate": "\ud83d",
    "a lone surrogate as key": {"\udc00": 1},
    "a NUL character": {"text": "a\0b"},
    "a NUL character in a key": {"a\0b": 1},
    "a NUL character after a backslash": "\\\0",
    "an integer key": {1: "one"},
    "a None key, deep within": {"a": [{"b": ({None: 1},)}]},
    "itself": CIRCULAR,
    "101 levels": nested(101),
    "5000 levels": nested(5000),
    "an endless integer": 10**5000,
    "a byte too much": "x" * (MAX_PAYLOAD_BYTES - 1),
    "characters of several bytes": "€" * (MAX_PAYLOAD_BYTES // 3),
}

BAD_FIELDS: list[tuple[str, Any]] = [
    *(("kind", value) for value in ("", "Lead", "1st", "a b", "a/b", "a\n", "é", "x" * 101, None, 7, b"lead")),
    *(("client_id", value) for value in ("", "-a", ".", "a b", "a/b", "acme\n", "é", "x" * 65, 7, b"acme")),
    *(("priority", value) for value in (-1001, 1001, 1.5, "1", None, True, 10**5000)),
    *(("max_attempts", value) for value in (0, -1, 101, 2.0, "5", None, True)),
    *(("timeout_s", value) for value in (0, -1, 3600.1, float("nan"), float("inf"), 10**400, "60", None, True)),
    *(("dedupe_key", value) for value in ("", "x" * 201, "a\0b", "\ud800", 7, b"key")),
    *(
        ("run_at", value)
        for value in (
            datetime(2026, 11, 23, 15),  # noqa: DTZ001 - naive on purpose
            datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
            datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
            NOW + HORIZON + timedelta(microseconds=1),
            NOW - HORIZON - timedelta(microseconds=1),
            date(2026, 11, 24),
            "2026-11-24T00:00:00Z",
            1_800_000_000,
        )
    ),
]


@pytest.mark.parametrize("payload", BAD_PAYLOADS.values(), ids=BAD_PAYLOADS.keys())
def test_a_payload_that_is_no_json_is_refused(payload: Any) -> None:
    """The error names the payload and says that nothing was enqueued."""
    with pytest.raises(EnqueueError, match="nothing was enqueued: payload: it "):
        check([GOOD._replace(payload=payload)], NOW)


@pytest.mark.parametrize(("name", "value"), BAD_FIELDS, ids=[f"{name}-{n}" for n, (name, _) in enumerate(BAD_FIELDS)])
def test_a_malformed_field_is_refused(name: str, value: Any) -> None:
    """The error names the field, and is short enough to be read."""
    with pytest.raises(EnqueueError, match=f"nothing was enqueued: {name} ") as refusal:
        check([GOOD._replace(**{name: value})], NOW)
    assert len(str(refusal.value)) < 300


def test_every_fault_of_a_call_is_named() -> None:
    """Two bad jobs among three: the error names both, by place, with every fault."""
    jobs = [GOOD, GOOD._replace(kind="A", priority=5000), GOOD._replace(payload={1})]
    with pytest.raises(EnqueueError) as refusal:
        check(jobs, NOW)
    text = str(refusal.value)
    assert [part in text for part in ("job 1: kind 'A'", "job 1: priority 5000", "job 2: payload:")] == [True] * 3
    assert "job 0" not in text


def test_of_many_faults_ten_are_named() -> None:
    """A thousand bad jobs do not make an endless error."""
    with pytest.raises(EnqueueError, match="and 990 more") as refusal:
        check([GOOD._replace(kind="A")] * 1000, NOW)
    assert str(refusal.value).count("job ") == 10


@pytest.mark.parametrize(
    "job",
    [
        GOOD._replace(kind="x" * 100, client_id="A" + "." * 63, dedupe_key="€" * 200),
        GOOD._replace(priority=-1000, max_attempts=1, timeout_s=0.001),
        GOOD._replace(priority=1000, max_attempts=100, timeout_s=3600),
        GOOD._replace(run_at=(NOW + HORIZON).astimezone(timezone(timedelta(hours=-12)))),
        GOOD._replace(payload=None),
        GOOD._replace(payload=nested(100)),
        GOOD._replace(payload="x" * (MAX_PAYLOAD_BYTES - 2)),
        GOOD._replace(payload={"": [], "text": "\\u0000 spelled out, \\\\u0000 too, \N{GRINNING FACE}"}),
    ],
)
def test_the_limits_themselves_are_allowed(job: NewJob) -> None:
    """A job at the edge of every rule passes."""
    assert check([job], NOW)[0].job == job


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc\\u0"), inner),
)


@given(JSON)
def test_any_json_value_passes_unchanged(payload: Any) -> None:
    """What is stored parses to what was given."""
    assert json.loads(check([NewJob("any", payload)], NOW)[0].payload) == payload
