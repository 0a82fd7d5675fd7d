from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.contract import Contract, Function, Responsibility, Route
from tickover.errors import SettingsError
from tickover.execution.run import Run, Summary
from tickover.heartbeats.formats import Moment, parse_heartbeat, run_id
from tickover.heartbeats.variables import heartbeat_name, read_heartbeats

NAME = "X_HEARTBEAT_URL"
CHECK = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278"
KEY = "background-jobs:v1:60:2026-11-23T15:00:00Z"
RUN = "9ca0c516-274d-5ed8-9b91-31efe66a7e24"


def pings(url: str, key: str = KEY) -> tuple[str, str]:
    """The two URLs that are asked for in one run."""
    heartbeat = parse_heartbeat(NAME, url)
    start, end = (heartbeat.ping(moment, key) for moment in (Moment.START, Moment.END))
    return start.origin + start.target, end.origin + end.target


@pytest.mark.parametrize(
    ("url", "start", "end"),
    [
        (
            f"https://hc-ping.com/{CHECK}",
            f"https://hc-ping.com/{CHECK}/start?rid={RUN}",
            f"https://hc-ping.com/{CHECK}?rid={RUN}",
        ),
        (
            "https://hc-ping.com/fqOOd6-F4MMNuCEnzTU01w/db-backups/?create=1",
            f"https://hc-ping.com/fqOOd6-F4MMNuCEnzTU01w/db-backups/start?create=1&rid={RUN}",
            f"https://hc-ping.com/fqOOd6-F4MMNuCEnzTU01w/db-backups?create=1&rid={RUN}",
        ),
        (
            f"healthchecks+http://checks.example:8000/base/ping/{CHECK}",
            f"http://checks.example:8000/base/ping/{CHECK}/start?rid={RUN}",
            f"http://checks.example:8000/base/ping/{CHECK}?rid={RUN}",
        ),
        (
            "https://o1.ingest.us.sentry.io/api/7/cron/drain/0f0e/?environment=dev",
            f"https://o1.ingest.us.sentry.io/api/7/cron/drain/0f0e/?environment=dev&check_in_id={RUN}&status=in_progress",
            f"https://o1.ingest.us.sentry.io/api/7/cron/drain/0f0e/?environment=dev&check_in_id={RUN}&status=ok",
        ),
        (
            "sentry+https://errors.example/api/7/cron/drain/0f0e",
            f"https://errors.example/api/7/cron/drain/0f0e/?check_in_id={RUN}&status=in_progress",
            f"https://errors.example/api/7/cron/drain/0f0e/?check_in_id={RUN}&status=ok",
        ),
        (
            "https://cronitor.link/p/k3y/nightly-job?env=a%20b&host=w%2B1",
            f"https://cronitor.link/p/k3y/nightly-job?env=a%20b&host=w%2B1&series={RUN}&state=run",
            f"https://cronitor.link/p/k3y/nightly-job?env=a%20b&host=w%2B1&series={RUN}&state=complete",
        ),
        (
            "cronitor+https://relay.example/p/k3y/nightly-job",
            f"https://relay.example/p/k3y/nightly-job?series={RUN}&state=run",
            f"https://relay.example/p/k3y/nightly-job?series={RUN}&state=complete",
        ),
    ],
)
def test_each_service_is_pinged_in_its_own_format(url: str, start: str, end: str) -> None:
    """Healthchecks by UUID, by slug and self-hosted; Sentry and Cronitor, at their own hosts and elsewhere."""
    assert pings(url) == (start, end)


@pytest.mark.parametrize(
    ("pasted", "plain"),
    [
        (
            "https://o1.ingest.sentry.io/api/7/cron/drain/0f0e/?check_in_id=1&status=ok",
            "https://o1.ingest.sentry.io/api/7/cron/drain/0f0e/",
        ),
        ("https://cronitor.link/p/k3y/job?state=run", "https://cronitor.link/p/k3y/job"),
        (f"https://hc-ping.com/{CHECK}?rid=1", f"https://hc-ping.com/{CHECK}"),
    ],
)
def test_a_ping_that_was_pasted_whole_stands_for_both(pasted: str, plain: str) -> None:
    """The parameters that are ours to set are set once, whatever the URL says of them."""
    assert pings(pasted) == pings(plain)


@given(st.text(), st.text(), st.sampled_from(["https://cronitor.io/p/a/b", "https://x.sentry.io/api/1/cron/a/b"]))
def test_start_and_end_of_a_tick_pair_up_and_two_ticks_do_not(one: str, other: str, url: str) -> None:
    """The run's id follows from the dispatch key alone, is a UUID, and differs between ticks."""
    runs = [
        {name: values for name, values in parse_qs(urlsplit(ping).query).items() if name in {"series", "check_in_id"}}
        for ping in pings(url, one)
    ]
    assert runs[0] == runs[1] == {next(iter(runs[0])): [str(UUID(str(run_id(one))))]}
    assert (run_id(one) == run_id(other)) == (one == other)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("s3cret", "https://"),
        ("ftp://hc-ping.com/s3cret", "https://"),
        ("https://", "write the one that the service shows"),
        ("https://[s3cret", "write the one that the service shows"),
        ("https://hc-ping.com:s3cret/a/b", "write the one that the service shows"),
        ("https://s3cret.example/ping", "healthchecks\\+https://"),
        ("https://nothc-ping.com/s3cret/b", "healthchecks\\+https://"),
        ("https://hc-ping.com.example/s3cret/b", "healthchecks\\+https://"),
        ("pagerduty+https://s3cret.example/a", "healthchecks, sentry, cronitor"),
        ("https://hc-ping.com/s3cret", "hc-ping.com/<uuid>"),
        (f"https://hc-ping.com/{CHECK}/start?s3cret", "hc-ping.com/<uuid>"),
        ("https://o1.ingest.sentry.io/s3cret", "/api/<project>/cron/"),
        ("https://s3cret@o1.ingest.sentry.io/7", "user name"),
        ("https://cronitor.link/p/s3cret/job/run", "/p/<API key>/<monitor key>"),
        ("https://cronitor.link/p/s3cret/job#run", "#"),
        ("https://cronitor.link/p/s3cret/my job", "characters"),
        ("https://cronitor.link/p/s3cret/job\n", "characters"),
        ("https://cronitor.link/p/s3cret/jöb", "characters"),
    ],
)
def test_a_url_that_is_no_ping_url_is_refused_and_not_shown(url: str, advice: str) -> None:
    """Tried: no URL, foreign schemes and hosts, look-alikes, other paths, credentials, blanks."""
    with pytest.raises(SettingsError, match=advice) as caught:
        parse_heartbeat(NAME, url)
    assert str(caught.value).startswith(NAME)
    assert "s3cret" not in str(caught.value)
    assert CHECK not in str(caught.value)


@given(st.text())
def test_no_text_makes_parsing_raise_anything_else(text: str) -> None:
    """Whatever stands behind a service's prefix, it is a heartbeat or a SettingsError."""
    for prefix in ("", "healthchecks+https://", "https://cronitor.link/p/"):
        try:
            heartbeat = parse_heartbeat(NAME, prefix + text)
        except SettingsError:
            continue
        assert heartbeat.ping(Moment.END, KEY).target.startswith("/")


def test_no_secret_shows_in_what_is_printed_of_a_heartbeat() -> None:
    """Neither the heartbeat nor its pings show the path or the query."""
    heartbeat = parse_heartbeat(NAME, "https://cronitor.link/p/s3cret/job?env=s3cret")
    shown = f"{heartbeat!r} {heartbeat} {heartbeat.ping(Moment.START, KEY)!r}"
    assert "cronitor.link" in shown
    assert "s3cret" not in shown


async def _nothing(_: Run) -> Summary:
    return Summary()


def _contract(*flags: str) -> Contract:
    return Contract(
        tuple(
            Route(f"r{n}", flag, (f"w{n}",), (Function(f"f{n}", f"a/b{n}", (Responsibility(f"w{n}", _nothing),)),))
            for n, flag in enumerate(flags)
        )
    )


def test_a_route_has_a_variable_named_after_its_flag() -> None:
    """The flag's own ending gives way, as for the variable that forces it inline."""
    assert heartbeat_name("BACKGROUND_JOBS_USE_INNGEST") == "BACKGROUND_JOBS_HEARTBEAT_URL"
    assert heartbeat_name("NIGHTLY") == "NIGHTLY_HEARTBEAT_URL"


def test_f02_a_url_is_trimmed_and_a_blank_one_is_unset() -> None:
    """A trailing newline does no harm; a route without a URL is left out."""
    url = "https://cronitor.link/p/k3y/job"
    environ = {"A_HEARTBEAT_URL": f" {url}\n", "B_HEARTBEAT_URL": " \n"}
    heartbeats = read_heartbeats(_contract("A_USE_INNGEST", "B_USE_INNGEST", "C_USE_INNGEST"), environ)
    assert heartbeats == {"r0": parse_heartbeat(NAME, url)}


def test_every_malformed_url_is_named_in_one_error() -> None:
    """Two faults are two names in one text, which shows neither value."""
    environ = {"A_HEARTBEAT_URL": "s3cret", "B_HEARTBEAT_URL": "https://hc-ping.com/s3cret"}
    with pytest.raises(SettingsError, match=r"A_HEARTBEAT_URL.*; B_HEARTBEAT_URL") as caught:
        read_heartbeats(_contract("A_USE_INNGEST", "B_USE_INNGEST"), environ)
    assert "s3cret" not in str(caught.value)
