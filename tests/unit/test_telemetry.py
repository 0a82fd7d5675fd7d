"""What stands in the log."""

import json

import pytest
import structlog

from tickover import telemetry

KEY = "event-77ab51c07d2e48f6"
PASSWORD = "sesame-90cc1e"


def test_no_secret_of_the_process_stands_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in a field, nor inside one, nor in the traceback of an error that names a URL."""
    monkeypatch.setenv("INNGEST_EVENT_KEY", f"{KEY}\n")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{PASSWORD}@db/x")
    before = structlog.get_config()
    try:
        telemetry.configure_logs(json=True)
        log = structlog.stdlib.get_logger("tickover")
        try:
            int(f"no answer from https://inn.gs/e/{KEY}")
        except ValueError:
            log.exception("send.failed", url=f"https://inn.gs/e/{KEY}", seen={"dsn": [f"u:{PASSWORD}@db"]})
    finally:
        structlog.configure(**before)
    told = capsys.readouterr().err
    assert KEY not in told
    assert PASSWORD not in told
    line = json.loads(told)
    assert line["url"] == "https://inn.gs/e/<INNGEST_EVENT_KEY>"
    assert "<INNGEST_EVENT_KEY>" in line["exception"]
