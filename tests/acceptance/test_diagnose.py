"""`tickover diagnose` beside `tickover up`: what broke is named by the command that somebody would type."""

import httpx

from tests.acceptance.conftest import Run


def look(run: Run, *arguments: str) -> tuple[int, str]:
    """Run the command; its exit code, and what it printed, in one line."""
    command = run("diagnose", *arguments, COLUMNS="200")
    out, error = command.process.communicate(timeout=60)
    assert not error, error
    return command.process.returncode, " ".join(out.split())


def test_what_broke_is_named_beside_up(up: Run, run: Run) -> None:
    """Exit code 0 for a tick that went well; a send is refused: 1, the newest such tick, and what to do about it."""
    command = up()
    started = command.until("started")
    while not command.until("tick")["succeeded"]:
        pass
    code, out = look(run, command.ticks()[-1]["dispatchKey"])
    assert (code, "no link is broken" in out) == (0, True), out
    assert f"{started['application']}/api/inngest serves 2 functions" in out

    httpx.post(f"{started['engine']}/faults", json={"kind": "send-401", "count": 1}, timeout=30).raise_for_status()
    while command.until("tick")["mode"] != "fallback":
        pass
    code, out = look(run)
    assert (code, "first broken link: send — do: check INNGEST_EVENT_KEY" in out) == (1, True), out
    assert command.ticks()[-1]["dispatchKey"] in out


def test_without_an_application_or_a_run_it_says_what_to_name(run: Run) -> None:
    """One line, exit code 1."""
    code, error = run("diagnose").end()
    assert (code, error.count("\n")) == (1, 1)
    assert "--app module:attribute" in error
