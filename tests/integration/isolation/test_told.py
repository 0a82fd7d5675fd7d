"""The verdict is one value: the start says it, and `/api/jobs/deployment` tells it, also where nothing may be done."""

from collections.abc import Callable

from structlog.testing import capture_logs

from tests.integration.conftest import SECRET, Serve
from tests.integration.isolation.conftest import EVENT_KEY, PREVIEW, PRODUCTION, SIGNING_KEY, Snapshot

WRONG = PREVIEW | {"INNGEST_ENV": "production", "INNGEST_SIGNING_KEY": f"signkey-prod-{SIGNING_KEY}\n"}
CODES = ["production-environment", "key-of-another-environment", "foreign-database", "trimmed"]


async def test_i5_every_contradiction_is_told_at_once_with_its_remedy(
    serve: Serve, seal: Callable[..., None], snapshot: Snapshot
) -> None:
    """In the log at the start, to whoever asks, and to a tick: the same list, and no row has changed."""
    seal()
    before = snapshot()
    with capture_logs() as logs:
        site = await serve(**WRONG)
    told = (await site.client.get("/api/jobs/deployment")).json()
    assert (told["mayChange"], told["maySend"], told["engineEnvironment"]) == (False, False, "preview")
    assert told["environment"] == {"kind": "preview", "name": "fix", "source": "TICKOVER_ENV", "host": None}
    assert [found["code"] for found in told["contradictions"]] == CODES
    assert all(found["text"] and found["remedy"] for found in told["contradictions"])
    said = [log for log in logs if log["event"] == "environment.contradiction"]
    names = ("code", "severity", "text", "remedy")
    assert [{name: log[name] for name in names} for log in said] == told["contradictions"]
    assert (await site.tick()).json()["contradictions"] == told["contradictions"]
    assert snapshot() == before
    shown = f"{logs} {told}"
    assert not [secret for secret in (SECRET, EVENT_KEY, SIGNING_KEY) if secret in shown]


async def test_what_is_right_is_told_as_well(serve: Serve) -> None:
    """Where this is, at which origin, and that nothing speaks against acting."""
    site = await serve(**PRODUCTION)
    told = (await site.client.get("/api/jobs/deployment")).json()
    assert (told["mayChange"], told["maySend"], told["contradictions"]) == (True, True, [])
    assert (told["engineEnvironment"], told["serveOrigin"]) == ("production", "https://app.example")


async def test_strangers_are_told_nothing(serve: Serve) -> None:
    """401 without the secret, and no word of what is wrong."""
    site = await serve(**WRONG)
    answer = await site.client.get("/api/jobs/deployment", headers={"authorization": "Bearer wrong"})
    assert (answer.status_code, "contradictions" in answer.text) == (401, False)
