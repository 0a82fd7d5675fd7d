"""Is the deployment reached, and nothing in front of it? Pure."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from tickover.isolation.engine import leads_here
from tickover.verify.proof.answers import ENVIRONMENT, Answer, Asked, Wanted
from tickover.verify.proof.lines import Line, failed, passed, skipped, unproven

_CERTIFICATE_MARGIN = timedelta(days=7)
_MOST_SKEW = timedelta(seconds=30)


def reach_lines(wanted: Wanted, asked: Asked) -> list[Line]:
    """Address, redirects, walls, life, TLS and clock, in order; what is not reached is not judged further."""
    lines = [_address(wanted), _alive(asked.get)]
    if asked.get.error is None:
        lines += [_redirects(wanted, asked.get), _wall(asked.get), _tls(wanted, asked), _clock(asked)]
    return lines


def is_reached(answer: Answer) -> bool:
    """Whether an answer of `/api/inngest` is the application's own."""
    return answer.error is None and not answer.is_redirect and ENVIRONMENT in answer.headers


def _address(wanted: Wanted) -> Line:
    name = "address"
    if wanted.url.startswith("http://") and not leads_here(wanted.url):
        return failed(name, f"{wanted.url} is not encrypted", "verify it under https://, as the engine calls it")
    return passed(name, wanted.url)


def _alive(get: Answer) -> Line:
    if get.error is not None:
        return failed("alive", get.error, "look whether the deployment is up, and whether the name leads to it")
    if get.status >= HTTPStatus.INTERNAL_SERVER_ERROR and ENVIRONMENT not in get.headers:
        return failed("alive", get.said(), "look into the deployment's log: it does not start, or a proxy has lost it")
    took = "" if get.received_at is None or get.sent_at is None else f" in {_ms(get.received_at - get.sent_at)} ms"
    return passed("alive", f"/api/inngest answers{took}")


def _redirects(wanted: Wanted, get: Answer) -> Line:
    if not get.is_redirect:
        return passed("no redirect", "it is answered where it is asked")
    to = get.headers.get("location", "")
    return failed(
        "no redirect",
        f"{wanted.url}/api/inngest is answered {get.status}, to {to or 'nowhere'}",
        "use the URL that it leads to, everywhere (INNGEST_SERVE_ORIGIN, the scheduler, here), or let /api/* through "
        "without a redirect: neither the engine nor cron follows one",
    )


def _wall(get: Answer) -> Line:
    if get.is_redirect:
        return unproven("no login wall", "it redirects", "mend that first")
    if ENVIRONMENT in get.headers:
        return passed("no login wall", "the application itself answers")
    kind = get.headers.get("content-type", "").partition(";")[0] or "nothing"
    return failed(
        "no login wall",
        f"/api/inngest answers {get.status} with {kind} and without {ENVIRONMENT}: something else answers",
        "let /api/inngest and /api/cron past the login (deployment protection), or give its bypass with --header; if "
        "nothing stands in front, the application does not mount Tickover",
    )


def _tls(wanted: Wanted, asked: Asked) -> Line:
    name, until, now = "certificate", asked.certificate_until, asked.get.received_at
    if not wanted.url.startswith("https://"):
        is_needed = not leads_here(wanted.url)
        return failed(name, "none", "serve TLS") if is_needed else passed(name, "none is needed on this machine")
    if until is None or now is None:
        return skipped(name, "its end could not be read", "look at it in a browser")
    if until - now < _CERTIFICATE_MARGIN:
        return failed(name, f"it ends at {until:%Y-%m-%d %H:%M} UTC", "renew it before the engine stops calling")
    return passed(name, f"valid until {until:%Y-%m-%d}")


def _clock(asked: Asked) -> Line:
    """How far the deployment's clock is from this machine's, by what it said itself or by the answer's date."""
    name, answer = "clock", asked.deployment if asked.told.told else asked.get
    theirs = _time(answer)
    if answer is None or theirs is None or answer.sent_at is None or answer.received_at is None:
        return skipped(name, "it tells no time", "look at the clock of its host")
    skew = theirs - (answer.sent_at + (answer.received_at - answer.sent_at) / 2)
    seen = f"{abs(skew.total_seconds()):.1f} s {'ahead of' if skew > timedelta() else 'behind'} this machine's"
    if abs(skew) > _MOST_SKEW:
        return failed(
            name,
            seen,
            "set the clock of the deployment's host, or of this machine (NTP): signatures more than five minutes from "
            "now are refused",
        )
    return passed(name, seen)


def _time(answer: Answer | None) -> datetime | None:
    if answer is None:
        return None
    said = answer.json.get("now")
    try:
        if isinstance(said, str):
            return datetime.fromisoformat(said)
        return parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return None


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
