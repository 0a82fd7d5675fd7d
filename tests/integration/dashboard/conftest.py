"""The dashboard of the probe application, and people who are signed in."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.integration.conftest import Serve, Site
from tickover.web.access.people import Role

OPERATOR_TOKEN = "an-operators-token-of-the-test-suite"
VIEWER_TOKEN = "a-viewers-token-of-the-test-suite"
TOKENS = {Role.OPERATOR: OPERATOR_TOKEN, Role.VIEWER: VIEWER_TOKEN}
BASE = "/tickover"


class Visitor:
    """A browser of somebody, without a browser."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **options: object) -> httpx.Response:
        """A page."""
        return await self.client.get(f"{BASE}{path}", **options)  # type: ignore[arg-type]

    async def mark(self) -> str:
        """What the forms of whoever is signed in carry."""
        page = await self.get("/rollout")
        return page.text.partition('name="mark" value="')[2].partition('"')[0]

    async def act(self, path: str, **fields: str) -> httpx.Response:
        """Send a form of ours."""
        return await self.client.post(f"{BASE}{path}", data={"mark": await self.mark()} | fields)


Visit = Callable[..., Awaitable[Visitor]]


@pytest.fixture
async def site(serve: Serve) -> Site:
    """The application, with a token for each role."""
    return await serve(TICKOVER_OPERATOR_TOKEN=OPERATOR_TOKEN, TICKOVER_VIEWER_TOKEN=VIEWER_TOKEN)


@pytest.fixture
def visit(site: Site) -> Visit:
    """Sign somebody in."""

    async def enter(role: Role | None = Role.OPERATOR, name: str = "ada") -> Visitor:
        transport = site.client._transport
        client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
        if role is not None:
            answer = await client.post(f"{BASE}/enter", data={"name": name, "token": TOKENS[role]})
            assert answer.status_code == 303, answer.text
        return Visitor(client)

    return enter
