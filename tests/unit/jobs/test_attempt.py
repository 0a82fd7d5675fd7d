"""Errors are kept compact, in a form that PostgreSQL stores."""

import pytest

from tickover.jobs.attempt import compact


class Unreadable(Exception):  # noqa: N818 - its name is in the expectation
    """An error without a text."""

    def __str__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no such lead"), "ValueError: no such lead"),
        (ValueError("two\n  lines\t"), "ValueError: two lines"),
        (ValueError("a\0b \x1b[31m \ud800"), "ValueError: a?b ?[31m ?"),
        (KeyError("lead"), "KeyError: 'lead'"),
        (ValueError(), "ValueError:"),
        (Unreadable(), "Unreadable: its text cannot be read"),
    ],
)
def test_an_error_is_one_readable_line(error: Exception, text: str) -> None:
    """Type and message, without line breaks and characters that cannot be printed or stored."""
    assert compact(error) == text


def test_an_error_is_bounded() -> None:
    """A message of a megabyte is cut to a thousand characters."""
    assert len(compact(ValueError("x" * 1_000_000))) == 1000
