"""One-time links to the dashboard: made from a token, used once, in whichever replica."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from tickover.database import Database
from tickover.errors import SignInError
from tickover.sql import statement
from tickover.web.access.people import Person, Tokens
from tickover.web.access.sessions import Pass, Purpose, read, sign

LIVES = timedelta(minutes=15)
"""How long a link can be used."""


@dataclass(frozen=True, slots=True)
class _Used:
    is_first: bool


def one_time_link(url: str, path: str, person: Person, tokens: Tokens, now: datetime) -> str:
    """A link that lets one person in, once, within fifteen minutes.

    Args:
        url: where the application is reached.
        path: where the dashboard is mounted.
        person: whom it lets in.
        tokens: of each role, as the deployment has them.
        now: the time.
    """
    code = sign(Purpose.LINK, Pass(person, now + LIVES, secrets.token_urlsafe(16)), tokens)
    return f"{url.rstrip('/')}{path}/enter?code={code}"


async def use_code(database: Database, code: str, tokens: Tokens, now: datetime) -> Person:
    """Use a link; whom it lets in.

    Args:
        database: where it stands which were used.
        code: as it came.
        tokens: of each role.
        now: the time.

    Raises:
        SignInError: it is none of ours, its time is over, or somebody has used it.
    """
    granted = read(Purpose.LINK, code, tokens, now)
    if granted is None:
        raise SignInError("this link is not valid, or its fifteen minutes are over; make another one")
    used = {"number": granted.number, "ends_at": granted.ends_at, "now": now}
    if not await database.rows(_Used, statement("dashboard/use_link"), used):
        raise SignInError("this link has been used; it lets one person in once. Make another one")
    return granted.person
