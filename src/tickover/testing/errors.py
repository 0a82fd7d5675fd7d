"""What the pytest plugin raises on purpose."""

from tickover.errors import TickoverError


class RunsHangError(TickoverError):
    """Runs did not come to rest in time; the text says which, where they hang, and what was answered last."""


class NotServedError(TickoverError):
    """An application could not be served or registered, or one of its functions was refused; the text says why."""
