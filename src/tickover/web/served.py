"""What the routers need of the application they serve."""

from collections.abc import Mapping
from typing import Protocol

from tickover.contract import Contract
from tickover.database import Database
from tickover.engine.endpoint import Endpoint
from tickover.insight.views import Insight
from tickover.isolation.guard import Guard
from tickover.jobs.desk import JobDesk
from tickover.notices.notices import Notices
from tickover.rollout.controller import Rollout
from tickover.rollout.rollback import Rollback
from tickover.settings import Settings
from tickover.status.link import RedisLink
from tickover.status.store import StatusStore
from tickover.ticks.breaker import Breaker
from tickover.ticks.handler import TickHandler
from tickover.ticks.watch import Watch
from tickover.web.authentication import CronDoor
from tickover.web.doorkeeper import Doorkeeper


class Served(Protocol):
    """An application's parts, as `Tickover` has them.

    Attributes:
        app_id: what the engine knows it by.
        contract: its routes and functions.
        flags: the value of every route's flag and of the variable that beats it.
        database: where the ledger stands.
        redis: the way to Redis.
        settings: as they were read.
        door: who may fire a tick, and look at the status.
        handler: what answers ticks.
        breaker: what knows each route's circuit.
        watch: what settles the overdue between ticks.
        rollout: what moves functions forward.
        rollback: what takes them back.
        doorkeeper: what counts refused requests.
        status: each function's newest status.
        guard: what knows whether this process may act.
        insight: the ledger and the queue, as a reader sees them.
        desk: the job queue, as operators see it.
        notices: what somebody was told, and whether telling works.
        endpoint: what the engine calls; None where the key for it is missing.
    """

    app_id: str
    contract: Contract
    flags: Mapping[str, bool]
    database: Database
    redis: RedisLink
    settings: Settings
    door: CronDoor
    handler: TickHandler
    breaker: Breaker
    watch: Watch
    rollout: Rollout
    rollback: Rollback
    doorkeeper: Doorkeeper
    status: StatusStore
    guard: Guard
    insight: Insight
    desk: JobDesk
    notices: Notices
    endpoint: Endpoint | None

    async def open(self) -> None:
        """Open what needs the event loop; safe to call again."""
        ...

    async def close(self) -> None:
        """Give all connections back."""
        ...
