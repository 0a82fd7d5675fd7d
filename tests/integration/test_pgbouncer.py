"""Everything again behind PgBouncer in transaction mode, where a session is nobody's."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.integration.conftest import Probe, Rows, Serve
from tests.ports import free_port
from tests.runs import run_factory
from tests.waiting import eventually
from tickover import Job, JobQueue, NewJob, Run, Summary, queue_drain
from tickover.database import Database
from tickover.migrations import migrate

pytestmark = pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="PgBouncer is not installed; run: apt-get install pgbouncer"
)

CONFIGURATION = """
[databases]
* = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = extra_float_digits
"""


def command_for(folder: Path, port: int, sockets: Path) -> list[str]:
    """Write the configuration, and say how to start it. It refuses to run as root, so then as the server's own user."""
    file = folder / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(host=sockets, port=port))
    folder.chmod(0o755)
    return ["pgbouncer", "-q", *(["-u", sockets.owner()] if os.geteuid() == 0 else []), str(file)]


@pytest.fixture
async def bounced(database_dsn: str) -> AsyncIterator[str]:
    """The test's database, through a PgBouncer with two server connections."""
    port = free_port()
    parts = urlsplit(database_dsn)
    with tempfile.TemporaryDirectory() as folder:
        command = command_for(Path(folder), port, Path(parse_qs(parts.query)["host"][0]))
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL)
        dsn = f"postgresql://postgres@127.0.0.1:{port}{parts.path}"

        async def answers() -> bool:
            try:
                await asyncio.to_thread(lambda: psycopg.connect(dsn, prepare_threshold=None).close())
            except psycopg.OperationalError:
                return False
            return True

        await eventually(answers)
        yield dsn
        process.terminate()
        await process.wait()


async def test_f09_ticks_and_claims_need_no_session(bounced: str, serve: Serve, probe: Probe, rows: Rows) -> None:
    """Ten ticks at once on two server connections: each is done once, and no session lock is held by anybody."""
    site = await serve(DATABASE_URL=bounced)
    held = []

    async def look(_: Run) -> Summary:
        held.extend(rows("SELECT locktype FROM pg_locks WHERE locktype = 'advisory'"))
        return Summary()

    probe.bodies["queue-health"] = look
    answers = await asyncio.gather(*(site.tick(f"t{number}") for number in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    await site.tick("last")
    states = {row["state"] for row in rows("SELECT DISTINCT state FROM tickover.obligation")}
    assert states <= {"succeeded", "covered"}
    assert held == []


async def test_f09_a_drain_behind_it_records_every_job_once(bounced: str) -> None:
    """Claims, renewals and outcomes of 500 jobs go over whatever connection is free."""
    database = Database(bounced)
    await database.open()
    queue = JobQueue(database)
    await queue.enqueue_many([NewJob("count", {"n": number}) for number in range(500)])
    ran = []

    async def count(job: Job) -> None:
        async with job.transaction() as connection:
            await connection.execute("SELECT 1")
        ran.append(job.id)

    summary = await queue_drain({"count": count})(await run_factory(database)())
    await database.close()
    assert (summary.changed, summary.left, len(set(ran))) == (500, 0, 500)


def test_migrations_run_behind_it(bounced: str) -> None:
    """Their lock ends with their transaction."""
    migrate(bounced)
