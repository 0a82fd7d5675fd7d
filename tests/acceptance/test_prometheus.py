"""What is shipped for Prometheus, tried with the real one and with its own checks."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.conftest import Run
from tests.folders import folder
from tests.ports import free_port
from tickover.telemetry.instruments import INSTRUMENTS
from tickover.telemetry.shipped import alert_rules, grafana_dashboard

PROMETHEUS, PROMTOOL = Path("/usr/bin/prometheus"), Path("/usr/bin/promtool")
TOKEN, CRON_SECRET = "a-scrapers-token-of-the-test-suite", "a-cron-secret-of-the-test-suite"
ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds
pytestmark = pytest.mark.skipif(
    not (PROMETHEUS.exists() and PROMTOOL.exists()),
    reason="install Prometheus as /usr/bin/prometheus and /usr/bin/promtool (apt: prometheus)",
)


@dataclass(frozen=True)
class Case:
    """What an alert sees: series by the minute, as promtool writes them, with which it fires, and without."""

    alert: str
    fires: dict[str, str]
    silent: dict[str, str]


GAP, INTERVAL = 'tickover_coverage_gap_seconds{route="r"}', 'tickover_coverage_interval_seconds{route="r"}'
BUCKETS = 'tickover_obligation_wait_seconds_bucket{function="f",path="durable",le="%s"}'


def of(job: str, series: str, instance: str = "a") -> str:
    """A series as it is scraped of one job's instance."""
    return series.replace("{", f'{{job="{job}",instance="{instance}",')


CASES = [
    Case("TickoverTicksMissing", {GAP: "0+60x40", INTERVAL: "60x40"}, {GAP: "60x40", INTERVAL: "60x40"}),
    Case(
        "TickoverFunctionFailed",
        {'tickover_obligations_total{function="f",path="inline",state="failed"}': "0x20 1x20"},
        {
            'tickover_obligations_total{function="f",path="inline",state="failed"}': "1x40",
            'tickover_obligations_total{function="f",path="inline",state="retrying"}': "0+1x40",
        },
    ),
    Case(
        "TickoverQueueStale",
        {"tickover_queue_oldest_due_age_seconds": "700x40", "tickover_queue_stale_after_seconds": "600x40"},
        {"tickover_queue_oldest_due_age_seconds": "0x20 700x1 0x20", "tickover_queue_stale_after_seconds": "600x40"},
    ),
    Case("TickoverDatabaseAway", {"tickover_database_up": "0x40"}, {"tickover_database_up": "1x40"}),
    Case("TickoverWrongEnvironment", {"tickover_wrong_environment": "1x40"}, {"tickover_wrong_environment": "0x40"}),
    Case(
        "TickoverNoticeOpen",
        {'tickover_notices_open{severity="page"}': "2x40"},
        {'tickover_notices_open{severity="page"}': "0x40", 'tickover_notices_open{severity="warn"}': "5x40"},
    ),
    Case(
        "TickoverNeverStarted",
        {'tickover_recoveries_total{function="f",was="accepted"}': "0x20 1x20"},
        {'tickover_recoveries_total{function="f",was="accepted"}': "7x40"},
    ),
    Case(
        "TickoverFallingBack",
        {'tickover_ticks_total{route="r",mode="fallback"}': "0+1x40"},
        {
            'tickover_ticks_total{route="r",mode="fallback"}': "0x25 1x15",
            'tickover_ticks_total{route="r",mode="dispatch"}': "0+1x40",
        },
    ),
    Case(
        "TickoverCircuitOpen",
        {'tickover_circuit_open{route="r"}': "1x40"},
        {'tickover_circuit_open{route="r"}': "0x40"},
    ),
    Case(
        "TickoverCallsRefused",
        {'tickover_refused_requests_total{endpoint="engine",cause="signature"}': "0+1x40"},
        {'tickover_refused_requests_total{endpoint="cron",cause="cron-secret"}': "0+1x40"},
    ),
    Case(
        "TickoverCronRefused",
        {'tickover_refused_requests_total{endpoint="cron",cause="cron-secret"}': "0+1x40"},
        {'tickover_refused_requests_total{endpoint="engine",cause="signature"}': "0+1x40"},
    ),
    Case(
        "TickoverDeadLetters",
        {'tickover_jobs_total{kind="send",outcome="dead"}': "0x20 1x20"},
        {'tickover_jobs_total{kind="send",outcome="retried"}': "0+1x40"},
    ),
    Case("TickoverQueueDeep", {"tickover_queue_due": "10000x40"}, {"tickover_queue_due": "9999x40"}),
    Case(
        "TickoverStartsLate",
        {BUCKETS % "60": "0x40", BUCKETS % "120": "0+1x40", BUCKETS % "+Inf": "0+1x40"},
        {BUCKETS % "1": "0+1x40", BUCKETS % "60": "0+1x40", BUCKETS % "+Inf": "0+1x40"},
    ),
    Case(
        "TickoverStatusNotWritten",
        {'tickover_status_write_failures_total{cause="away"}': "0+1x40"},
        {'tickover_status_write_failures_total{cause="away"}': "3x40"},
    ),
    Case("TickoverNotScraped", {'up{job="other"}': "1x40"}, {"tickover_wrong_environment": "0x40"}),
]
OTHERS = [
    Case(  # a preview that ticks, scraped by the same Prometheus, hides nothing of production's; replicas are one
        "TickoverTicksMissing",
        {
            of("prod", GAP): "0+60x40",
            of("prod", INTERVAL): "60x40",
            of("pr", GAP): "60x40",
            of("pr", INTERVAL): "60x40",
        },
        {of("prod", GAP, "a"): "0+60x40", of("prod", GAP, "b"): "60x40", of("prod", INTERVAL, "a"): "60x40"},
    ),
]
"""More of alerts that have a case already."""


def _check(*arguments: str, given: str = "") -> str:
    done = subprocess.run([PROMTOOL, *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_there_is_a_case_for_every_alert() -> None:
    """None is shipped that was never seen to fire."""
    assert [case.alert for case in CASES] == re.findall(r"- alert: (\w+)", alert_rules())


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    """As they stand, and with links of somebody's own."""
    for number, rules in enumerate((alert_rules(), alert_rules("https://wiki.example.com/runbook?a=1&b=2"))):
        written = tmp_path / f"rules-{number}.yml"
        written.write_text(rules)
        assert f"{len(CASES)} rules found" in _check("check", "rules", str(written))


def test_the_command_prints_what_is_shipped(run: Run) -> None:
    """Rules that promtool accepts, with links of one's own, and a dashboard. Tried: links that would break the file."""
    printed, _ = run("metrics", "alerts", "--runbook-url", "https://wiki.example.com/r").process.communicate(timeout=60)
    assert printed == alert_rules("https://wiki.example.com/r")
    printed, _ = run("metrics", "dashboard").process.communicate(timeout=60)
    assert json.loads(printed)["title"] == "Tickover"
    for link in ("https://x/#y", "x\n- alert: y", "a b", "'", ""):
        code, error = run("metrics", "alerts", "--runbook-url", link).end()
        assert (code, "runbook" in error) == (2, True), link


@pytest.mark.parametrize("case", [*CASES, *OTHERS], ids=lambda case: case.alert)
def test_each_alert_fires_and_stays_silent(case: Case, tmp_path: Path) -> None:
    """By promtool, on series of its own; one that is about growth stays silent where a counter stands."""
    (tmp_path / "rules.yml").write_text(alert_rules())
    fired = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
    tests = []
    for series, samples in ((case.fires, [{"labels": "{}", "value": 1}]), (case.silent, [])):
        rows = [{"series": name, "values": values} for name, values in series.items()]
        asked = [{"expr": fired, "eval_time": "30m", "exp_samples": samples}]
        tests.append({"interval": "1m", "input_series": rows, "promql_expr_test": asked})
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yml").write_text(json.dumps(document))  # JSON is YAML
    _check("test", "rules", str(tmp_path / "tests.yml"))


@dataclass(frozen=True)
class Stand:
    """An application that is scraped, and who scrapes it."""

    app: str
    prometheus: str

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of Prometheus's API."""
        answer = httpx.get(f"{self.prometheus}/api/v1/{path}", params=parameters, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def until(self, path: str, is_so: Any) -> Any:
        """The data of an answer, once it is as it should be."""
        ends = time.monotonic() + PATIENCE
        while not is_so(data := self.ask(path)):
            assert time.monotonic() < ends, data
            time.sleep(0.1)
        return data


@contextmanager
def _running(arguments: list[str], directory: Path, health: str, **environment: str) -> Iterator[None]:
    with (directory / f"{Path(arguments[0]).name}.log").open("w") as log:
        process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            ends = time.monotonic() + PATIENCE
            while not _answers(health):
                assert process.poll() is None, Path(log.name).read_text()
                assert time.monotonic() < ends, Path(log.name).read_text()
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def stand(database_dsn: str) -> Iterator[Stand]:
    """A served application with a token, and a real Prometheus that has it, the rules, and a second between scrapes."""
    app, prometheus = free_port(), free_port()
    variables = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database_dsn,
        "CRON_SECRET": CRON_SECRET,
        "INNGEST_DEV": "1",
        "TICKOVER_METRICS_TOKEN": TOKEN,
    }
    with folder("tickover-prometheus-") as made:
        (made / "token").write_text(f"{TOKEN}\n")
        (made / "tickover-alerts.yml").write_text(alert_rules())
        scrape = {
            "job_name": "my-app",
            "authorization": {"credentials_file": str(made / "token")},
            "static_configs": [{"targets": [f"127.0.0.1:{app}"]}],
        }
        often = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config = {"global": often, "rule_files": ["tickover-alerts.yml"], "scrape_configs": [scrape]}
        (made / "prometheus.yml").write_text(json.dumps(config))
        serve = [sys.executable, "-m", "uvicorn", "tests.acceptance.measured_app:app", "--port", str(app)]
        watch = [str(PROMETHEUS), f"--config.file={made / 'prometheus.yml'}", f"--storage.tsdb.path={made / 'data'}"]
        watch.append(f"--web.listen-address=127.0.0.1:{prometheus}")
        stand = Stand(f"http://127.0.0.1:{app}", f"http://127.0.0.1:{prometheus}")
        with (
            _running(serve, made, f"{stand.app}/openapi.json", **variables),
            _running(watch, made, f"{stand.prometheus}/-/ready"),
        ):
            yield stand


def test_a_real_prometheus_scrapes_an_application_and_understands_everything(stand: Stand) -> None:
    """The target is up with its token, the rules are loaded, promtool finds no fault with the names, every panel asks
    for what is exposed, and an alert fires with its texts filled in.
    """
    tick = f"{stand.app}/api/cron/background-jobs"
    assert httpx.post(tick, headers={"authorization": f"Bearer {CRON_SECRET}"}, timeout=30).status_code == 200
    stand.until("targets", lambda data: [target["health"] for target in data["activeTargets"]] == ["up"])
    (group,) = stand.until("rules", lambda data: {r["health"] for r in data["groups"][0]["rules"]} == {"ok"})["groups"]
    assert [rule["name"] for rule in group["rules"]] == [case.alert for case in CASES]
    page = httpx.get(f"{stand.app}/metrics", headers={"authorization": f"Bearer {TOKEN}"}, timeout=30).text
    assert _check("check", "metrics", given=page) == ""
    series = {name for one in INSTRUMENTS for name in one.series}
    stand.until("label/__name__/values", lambda names: series <= set(names))
    for panel in json.loads(grafana_dashboard())["panels"]:
        for query in panel["targets"]:
            found = stand.ask("query", query=query["expr"].replace("$__rate_interval", "1m"))
            assert found["resultType"] == "vector", query["expr"]
            assert set(re.findall(r"\btickover_\w+", query["expr"])) <= series
    for _ in range(5):
        assert httpx.post(tick, timeout=30).status_code == 401
    seen = stand.until("alerts", lambda data: "firing" in {alert["state"] for alert in data["alerts"]})
    (alert,) = [alert for alert in seen["alerts"] if alert["state"] == "firing"]
    assert alert["labels"]["alertname"] == "TickoverCronRefused"
    assert alert["annotations"]["summary"] == "Requests of cron are refused: cron-secret"
    assert alert["annotations"]["runbook_url"] == "docs/runbook.md#cron-refused"
