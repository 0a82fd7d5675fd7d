"""Which runs hang, and where: the text that a test which waited in vain ends with. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

_FUNCTION = "step"  # what a call asks for that asks for no particular step


@dataclass(frozen=True, slots=True)
class Hanging:
    """A call that is due or being made, of a run that was waited for.

    Args:
        run_id: of which run.
        function: its function's id.
        step: what is asked for: `step` for the function itself, or a step that was found in parallel.
        attempt: from 0.
        called: whether it is being made.
        registered: whether its function is.
        last_step: the step of which the run's newest answer told, if it was one.
        last_status: HTTP status of that answer; 0 where a call got none, None before the first.
        last_error: what was wrong with it.
    """

    run_id: str
    function: str
    step: str
    attempt: int
    called: bool
    registered: bool
    last_step: str | None
    last_status: int | None
    last_error: str | None


def why_hanging(calls: Sequence[Hanging], due_triggers: Sequence[str], within: float) -> str:
    """The text.

    Args:
        calls: that are due or being made.
        due_triggers: functions with a cron trigger that is due and has not fired.
        within: seconds that were waited.
    """
    lines = [f"- {call.function}, run {call.run_id}: {_where(call)}; {_last(call)}" for call in calls]
    lines += [f"- {function}: its cron trigger is due and has not fired" for function in due_triggers]
    return "\n".join([f"not everything came to rest within {within:g} s:", *lines])


def _where(call: Hanging) -> str:
    what = "the function" if call.step == _FUNCTION else "a parallel step"
    if not call.registered:
        return f"{what} waits to be called, but no application has it registered"
    state = "is being called and has not answered" if call.called else "waits to be called"
    return f"{what} {state} (attempt {call.attempt + 1})"


def _last(call: Hanging) -> str:
    if call.last_status is None:
        return "the application has answered nothing yet"
    about = f" about step {call.last_step!r}" if call.last_step else ""
    said = f": {call.last_error}" if call.last_error else ""
    answer = f"HTTP {call.last_status}" if call.last_status else "no answer"
    return f"the newest answer was {answer}{about}{said}"
