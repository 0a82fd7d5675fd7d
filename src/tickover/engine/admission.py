"""Who may ask this deployment to register at the engine, and what keeps a call out before it is read. Pure.

Rule: inngest-wire, Sync (field notes F12, R3): whoever makes a deployment register decides where all runs go.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from tickover.engine.signing import is_fresh
from tickover.isolation.verdict import Verdict

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes of a request: an event has at most 512 KiB, and comes twice."""

_LENGTH = re.compile(r"[0-9]{1,15}")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request is not let in.

    Args:
        status: what it is answered.
        code: a stable, kebab-case name, the end of the problem document's `type`.
        detail: what was wrong, and what to do.
    """

    status: HTTPStatus
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """A request to register.

    Args:
        host: the one it was sent to, which the SDK registers where no origin is pinned: its `Host` header.
        forwarded_host: the one that a proxy kept, `X-Forwarded-Host`; anybody can set it.
        signature: the header, None without one.
        is_genuine: whether the signature is one of this deployment's keys.
        url: the URL that its body names, if it names one.
    """

    host: str
    forwarded_host: str
    signature: str | None
    is_genuine: bool
    url: str | None


def admit_unread(method: str, signature: str | None, length: str | None, now: datetime) -> Refused | None:
    """What keeps a request out before its body is read; None where nothing does.

    Args:
        method: of the request.
        signature: its header, None without one or where nothing is signed.
        length: its `content-length`, as it came.
        now: the time.
    """
    if length is not None and (_LENGTH.fullmatch(length) is None or int(length) > LARGEST_BODY):
        return too_large()
    if signature is not None and not is_fresh(signature, now):
        status = HTTPStatus.FORBIDDEN if method == "PUT" else HTTPStatus.UNAUTHORIZED
        return Refused(
            status,
            "stale-signature",
            "the signature was made more than five minutes from now: set the clock of this host, and the caller's",
        )
    return None


def too_large() -> Refused:
    """Why a body is not read to its end."""
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", f"a request has at most {LARGEST_BODY} bytes")


def admit_sync(verdict: Verdict, request: SyncRequest, *, is_signed_mode: bool) -> Refused | None:
    """Why a deployment does not register; None where it does.

    Args:
        verdict: what this process may do.
        request: who asks, and for where.
        is_signed_mode: whether there are keys; a dev server signs nothing.
    """
    if is_signed_mode and not request.is_genuine:
        is_unsigned = request.signature is None
        how = "unsigned" if is_unsigned else "signed with another key"
        return _refused(
            "unsigned-sync" if is_unsigned else "foreign-signature",
            f"this request to register is {how}: sync from the engine's own list of apps, or run `tickover sync` with "
            "INNGEST_SIGNING_KEY",
        )
    if (against := verdict.withheld) is not None:
        return _refused("may-not-sync", f"{against.text}; {against.remedy}")
    return _foreign(verdict, request, is_signed_mode=is_signed_mode)


def _foreign(verdict: Verdict, request: SyncRequest, *, is_signed_mode: bool) -> Refused | None:
    origin = verdict.serve_origin
    if origin is None:
        if verdict.environment.is_production:
            return _refused(
                "no-serve-origin",
                "nothing tells at which URL production is served: set INNGEST_SERVE_ORIGIN; the request's Host header "
                "does not count",
            )
        if is_signed_mode and (request.url is None or not _names(request.url, (request.host,))):
            return _refused(
                "foreign-host",
                "the request to register names another URL than it was sent to, or none: set INNGEST_SERVE_ORIGIN",
            )
        return None
    named = () if request.url is None else (_host(request.url),)
    # Who holds the key is believed what is in the body; on the way, a proxy may have changed the Host.
    sent_to = named if named and request.is_genuine else (request.host, request.forwarded_host)
    if not _names(origin, sent_to) or (named and not _names(origin, named)):
        return _refused(
            "foreign-host",
            f"this deployment registers as {origin} and as nothing else: sync it under that URL, or set "
            "INNGEST_SERVE_ORIGIN to the URL at which the engine is to reach it",
        )
    return None


def _refused(code: str, detail: str) -> Refused:
    return Refused(HTTPStatus.FORBIDDEN, code, detail)


def _names(url: str, hosts: tuple[str, ...]) -> bool:
    scheme, host = url.partition("://")[0].lower(), _host(url)
    return host != "" and _with_port(host, scheme) in {_with_port(host, scheme) for host in hosts}


def _host(url: str) -> str:
    """Host and port of a URL; empty where it is no URL."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _with_port(host: str, scheme: str) -> str:
    host = host.strip().lower()
    is_bare = ":" not in host.rpartition("]")[2]
    return f"{host}:{_PORTS.get(scheme, 0)}" if is_bare else host
