"""What somebody was told of, and whether telling works."""

from fastapi import APIRouter, Depends, Request, Response

from tickover.web.dashboard.desk import Desk

_LIMIT = 100


def notice_pages(desk: Desk) -> APIRouter:
    """The router of notices."""
    router = APIRouter()
    notices = desk.served.notices

    @router.get("/notices", dependencies=[Depends(desk.admit)])
    async def show(request: Request) -> Response:
        """What is open, and what was."""
        values = {"notices": await notices.recent(_LIMIT), "destinations": notices.destinations}
        return desk.show(request, "notices.html", here="/notices", tried=None, **values)

    @router.post("/notices/test")
    async def test(request: Request) -> Response:
        """Send a test message to each destination, and say what came of it."""
        form = await desk.act(request)
        tried = await notices.test(form.by)
        values = {"notices": await notices.recent(_LIMIT), "destinations": notices.destinations}
        return desk.show(request, "notices.html", here="/notices", tried=tried, **values)

    return router
