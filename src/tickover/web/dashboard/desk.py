"""What every page of the dashboard needs: who looks, whether they may, and how it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from tickover.errors import RequestError, TickoverError
from tickover.isolation.redaction import secrets_in
from tickover.look.rendering import HEADERS, make_assets, make_renderer
from tickover.settings import environment
from tickover.web.access.door import DashboardDoor
from tickover.web.access.sessions import Pass
from tickover.web.served import Served

_LARGEST_FORM = 20_000  # bytes
_LONGEST_REASON = 500  # characters

PAGES = (
    ("/", "Overview"),
    ("/ticks", "Ticks"),
    ("/jobs", "Jobs"),
    ("/clients", "Clients"),
    ("/rollout", "Rollout"),
    ("/notices", "Notices"),
    ("/audit", "Audit"),
    ("/check", "Check"),
)
"""Every page that the frame leads to, below where the dashboard is mounted."""


class NotSignedInError(TickoverError):
    """Nobody is signed in; they are led to where that is done."""


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody who is signed in, and may act, has sent.

    Args:
        by: whom the act is recorded under.
        fields: what they filled in; the mark left out.
    """

    by: str
    fields: Mapping[str, str]

    @property
    def reason(self) -> str:
        """Why.

        Raises:
            RequestError: they said not why, or far too much.
        """
        reason = self.fields.get("reason", "").strip()
        if not reason:
            raise RequestError(HTTPStatus.BAD_REQUEST, "no-reason", "say why: it is kept, and shown. Nothing was done")
        if len(reason) > _LONGEST_REASON:
            detail = f"a reason has at most {_LONGEST_REASON} characters; this one has {len(reason)}. Nothing was done"
            raise RequestError(HTTPStatus.BAD_REQUEST, "long-reason", detail)
        return reason


class Desk:
    """Lets people in, and shows them pages.

    Args:
        served: the application's parts.
        door: whom it lets in.
    """

    def __init__(self, served: Served, door: DashboardDoor) -> None:
        self.served = served
        self.door = door
        self.base = served.settings.dashboard_path
        self.asset = make_assets([Path(__file__).with_name("static")])
        names = {"base": self.base, "pages": PAGES}
        self._show = make_renderer("tickover.web.dashboard", names, secrets_in(environment()))

    def show(
        self, request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, /, *, here: str = "", **values: Any
    ) -> Response:
        """A page.

        Args:
            request: that asks for it; who is signed in is told on the page.
            template: its name.
            status: of the answer.
            here: the page among `PAGES`.
            values: what it shows.
        """
        granted = self.door.signed_in(request)
        known = {
            "person": None if granted is None else granted.person,
            "mark": "" if granted is None else self.door.form_mark(granted),
            "done": request.query_params.get("done", ""),
            "here": here,
        }
        return self._show(request, template, status, **known, **values)

    async def admit(self, request: Request) -> Pass:
        """Whoever is signed in, where this process may look at its stores at all.

        Raises:
            RequestError: the dashboard is closed.
            NotSignedInError: nobody is signed in.
            WrongEnvironmentError: what would be shown belongs to another environment.
        """
        granted = self._signed_in(request)
        await self.served.open()
        await self.served.guard.require()
        return granted

    async def admit_to_check(self, request: Request) -> Pass:
        """As `admit`, also where the environment is wrong: what is wrong with it has to be seen somewhere."""
        granted = self._signed_in(request)
        await self.served.open()
        return granted

    def require_open(self) -> None:
        """Go on where somebody can be let in at all.

        Raises:
            RequestError: no token is configured.
        """
        if self.door.is_closed:
            detail = "set TICKOVER_OPERATOR_TOKEN, and TICKOVER_VIEWER_TOKEN for those who only look"
            raise RequestError(HTTPStatus.FORBIDDEN, "closed", f"the dashboard is closed: {detail}")

    def _signed_in(self, request: Request) -> Pass:
        self.require_open()
        granted = self.door.signed_in(request)
        if granted is None:
            raise NotSignedInError(request.url.path)
        return granted

    async def act(self, request: Request) -> Form:
        """What somebody asks to be done, who may ask for it.

        Raises:
            RequestError: they may not, no page of ours asked for it, or it is malformed.
            NotSignedInError: nobody is signed in.
            WrongEnvironmentError: nothing may be changed here.
        """
        granted = self._signed_in(request)
        fields = await read_form(request)
        self.door.require_act(request, granted, fields.pop("mark", ""))
        await self.served.open()
        await self.served.guard.require()
        return Form(f"{granted.person.name} on the dashboard", fields)

    def to(self, path: str, done: str = "") -> Response:
        """Lead to a page.

        Args:
            path: below where the dashboard is mounted.
            done: the word for what was done, which that page tells.
        """
        said = f"{'&' if '?' in path else '?'}done={quote(done)}" if done else ""
        return RedirectResponse(f"{self.base}{path}{said}", HTTPStatus.SEE_OTHER, dict(HEADERS))


async def read_form(request: Request) -> dict[str, str]:
    """What a form carries; the last of several values of one field.

    Raises:
        RequestError: it is none, or too large.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no-form", "send a form")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            detail = f"a form has at most {_LARGEST_FORM} bytes; nothing was done"
            raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:
        raise RequestError(HTTPStatus.BAD_REQUEST, "no-form", "this is no form that can be read") from None
    if any("\x00" in text for pair in pairs for text in pair):
        raise RequestError(HTTPStatus.BAD_REQUEST, "no-form", "a field holds a character that no text has (NUL)")
    return dict(pairs)
