"""`tickover verify` and `tickover check` as an operator runs them, and no secret in what they print or leave."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.acceptance.conftest import Run

SECRETS = {
    "CRON_SECRET": "cron-b7d1f0c5a92e4386",
    "INNGEST_EVENT_KEY": "event-51c6e0a3f7d94b28",
    "INNGEST_SIGNING_KEY": "signkey-test-" + "0ddba11c" * 8,
}


def tickover(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command beside the run in a directory, to its end."""
    ours = ("DATABASE_URL", "REDIS_URL", "CRON_SECRET", "INNGEST", "BACKGROUND_JOBS", "TICKOVER")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-m", "tickover", *arguments],
        cwd=directory, env=inherited | environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.timeout(300)  # a dozen commands, one after the other
def test_verify_proves_what_up_starts_and_no_secret_is_shown(up: Run, directory: Path) -> None:
    """The local run is proven, as a table, as JSON and as JUnit XML; nothing printed or logged has a secret."""
    command = up("--ticks", "1000", **SECRETS)
    url = command.until("started")["application"]
    command.until("tick")
    table = tickover(directory, "verify", url)
    assert table.returncode == 0, table.stdout + table.stderr
    assert "proven:" in table.stdout

    machine = tickover(
        directory, "verify", f"{url}/", "--json", "--junit", "proof.xml", "--force-enqueue-failure",
        "--app", "tickover.outreach.app:tickover",
    )  # fmt: skip
    proof = json.loads(machine.stdout)
    assert (machine.returncode, proof["proven"]) == (0, True), machine.stdout
    assert proof["lines"][-1]["name"] == "fallback"
    suite = ET.parse(directory / "proof.xml").getroot()  # noqa: S314 - our own file
    assert (suite.get("tests"), suite.get("failures")) == (str(len(proof["lines"])), "0")

    wrong = tickover(directory, "verify", url, "--expect", "production", "--no-canary", CRON_SECRET="another-entirely")
    assert wrong.returncode == 1
    assert "wrong:" in wrong.stdout
    checked = tickover(directory, "check")
    diagnosed = tickover(directory, "diagnose")
    synced = tickover(directory, "sync", url)
    looks = (("seal",), ("status",), ("watch", "--once"), ("check", "--github"), ("verify", url, "--no-canary"))
    others = [tickover(directory, *look, CRON_SECRET=SECRETS["CRON_SECRET"]) for look in looks]
    assert (checked.returncode, synced.returncode) == (0, 0), checked.stdout + synced.stderr
    answers = asked(url)
    command.process.terminate()
    _, error = command.end()
    printed = [r.stdout + r.stderr for r in (table, machine, wrong, checked, diagnosed, synced, *others)]
    left = [file.read_text(errors="replace") for file in (directory / ".tickover" / "logs").iterdir()]
    told = [*printed, *left, *answers, error, json.dumps(command.events), (directory / "proof.xml").read_text()]
    assert not [name for name, secret in SECRETS.items() for text in told if secret in text or secret[-24:] in text]


def asked(url: str) -> list[str]:
    """What the application answers to those who may ask, and to those who may not, heads included."""
    secret = {"authorization": f"Bearer {SECRETS['CRON_SECRET']}"}
    with httpx.Client(base_url=url, timeout=30) as client:
        answers = [
            client.get("/api/inngest"),
            client.post("/api/inngest?fnId=outreach-process-background-jobs", json={}),
            client.put("/api/inngest", json={"url": url}),
            client.get("/api/jobs/deployment", headers=secret),
            client.get("/api/jobs/deployment"),
            client.get("/api/jobs/status", headers=secret),
            client.post("/api/cron/background-jobs", headers=secret),
            client.post("/api/cron/background-jobs", headers={"x-cron-secret": "no"}),
        ]
    return [f"{answer.headers} {answer.text}" for answer in answers]


CHECK = ("check", "--app", "tickover.outreach.app:tickover")


@pytest.mark.parametrize(
    ("command", "dsn"),
    [
        (CHECK, "postgresql://u:{}@127.0.0.1:nine/x"), (CHECK, "postgresql://u:{}@[::1/x"),
        (CHECK, "postgresql://u:{}@127.0.0.1:9/x?bogus=1"), (CHECK, "host=h password={}"),
        (("status",), "mysql://u:{}@127.0.0.1/x"), (("migrate",), "postgresql://u:{}@127.0.0.1:9/x?bogus=1"),
    ],
)  # fmt: skip
def test_a_password_is_in_no_error(directory: Path, command: tuple[str, ...], dsn: str) -> None:
    """Whatever is wrong with DATABASE_URL, the command fails with a line that does not show its password."""
    done = tickover(directory, *command, DATABASE_URL=dsn.format("sesame-31f7c8"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "sesame" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_check_tells_all_faults_at_once_and_annotates_for_github(directory: Path) -> None:
    """Settings, environment and contract are all told, in every form; the exit code is 1."""
    wrong = {
        "DATABASE_URL": "mysql://x", "BACKGROUND_JOBS_USE_INNGEST": "ture", "TICKOVER_LEASE": "soon",
        "INNGEST_ENV": "production\n", "INNGEST_SIGNING_KEY": "signkey-prod-" + "ab" * 32, "CRON_SECRET": "cron",
    }  # fmt: skip
    names = {
        "setting DATABASE_URL", "setting BACKGROUND_JOBS_USE_INNGEST", "setting TICKOVER_LEASE",
        "environment: production-environment", "environment: key-of-another-environment",
    }  # fmt: skip
    done = tickover(directory, "check", "--app", "tickover.outreach.app:tickover", "--json", **wrong)
    failing = {line["name"] for line in json.loads(done.stdout)["lines"] if line["verdict"] == "fail"}
    assert done.returncode == 1
    assert names <= failing
    annotated = tickover(directory, "check", "--app", "tickover.outreach.app:tickover", "--github", **wrong).stdout
    errors = [line for line in annotated.splitlines() if line.startswith("::error title=tickover check%3A ")]
    assert len(errors) == len(failing)
    assert "::warning title=tickover check%3A environment%3A weak-cron-secret::" in annotated
