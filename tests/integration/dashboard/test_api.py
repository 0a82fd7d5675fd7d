"""The API over HTTP: with which token, and that nothing that is sent breaks it."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.integration.conftest import Probe, Rows, Serve, Site, probe_contract
from tests.integration.dashboard.conftest import OPERATOR_TOKEN, VIEWER_TOKEN
from tickover import Tickover
from tickover.testing.serving import serve as serve_over_http

API = "/tickover/api"


def bearer(token: str) -> dict[str, str]:
    """What shows a token."""
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        bearer("x"),
        bearer("a-secret-of-the-test-suite"),
        {"authorization": f"Basic {VIEWER_TOKEN}"},
    ],
)
async def test_without_a_token_nothing_is_told(site: Site, headers: dict[str, str]) -> None:
    """Tried: none, a wrong one, the cron secret, another scheme."""
    answer = await site.client.get(f"{API}/v1/whoami", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:tickover:problem:wrong-token")


async def test_without_any_token_configured_it_is_closed(serve: Serve) -> None:
    """The answer says what to set."""
    site = await serve()
    answer = await site.client.get(f"{API}/v1/whoami")
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:tickover:problem:no-token-configured")


async def test_a_viewers_token_looks_and_an_operators_acts(site: Site, rows: Rows) -> None:
    """The same role table as the pages; a viewer's act changes nothing."""
    for token, role in ((VIEWER_TOKEN, "viewer"), (OPERATOR_TOKEN, "operator")):
        assert (await site.client.get(f"{API}/v1/whoami", headers=bearer(token))).json() == {"role": role}
    body = {"reason": "a try", "by": "ada"}
    path = f"{API}/v1/rollout/process/begin"
    refused = await site.client.post(path, headers=bearer(VIEWER_TOKEN), json=body)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:tickover:problem:not-allowed")
    assert rows("SELECT 1 FROM tickover.audit") == []
    begun = await site.client.post(path, headers=bearer(OPERATOR_TOKEN), json=body)
    assert (begun.status_code, begun.json()["set"]) == (200, "inline")
    assert rows("SELECT by, reason FROM tickover.audit") == [{"by": "ada over the API", "reason": "a try"}]
    again = await site.client.post(path, headers=bearer(OPERATOR_TOKEN), json=body)
    assert (again.status_code, again.json()["type"]) == (409, "urn:tickover:problem:not-as-things-stand")


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": "a\x00"}, {"reason": "x" * 501}, {"reason": 1}, [], "x"]
)
async def test_an_act_without_a_reason_is_refused(site: Site, rows: Rows, body: object) -> None:
    """Tried: none, empty, blanks, NUL, too long, a number, no object."""
    answer = await site.client.post(f"{API}/v1/rollout/process/back", headers=bearer(OPERATOR_TOKEN), json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:tickover:problem:malformed")
    assert rows("SELECT 1 FROM tickover.audit") == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize("token", [VIEWER_TOKEN, OPERATOR_TOKEN], ids=["viewer", "operator"])
async def test_nothing_that_is_sent_breaks_it(
    database_dsn: str, probe: Probe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str
) -> None:
    """Schemathesis calls every route with what the OpenAPI document allows and does not: no server error, and every
    answer is as the document says.
    """
    variables = {"TICKOVER_OPERATOR_TOKEN": OPERATOR_TOKEN, "TICKOVER_VIEWER_TOKEN": VIEWER_TOKEN, "INNGEST_DEV": "1"}
    for name, value in {"DATABASE_URL": database_dsn, **variables}.items():
        monkeypatch.setenv(name, value)
    app = FastAPI()
    Tickover(probe_contract(probe), app_id="probe").mount(app)
    served = serve_over_http(app, "api")
    try:
        ended = await asyncio.to_thread(_probe, f"{served.url}{API}/openapi.json", token, tmp_path)
    finally:
        served.stop()
    assert ended.returncode == 0, ended.stdout[-6000:]
    assert "Unsatisfiable" not in ended.stdout
    assert re.search(r"Selected: (\d+)/\1\n\s+Tested: \1\n", ended.stdout), ended.stdout[-3000:]


def _probe(url: str, token: str, directory: Path) -> subprocess.CompletedProcess[str]:
    checks = "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance"
    arguments = ["run", url, "--checks", checks, "--phases", "examples,coverage,fuzzing", "--max-examples", "15"]
    arguments += ["--header", f"Authorization: Bearer {token}", "--no-color", "--generation-deterministic"]
    command = [sys.executable, "-m", "schemathesis.cli", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=360, check=False)
