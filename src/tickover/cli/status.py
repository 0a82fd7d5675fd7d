"""`tickover status`: each function's newest status."""

import json
from datetime import datetime

from rich.console import Console

from tickover.cli.tables import cell, paper, plain_table
from tickover.database import Database
from tickover.isolation.environment import resolve
from tickover.ledger.store import Ledger
from tickover.settings import environment, load_settings, redis_url
from tickover.status.keys import GLOBAL
from tickover.status.link import RedisLink
from tickover.status.store import StatusStore
from tickover.ticks.identity import parse_client_id

_COLUMNS = {  # heading: field
    "status": "status",
    "path": "path",
    "started": "startedAt",
    "ms": "durationMs",
    "try": "attempt",
    "error": "lastError",
}


async def show_status(client_id: str | None, *, as_json: bool) -> None:
    """Print the newest status of every function that the ledger knows.

    Args:
        client_id: whose; None for that of all clients.
        as_json: one JSON object instead of a table.

    Raises:
        SettingsError: DATABASE_URL is missing, or another setting is malformed.
        RequestError: the client id is malformed.
    """
    settings = load_settings()
    client_id = parse_client_id(client_id)
    database = Database(settings.database_url, size=2)
    ledger = Ledger(database, settings.lease)
    redis = RedisLink(redis_url(settings), settings.redis_timeout)
    store = StatusStore(redis, ledger, settings.status_ttl, resolve(environment()).seal)
    await database.open()
    try:
        source, statuses = await store.read(client_id, await ledger.functions())
    finally:
        await redis.close()
        await database.close()
    if as_json:
        Console(soft_wrap=True).print_json(json.dumps({"source": source, "jobs": statuses}))
        return
    table = plain_table(["job", *_COLUMNS])
    for function, status in statuses.items():
        fields = status | {"startedAt": datetime.fromisoformat(status["startedAt"])}
        table.add_row(function, *(cell(fields[field]) for field in _COLUMNS.values()))
    paper().print(f"client {client_id or GLOBAL}, from {source}", table, sep="\n")
