"""From a configured URL to the service behind it, and to the two pings of one run. Pure.

What the services take, by their own documentation:

- Healthchecks: `{url}/start`, then `{url}`; `rid`, a UUID in its canonical form, tells overlapping runs apart. A check
  is named by its UUID, or by a ping key and a slug (https://healthchecks.io/docs/http_api/,
  https://blog.healthchecks.io/2022/11/using-run-ids-to-track-run-times-of-overlapping-jobs/).
- Sentry Crons: `/api/{project}/cron/{slug}/{public key}/` with `status=in_progress`, then `status=ok`; the same
  `check_in_id`, a UUID, tells overlapping runs apart
  (https://docs.sentry.io/product/crons/getting-started/http/).
- Cronitor: `/p/{API key}/{monitor}` with `state=run`, then `state=complete`; the same `series` pairs them
  (https://cronitor.io/docs/telemetry-api).

Each has a ping for failures too. It isn't used: pings come from inside successful work only, so that a tick that fails,
one whose process was killed and one that never came look the same to the service, and each raises its alarm.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, unquote_plus, urlsplit
from uuid import UUID, uuid5

from tickover.errors import SettingsError

_RUNS = UUID("6a0f3c52-3b0e-5d0c-9b0a-5f2f8a1f4c11")  # a namespace of our own; changing it unpairs pings under way
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class Service(StrEnum):
    """Who is pinged."""

    HEALTHCHECKS = "healthchecks"
    SENTRY = "sentry"
    CRONITOR = "cronitor"


class Moment(StrEnum):
    """What a ping says of a run."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class _Form:
    """What one service takes.

    Args:
        hosts: its own; subdomains count.
        path: what its URLs look like, without a slash at the end.
        example: what to write, for the error.
        suffix: what is added to the path, for each moment.
        query: what is added to the query, for each moment.
        run: the parameter that names the run.
    """

    hosts: tuple[str, ...]
    path: re.Pattern[str]
    example: str
    suffix: Mapping[Moment, str]
    query: Mapping[Moment, tuple[str, ...]]
    run: str

    @property
    def own(self) -> frozenset[str]:
        """The parameters that are ours to set."""
        return frozenset({self.run, *(pair.partition("=")[0] for pairs in self.query.values() for pair in pairs)})


_FORMS: Mapping[Service, _Form] = {
    Service.HEALTHCHECKS: _Form(
        hosts=("hc-ping.com",),
        path=re.compile(rf"(/[^/]+)*/({_UUID}|(?!{_UUID}/)[A-Za-z0-9_-]+/[a-z0-9_-]+)"),
        example="https://hc-ping.com/<uuid> or https://hc-ping.com/<ping key>/<slug>",
        suffix={Moment.START: "/start", Moment.END: ""},
        query={Moment.START: (), Moment.END: ()},
        run="rid",
    ),
    Service.SENTRY: _Form(
        hosts=("sentry.io",),
        path=re.compile(r"(/[^/]+)*/api/[^/]+/cron/[^/]+/[^/]+"),
        example="https://<ingest host>/api/<project>/cron/<monitor slug>/<public key>/",
        suffix={Moment.START: "/", Moment.END: "/"},
        query={Moment.START: ("status=in_progress",), Moment.END: ("status=ok",)},
        run="check_in_id",
    ),
    Service.CRONITOR: _Form(
        hosts=("cronitor.link", "cronitor.io"),
        path=re.compile(r"/p/[^/]+/[^/]+"),
        example="https://cronitor.link/p/<API key>/<monitor key>",
        suffix={Moment.START: "", Moment.END: ""},
        query={Moment.START: ("state=run",), Moment.END: ("state=complete",)},
        run="series",
    ),
}


@dataclass(frozen=True, slots=True)
class Ping:
    """One GET request.

    Args:
        origin: scheme, host and port.
        target: path and query; a secret.
    """

    origin: str
    target: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Where a route's runs are reported to. Its URL is a secret, and isn't shown.

    Args:
        service: whose format is spoken.
        origin: scheme, host and port.
        path: without a slash at the end.
        query: as configured, without the parameters that are ours to set.
    """

    service: Service
    origin: str
    path: str = field(repr=False)
    query: tuple[str, ...] = field(repr=False)

    def ping(self, moment: Moment, dispatch_key: str) -> Ping:
        """What is sent at the start or the end of a tick's run.

        Args:
            moment: which.
            dispatch_key: the tick.
        """
        form = _FORMS[self.service]
        query = (*self.query, f"{form.run}={run_id(dispatch_key)}", *form.query[moment])
        return Ping(self.origin, f"{self.path}{form.suffix[moment]}?{'&'.join(query)}")


def run_id(dispatch_key: str) -> UUID:
    """What a tick's run is known by to a service: the same in every process, so that its start and its end pair up."""
    return uuid5(_RUNS, dispatch_key)


def parse_heartbeat(name: str, url: str) -> Heartbeat:
    """Where to report to, as configured.

    Args:
        name: of the variable, for the error.
        url: `https://…` at a service's own host, or `<service>+https://…` anywhere.

    Raises:
        SettingsError: it is no URL of a service that is known. The text names the variable and never shows the URL.
    """
    parts = _split(name, url)
    service, scheme = _service(name, parts)
    form = _FORMS[service]
    path = parts.path.rstrip("/")
    if not form.path.fullmatch(path):
        raise SettingsError(f"{name} is no ping URL of {service}; write {form.example}")
    query = tuple(pair for pair in parts.query.split("&") if pair and _name(pair) not in form.own)
    return Heartbeat(service, f"{scheme}://{parts.netloc}", path, query)


def _split(name: str, url: str) -> SplitResult:
    """The parts of a URL that can be asked for as it stands."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise SettingsError(f"{name} has characters that no URL has; percent-encode them, or copy it again")
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    else:
        if "@" in parts.netloc:
            raise SettingsError(f"{name} carries a user name or password; the services want none: leave it out")
        if parts.fragment:
            raise SettingsError(f"{name} has a '#' part, which is never sent; leave it out")
        if usable:
            return parts
    raise SettingsError(f"{name} is no URL; write the one that the service shows, https://…")


def _service(name: str, parts: SplitResult) -> tuple[Service, str]:
    """Who is meant, and by which scheme it is asked."""
    said, plus, scheme = parts.scheme.rpartition("+")
    if scheme not in {"http", "https"}:
        raise SettingsError(f"{name} must begin with https:// (or http://)")
    if plus and said not in set(Service):
        raise SettingsError(f"{name} names no known service before the '+'; use one of {', '.join(Service)}")
    if plus:
        return Service(said), scheme
    host = (parts.hostname or "").rstrip(".")
    for service, form in _FORMS.items():
        if any(host == known or host.endswith(f".{known}") for known in form.hosts):
            return service, scheme
    prefixes = ", ".join(f"{service}+https://" for service in Service)
    raise SettingsError(
        f"{name} is at a host that is not known; say whose format it takes by beginning with {prefixes}"
    )


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])
