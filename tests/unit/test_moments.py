"""Times within texts."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tickover.moments import parts, told

AT = datetime(2026, 11, 24, 2, 10, 36, 500_000, tzinfo=UTC)


def test_a_time_is_told_in_utc_with_its_zone() -> None:
    """Wherever it was read."""
    assert told(AT.astimezone(timezone(timedelta(hours=9)))) == "2026-11-24 02:10:36 UTC"
    assert told(None) == "never"


def test_what_was_told_is_found_again() -> None:
    """Each time in a text, to the second, and nothing of the text is lost."""
    found = list(parts(f"let in at {told(AT)}; it has until {told(AT + timedelta(minutes=3))}."))
    second = AT.replace(microsecond=0)
    assert found == ["let in at ", second, "; it has until ", second + timedelta(minutes=3), "."]


@pytest.mark.parametrize(
    "text", ["", "nobody has begun", "2026-11-24T02:10:36Z", "2026-13-41 02:10:36 UTC", "2026-11-24 02:10:36 CET"]
)
def test_what_only_looks_like_a_time_stays_text(text: str) -> None:
    """ISO 8601 in a dispatch key, a month that does not exist, another zone."""
    found = list(parts(text))
    assert all(isinstance(part, str) for part in found)
    assert "".join(str(part) for part in found) == text
