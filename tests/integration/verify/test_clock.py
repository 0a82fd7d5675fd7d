"""A deployment whose clock is wrong, verified by the real command in a process of its own."""

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta

from tests.integration.verify.conftest import CRON_SECRET, SIGNING_KEY, Deploy, Order
from tickover import clock


class Ahead:
    """The machine's clock, ten minutes ahead."""

    def now(self) -> datetime:
        """The time it shows."""
        return datetime.now(UTC) + timedelta(minutes=10)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


async def test_a_clock_that_is_off_fails_on_its_own_line(deploy: Deploy) -> None:
    """Ten minutes ahead: the clock fails with its remedy; what is signed cannot be told, and is not called wrong."""
    deployment = await deploy(Order(known=0))
    given = {"CRON_SECRET": CRON_SECRET, "INNGEST_SIGNING_KEY": SIGNING_KEY}
    with clock.taken_from(Ahead()):
        command = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tickover", "verify", deployment.url, "--json", "--no-canary",
            env=os.environ | given, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await command.communicate()
    assert command.returncode == 1
    lines = {line["name"]: line for line in json.loads(out)["lines"]}
    first = next(line for line in lines.values() if line["verdict"] == "fail")
    assert first["name"] == "clock"
    assert "600." in first["seen"] or "599." in first["seen"]
    assert "set the clock of the deployment's host" in first["remedy"]
    assert lines["signing key"]["verdict"] == "not proven"
    assert lines["signing key"]["remedy"] == "mend the clock first"
