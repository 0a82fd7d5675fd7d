"""`tickover up`, as somebody on a fresh machine runs it."""

import signal
import socket
from pathlib import Path

import psutil

from tests.acceptance.conftest import Run, children_of
from tests.conftest import database_uri
from tests.ports import free_port

SIX = {
    "queue-drain",
    "stale-draft-recovery",
    "prune-draft-pipeline-runs",
    "prune-lead-memory",
    "prune-workspace-memory",
    "queue-health",
}


def test_f01_three_ticks_carry_out_every_responsibility_durably(up: Run) -> None:
    """202 each time, both functions durable, all six responsibilities; it ends by itself with 0 and leaves nothing."""
    command = up("--ticks", "3")
    started = command.until("started")
    code, error = command.end()
    assert code == 0, error
    assert [tick["httpStatus"] for tick in command.ticks()] == [202, 202, 202]
    for tick in command.ticks():
        assert {f["path"] for f in tick["functions"]} == {"durable"}
        assert set().union(*(f["responsibilities"] for f in tick["functions"])) == SIX
    # Runs of one function are serialised, not in the order of arrival: whichever comes first has most to do.
    drained = [tick["functions"][0]["responsibilities"]["queue-drain"]["changed"] for tick in command.ticks()]
    assert sum(drained) > 100
    assert not [pid for pid in started["pids"].values() if psutil.pid_exists(pid)]


def test_i7_with_the_flag_off_the_next_tick_is_inline(up: Run) -> None:
    """A second start with the flag off does the same work inline, on the data of the first."""
    assert up("--ticks", "1").end()[0] == 0
    command = up("--ticks", "1", BACKGROUND_JOBS_USE_INNGEST="false\n")
    assert command.end()[0] == 0
    (tick,) = command.ticks()
    assert (tick["httpStatus"], tick["mode"]) == (200, "inline")
    assert {f["path"] for f in tick["functions"]} == {"inline"}


def test_without_an_engine_every_tick_falls_back(up: Run) -> None:
    """The flag is on and nobody listens: nothing is lost, and the exit code is 0."""
    command = up("--ticks", "2", "--no-engine", TICKOVER_SEND_TIMEOUT="0.5")
    assert command.end()[0] == 0
    assert [(tick["mode"], tick["sendError"]["kind"]) for tick in command.ticks()] == [("fallback", "refused")] * 2


def test_an_engine_that_is_stopped_makes_the_next_tick_fall_back(up: Run) -> None:
    """The engine is killed while everything runs: durable before, fallback after, and nothing is lost."""
    command = up(TICKOVER_SEND_TIMEOUT="0.5")
    started = command.until("started")
    assert command.until("tick")["mode"] == "dispatch"
    psutil.Process(started["pids"]["engine"]).kill()
    command.until("engine ended")
    while command.until("tick")["mode"] != "fallback":
        pass
    assert command.ticks()[-1]["succeeded"]


def test_a_second_run_in_the_directory_is_told_so(up: Run) -> None:
    """One line, exit code 1; the first goes on, and Ctrl-C ends it with everything it started."""
    first = up()
    first.until("started")
    code, error = up().end()
    assert code == 1
    assert "running in this directory already" in error
    assert error.count("\n") == 1
    first.until("tick")
    below = children_of(first.process.pid)
    first.process.send_signal(signal.SIGINT)
    code, error = first.end()
    assert (code, error) == (0, "")
    assert first.events[-1]["event"] == "stopping"
    assert not psutil.wait_procs(below, timeout=30)[1]


def test_a_killed_run_is_recovered_at_the_next_start(up: Run) -> None:
    """SIGKILL leaves processes behind; the next start ends them, says so, and plays on with the same data."""
    first = up()
    started = first.until("started")
    first.until("tick")
    first.process.kill()
    first.process.wait()
    assert psutil.pid_exists(started["pids"]["application"])
    second = up("--ticks", "1")
    recovered = second.until("recovered")
    assert set(recovered["ended"]) >= {"application", "engine", "valkey"}
    code, error = second.end()
    assert code == 0, error
    assert second.ticks()[0]["succeeded"]


def test_a_taken_port_is_said_in_one_line(run: Run) -> None:
    """Somebody else listens there: the port, and how to choose another."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        for option, rest in (("--port", "--engine-port"), ("--engine-port", "--port")):
            code, error = run("up", option, port, rest, str(free_port())).end()
            assert (code, error.count("\n")) == (1, 1)
            assert f"port {port} on 127.0.0.1 is taken" in error
            assert option in error


def test_a_stale_data_directory_is_said_in_one_line(up: Run, directory: Path) -> None:
    """Tried: data of another PostgreSQL version, and a directory that is none; nothing in it is touched."""
    data = directory / ".tickover" / "postgres"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("12\n")
    code, error = up().end()
    assert (code, error.count("\n")) == (1, 1)
    assert "move that directory away" in error
    assert (data / "PG_VERSION").read_text() == "12\n"


def test_a_flag_spelled_ture_is_named(up: Run) -> None:
    """Nothing is started on a guess."""
    code, error = up(BACKGROUND_JOBS_USE_INNGEST="ture").end()
    assert code == 1
    assert "BACKGROUND_JOBS_USE_INNGEST='ture' is no boolean" in error


def test_configured_servers_are_used_instead(
    run: Run, postgres: str, database_dsn: str, valkey_url: str, directory: Path
) -> None:
    """With DATABASE_URL, REDIS_URL and an engine of its own configured, none is started here."""
    assert database_dsn != database_uri(postgres, "postgres")
    engine_port = str(free_port())
    keys = {"INNGEST_EVENT_KEY": "configured", "INNGEST_SIGNING_KEY": "signkey-test-" + "ab" * 32}
    port = str(free_port())
    run(
        "engine", "--port", engine_port, "--event-key", keys["INNGEST_EVENT_KEY"], "--signing-key",
        keys["INNGEST_SIGNING_KEY"], "--app", f"http://127.0.0.1:{port}/api/inngest", DATABASE_URL=database_dsn,
    )  # fmt: skip
    command = run(
        "up", "--ticks", "2", "--every", "3", "--json", "--port", port, DATABASE_URL=database_dsn,
        REDIS_URL=valkey_url, INNGEST_BASE_URL=f"http://127.0.0.1:{engine_port}/", **keys,
    )  # fmt: skip
    started = command.until("started")
    assert list(started["pids"]) == ["application"]
    command.end()
    assert "dispatch" in {tick["mode"] for tick in command.ticks()}
    assert not (directory / ".tickover" / "postgres").exists()


def test_status_and_jobs_look_into_the_run_beside_them(up: Run, run: Run) -> None:
    """With nothing configured, the commands find the database and the Redis of the run in this directory."""
    first = up()
    first.until("tick")
    status = run("status")
    out, error = status.process.communicate(timeout=60)
    assert status.process.returncode == 0, error
    assert "process-background-jobs" in out
    assert "from redis" in out
    jobs = run("jobs", "list", "--limit", "5", "--json")
    out, error = jobs.process.communicate(timeout=60)
    assert len(out.splitlines()) == 5, error


def test_without_a_run_the_commands_say_what_is_missing(run: Run) -> None:
    """One line that names the variable."""
    for arguments in (("status",), ("jobs", "list"), ("engine",), ("migrate",)):
        code, error = run(*arguments).end()
        assert code != 0
        assert "DATABASE_URL" in error


def test_a_database_that_is_away_is_said_in_one_line(run: Run) -> None:
    """Tried with each command that needs it: nobody listens there."""
    away = {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:9/x"}
    ports = ("--port", str(free_port()), "--engine-port", str(free_port()))
    for arguments in (("migrate",), ("status",), ("up", *ports)):
        code, error = run(*arguments, **away).end()
        assert (code, error.count("\n")) == (1, 1), error
        assert "PostgreSQL cannot be reached" in error
        assert "hunter2" not in error
