"""What every route of the API needs: who calls, and whether they may."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tickover.errors import RequestError
from tickover.web.access.door import DashboardDoor
from tickover.web.access.people import RIGHTS, Right, Role
from tickover.web.api.models import Problem
from tickover.web.served import Served

_BEARER = HTTPBearer(auto_error=False, description="TICKOVER_VIEWER_TOKEN to look, TICKOVER_OPERATOR_TOKEN to act")
_Shown = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words, "content": {"application/problem+json": {}}}
    for status, words in {
        400: "it cannot be asked for like this",
        401: "no token, or a wrong one",
        403: "the token's role does not allow it",
        404: "there is no such thing",
        409: "it may not be done as things stand, or this is the wrong environment",
        422: "it is malformed",
        503: "PostgreSQL cannot be reached",
    }.items()
}
"""Every way in which a call may fail."""


class Counter:
    """Lets programs call.

    Args:
        served: the application's parts.
        door: whom it lets in.
    """

    def __init__(self, served: Served, door: DashboardDoor) -> None:
        self.served = served
        self._door = door

    async def look(self, request: Request, _: _Shown) -> Role:
        """Let somebody look; their role is `request.state.role` from here on.

        Raises:
            RequestError: they show no token that counts.
            WrongEnvironmentError: what would be told belongs to another environment.
        """
        role: Role = self._door.bearer(request)
        request.state.role = role
        await self.served.open()
        await self.served.guard.require()
        return role

    async def act(self, request: Request, shown: _Shown) -> Role:
        """Let somebody act, as `look` does.

        Raises:
            RequestError: they show no token that counts, or one that lets them only look.
            WrongEnvironmentError: nothing may be changed here.
        """
        role = await self.look(request, shown)
        if Right.ACT not in RIGHTS[role]:
            detail = f"a {role} may look and not act; send TICKOVER_OPERATOR_TOKEN. Nothing was done"
            raise RequestError(HTTPStatus.FORBIDDEN, "not-allowed", detail)
        return role

    @property
    def looks(self) -> Any:
        """What a route depends on that tells."""
        return Depends(self.look)

    @property
    def acts(self) -> Any:
        """What a route depends on that does."""
        return Depends(self.act)
