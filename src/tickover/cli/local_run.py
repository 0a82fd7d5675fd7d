"""How a command looks into a `tickover up` that runs in this directory."""

from collections.abc import Mapping
from pathlib import Path

LOCAL_RUN = Path(".tickover")
"""Where a local run keeps everything, unless it is told otherwise."""


def local_run() -> Mapping[str, str]:
    """The variables of the run that is alive in this directory; none where there is none."""
    if not LOCAL_RUN.exists():
        return {}
    from tickover.stack.directory import Directory  # noqa: PLC0415 - needs the extra `embedded`

    return Directory(LOCAL_RUN).environment()


def given(value: str | None, here: Mapping[str, str], name: str) -> str | None:
    """What was given, or else what a local run has; trimmed, and None where it is neither.

    Args:
        value: of an option or its variable.
        here: the variables of the run in this directory.
        name: of the variable.
    """
    return (value or "").strip() or here.get(name, "").strip() or None
