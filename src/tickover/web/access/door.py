"""The door of the dashboard and of its API: whom a request comes from, and whether it was meant by them."""

import hmac
import secrets
from datetime import timedelta
from http import HTTPStatus

import structlog
from fastapi import Request, Response

from tickover import clock
from tickover.errors import RequestError
from tickover.settings import Settings
from tickover.variables import is_loopback
from tickover.web.access.people import Person, Role, Tokens
from tickover.web.access.sessions import Pass, Purpose, form_mark, read, sign

COOKIE = "tickover_session"
_log = structlog.stdlib.get_logger("tickover.web")
_OWN_SITE = ("same-origin", "none")  # "none": typed, or opened from outside the browser


class DashboardDoor:
    """Lets in whoever showed a token, and lets those act whose role allows it.

    Args:
        tokens: of each role that has one; closed where none has.
        session: how long somebody stays signed in.
        path: where the dashboard is mounted.
    """

    def __init__(self, tokens: Tokens, session: timedelta, path: str) -> None:
        self.tokens = tokens
        self._session = session
        self._path = path

    @property
    def is_closed(self) -> bool:
        """Whether nobody can be let in."""
        return not self.tokens

    def role_of(self, token: str) -> Role | None:
        """The role that a token gives. All are compared, in any case, so that the time this takes tells nothing."""
        shown = token.strip().encode(errors="surrogateescape")
        found = [role for role, known in self.tokens.items() if _is_same(shown, known.get_secret_value())]
        return found[-1] if found else None

    def signed_in(self, request: Request) -> Pass | None:
        """Who is signed in; None where nobody is, or no longer."""
        return read(Purpose.SESSION, request.cookies.get(COOKIE, ""), self.tokens, clock.now())

    def sign_in(self, request: Request, response: Response, person: Person) -> None:
        """Let somebody stay, by a cookie that no script can read and no other site can send along with a form."""
        granted = Pass(person, clock.now() + self._session, secrets.token_urlsafe(16))
        _log.info("dashboard.signed_in", name=person.name, role=str(person.role))
        response.set_cookie(
            COOKIE,
            sign(Purpose.SESSION, granted, self.tokens),
            max_age=int(self._session.total_seconds()),
            path=self._path,
            secure=request.url.scheme == "https" or not is_loopback(request.url.hostname or ""),
            httponly=True,
            samesite="lax",
        )

    def sign_out(self, response: Response) -> None:
        """Let somebody go."""
        response.delete_cookie(COOKIE, path=self._path)

    def form_mark(self, granted: Pass) -> str:
        """What every form of somebody who is signed in carries."""
        return form_mark(granted, self.tokens)

    def require_meant(self, request: Request) -> None:
        """Go on with a form that was sent from a page of ours, as far as the browser tells.

        Raises:
            RequestError: another site sent it.
        """
        site = request.headers.get("sec-fetch-site", "same-origin")
        if site not in _OWN_SITE:
            _log.warning("dashboard.forged", path=request.url.path, site=site)
            raise RequestError(
                HTTPStatus.FORBIDDEN, "other-site", "this form was sent by another site; nothing was done"
            )

    def require_act(self, request: Request, granted: Pass, mark: str) -> None:
        """Go on with an act that whoever is signed in has asked for, and may ask for.

        Raises:
            RequestError: their role does not allow it, or no page of ours asked for it.
        """
        self.require_meant(request)
        if not hmac.compare_digest(mark.encode(), self.form_mark(granted).encode()):
            _log.warning("dashboard.forged", path=request.url.path, name=granted.person.name)
            detail = "this form does not belong to your session; open the page again. Nothing was done"
            raise RequestError(HTTPStatus.FORBIDDEN, "forged-form", detail)
        require_operator(granted.person, request.url.path)

    def bearer(self, request: Request) -> Role:
        """The role of whoever calls the API.

        Raises:
            RequestError: they show no token, a wrong one, or none is configured.
        """
        if self.is_closed:
            detail = "set TICKOVER_OPERATOR_TOKEN or TICKOVER_VIEWER_TOKEN in this deployment"
            raise RequestError(HTTPStatus.UNAUTHORIZED, "no-token-configured", detail)
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        role = self.role_of(shown) if scheme.lower() == "bearer" else None
        if role is None:
            _log.warning("api.unauthenticated", path=request.url.path)
            detail = "send TICKOVER_OPERATOR_TOKEN or TICKOVER_VIEWER_TOKEN as 'Authorization: Bearer …'"
            raise RequestError(HTTPStatus.UNAUTHORIZED, "wrong-token", detail)
        return role


def require_operator(person: Person, path: str) -> None:
    """Go on with an act of somebody who may act.

    Raises:
        RequestError: they may only look.
    """
    if not person.may_act:
        _log.warning("dashboard.refused", path=path, name=person.name, role=str(person.role))
        detail = f"a {person.role} may look and not act; sign in with the operators' token. Nothing was done"
        raise RequestError(HTTPStatus.FORBIDDEN, "not-allowed", detail)


def make_dashboard_door(settings: Settings) -> DashboardDoor:
    """The door, as it was configured."""
    named = {Role.VIEWER: settings.viewer_token, Role.OPERATOR: settings.operator_token}
    tokens: Tokens = {role: token for role, token in named.items() if token is not None}
    return DashboardDoor(tokens, timedelta(hours=settings.session_hours), settings.dashboard_path)


def _is_same(shown: bytes, known: str) -> bool:
    return hmac.compare_digest(shown, known.encode())
