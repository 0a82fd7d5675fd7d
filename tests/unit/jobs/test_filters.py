"""Filters of jobs, as they are said, and the places where pages go on."""

from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.errors import CursorError, JobFilterError
from tickover.jobs.filters import LONGEST_ERROR, MAX_ID, NO_CLIENT, JobFilter, cursor_at, place_of
from tickover.jobs.states import JobState

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def test_a_filter_is_read_from_texts() -> None:
    """Trimmed; what is blank is not asked for."""
    asked = {"kind": " send ", "client": "acme", "state": "dead", "older_than": "90m", "error": " timeout", "": ""}
    assert JobFilter.parse(asked) == JobFilter("send", "acme", JobState.DEAD, timedelta(minutes=90), "timeout")
    assert JobFilter.parse({"kind": "  ", "client": ""}) == JobFilter()
    assert JobFilter.parse({"client": "-"}).client_id == NO_CLIENT


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ({"kind": "Send"}, "kind 'Send' is not of the form"),
        ({"kind": "a'; DROP TABLE tickover.job --"}, "is not of the form"),
        ({"client": "a b"}, "client 'a b' is not of the form"),
        ({"state": "running away"}, "there is no state 'running away'; there are scheduled"),
        ({"older_than": "soon"}, "say 90s, 15m, 2h or 3d"),
        ({"older_than": "0s"}, "above nothing"),
        ({"older_than": "4000d"}, "up to 3650 days"),
        ({"older_than": "999999999d"}, "up to 3650 days"),
        ({"error": "x" * (LONGEST_ERROR + 1)}, "1 to 200 characters"),
        ({"error": "a\0b"}, "without a zero"),
        ({"colour": "red"}, "there is no filter 'colour'; there are client_id"),
    ],
)
def test_what_no_job_can_be_is_refused_by_name(asked: dict[str, str], fault: str) -> None:
    """The text says what was asked for, and what could be."""
    with pytest.raises(JobFilterError) as raised:
        JobFilter.parse(asked)
    assert fault in str(raised.value)


def test_all_faults_of_a_filter_are_told_at_once() -> None:
    """Two values of a wrong form, one unknown name."""
    with pytest.raises(JobFilterError) as raised:
        JobFilter.parse({"state": "gone", "older_than": "x", "size": "1"})
    assert [part.split("'")[1] for part in str(raised.value).split("; ") if "'" in part] == ["size", "gone", "x"]


FILTERS = st.builds(
    JobFilter,
    kind=st.none() | st.from_regex(r"\A[a-z][a-z0-9_.-]{0,20}\Z"),
    client_id=st.none() | st.just(NO_CLIENT) | st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,20}\Z"),
    state=st.none() | st.sampled_from(JobState),
    older_than=st.none() | st.integers(1, 10**8).map(lambda seconds: timedelta(seconds=seconds)),
    error=st.none()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).map(str.strip).filter(bool),
)


@given(FILTERS)
def test_a_filter_survives_as_words(asked: JobFilter) -> None:
    """What `as_words` says is read as the same filter."""
    assert JobFilter.parse(asked.as_words()) == asked


def test_an_age_is_counted_back_from_now() -> None:
    """And none is none."""
    assert JobFilter(older_than=timedelta(hours=1)).made_before(NOW) == NOW - timedelta(hours=1)
    assert JobFilter().made_before(NOW) is None


@given(st.integers(1, MAX_ID))
def test_a_cursor_leads_back_to_its_place(job_id: int) -> None:
    """For every id there can be."""
    assert place_of(cursor_at(job_id)) == job_id


def _forged(text: bytes) -> str:
    return urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["", "1", "???", "ünde", "a" * 10_000, _forged(b"j1:0"), _forged(b"j1:-1"), _forged(b"j1:007"), _forged(b"j2:7"),
     _forged(b"j1:9223372036854775808"), _forged(b"j1:1 OR 1=1"), cursor_at(7) + "=", cursor_at(7) + "\n"],
)  # fmt: skip
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    """What no page can have named: empty, cut, padded, of another version, beyond every id, no number."""
    with pytest.raises(CursorError):
        place_of(cursor)


@given(st.text())
def test_any_text_is_a_place_or_is_refused_by_name(cursor: str) -> None:
    """Nothing but a CursorError comes of whatever is sent."""
    with suppress(CursorError):
        assert 1 <= place_of(cursor) <= MAX_ID
